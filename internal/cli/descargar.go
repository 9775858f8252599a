package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/cliente"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// descargar is one run of the command of that name.
type descargar struct {
	Streams
	now func() time.Time

	rfc, desde, hasta, tipo, que, servicio            string
	emisor, estado, comprobante, complemento, tercero string
	receptores                                        []string
	plazo                                             int
	carpeta, gateway, archivoDeClave                  string
	conXML, conBOM, nueva, enJSON, verboso            bool
	espera                                            time.Duration
}

func ordenDescargar(s Streams, now func() time.Time) *cobra.Command {
	d := &descargar{Streams: s, now: now}
	c := conCodigos(&cobra.Command{
		Use:   "descargar --rfc RFC --desde FECHA --hasta FECHA",
		Short: "Baja del SAT los comprobantes de un RFC y unas fechas, a una carpeta",
		Long: `Pide al SAT todos los comprobantes de un RFC y unas fechas, sigue la descarga hasta el final, que
puede tardar de minutos a días, y deja en una carpeta los ZIP, un CSV con una fila por comprobante
y, con --xml, cada XML.

La descarga es durable: Ctrl-C o un apagón no pierden nada. La misma orden otra vez sigue la que
está en curso, o entrega la que ya terminó, y no vuelve a gastar la cuota del SAT; con --nueva se
pide otra. Lo que ya está completo en la carpeta no se baja dos veces, y ningún archivo tiene su
nombre antes de estar completo.

Con --gateway (o GATEWAY_URL) la pide a una pasarela que ya corre, con una clave de API. Sin él
arranca una aquí mismo mientras dura la orden, con la configuración GATEWAY_* del entorno.`,
		Example: `  # Los XML que recibió en enero, con una pasarela propia
  export GATEWAY_EFIRMA_DIR=./efirmas
  gateway descargar --rfc PRU010101AB1 --desde 2026-01-01 --hasta 2026-01-31 --xml

  # Los metadatos de lo emitido en un año, con una que ya corre
  gateway descargar --gateway https://pasarela.example --api-key-file terminal.key \
    --rfc PRU010101AB1 --desde 2025-01-01 --hasta 2025-12-31 --tipo emitidos --que metadata`,
		Args: sinArgumentos,
		RunE: func(c *cobra.Command, _ []string) error { return d.corre(c.Context()) },
	}, []codigo{
		{ExitOK, "terminó, y todo está en la carpeta y se puede leer; o el SAT no tiene comprobantes"}, {ExitFailed, "no se pudo; dice por qué"},
		{ExitUsage, "la orden o alguno de sus datos está mal"}, {ExitParcial, "terminó parcial, algo de los paquetes no se puede leer, o la pasarela ya los borró: en la carpeta está lo que hubo"},
		{ExitFallida, "fallida: no hay nada ni vendrá"}, {ExitCancelada, "alguien la canceló; en la carpeta está lo que hubo"},
		{ExitSigue, "sigue en curso y se acabó --espera; la misma orden la retoma"}, {ExitInterrupted, "se interrumpió; la misma orden la retoma"},
	})
	d.opciones(c)
	return c
}

func (d *descargar) opciones(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&d.rfc, "rfc", "", "`RFC` que solicita; su e.firma firma")
	f.StringVar(&d.desde, "desde", "", "primera `FECHA`: 2026-01-31, o 2026-01-31T13:45:00, hora del centro de México")
	f.StringVar(&d.hasta, "hasta", "", "última `FECHA`, incluida: 2026-01-31 es hasta las 23:59:59")
	f.StringVar(&d.tipo, "tipo", gateway.Recibidos, "`SENTIDO`: emitidos o recibidos por el RFC")
	f.StringVar(&d.que, "que", "cfdi", "`QUÉ` bajar: cfdi, los XML; o metadata, una fila de cada uno")
	f.StringVar(&d.servicio, "servicio", string(gateway.CFDI), "`SERVICIO` del SAT: cfdi o retenciones")
	f.StringVar(&d.estado, "estado", "", "`ESTADO`: vigente, cancelado o todos; si falta, vigente con cfdi y todos con metadata")
	f.StringVar(&d.comprobante, "comprobante", "", "solo los de un `TIPO`: I, E, T, N o P")
	f.StringVar(&d.complemento, "complemento", "", "solo los que llevan un `COMPLEMENTO`, como nomina12")
	f.StringVar(&d.emisor, "rfc-emisor", "", "solo los de un emisor, por su `RFC`; con recibidos")
	f.StringSliceVar(&d.receptores, "rfc-receptor", nil, "solo los de hasta cinco receptores, por su `RFC`; con emitidos")
	f.StringVar(&d.tercero, "tercero", "", "solo los emitidos a cuenta de un tercero, por su `RFC`")
	f.IntVar(&d.plazo, "plazo-horas", 0, "cuántas `HORAS` insistir ante el SAT; si falta, 240, y hasta 60 días por lo que ya aceptó")
	f.StringVar(&d.carpeta, "carpeta", "", "`CARPETA` donde dejar los archivos; si falta, una con el RFC y las fechas, en ./descargas")
	f.BoolVar(&d.conXML, "xml", false, "deja también cada XML, en xml/FOLIO-FISCAL.xml, en minúsculas")
	f.BoolVar(&d.conBOM, "bom", false, "el CSV con la marca de UTF-8, que Excel necesita para los acentos")
	f.BoolVar(&d.nueva, "nueva", false, "pide otra aunque haya una igual terminada; gasta cuota del SAT")
	f.DurationVar(&d.espera, "espera", 0, "deja de esperar tras una `DURACIÓN` como 2h; si falta, espera hasta el final")
	f.StringVar(&d.gateway, "gateway", "", "`URL` de una pasarela que ya corre; si falta, GATEWAY_URL")
	f.StringVar(&d.archivoDeClave, "api-key-file", "", "`ARCHIVO` con la clave de API; si falta, GATEWAY_API_KEY_FILE")
	f.BoolVar(&d.enJSON, "json", false, "el resultado en JSON, para programas")
	f.BoolVarP(&d.verboso, "verbose", "v", false, "cuenta cada paso, y el registro de la pasarela propia, en la salida de errores")
	deLista(c, "tipo", "emitidos\tlos que emitió el RFC", "recibidos\tlos que recibió el RFC")
	deLista(c, "que", "cfdi\tlos XML", "metadata\tuna fila por comprobante")
	deLista(c, "servicio", "cfdi\tfacturas, nómina, pagos…", "retenciones\tconstancias de retenciones")
	deLista(c, "estado", "vigente\tlos que no se cancelaron", "cancelado\tlos que se cancelaron", "todos\tambos")
	deLista(c, "comprobante", "I\tingreso", "E\tegreso", "T\ttraslado", "N\tnómina", "P\tpago")
	deLista(c, "complemento", gateway.Complementos(gateway.CFDI)...)
}

func (d *descargar) corre(ctx context.Context) (err error) {
	p, err := d.peticion()
	if err != nil {
		return err
	}
	carpeta, err := d.abreCarpeta(p)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, carpeta.Cierra()) }()
	ajustes, err := config.LoadCliente()
	if err != nil {
		return err
	}
	remota := cmp.Or(d.gateway, ajustes.URL)
	if d.verboso {
		// The gateway inside logs to the same place as what is told here, line by line.
		d.Err = limpia{zerolog.SyncWriter(crudo(d.Err))}
	}
	avance := d.avance()
	api, cierra, err := d.conecta(ctx, remota, cmp.Or(d.archivoDeClave, ajustes.APIKeyFile), carpeta.Dir())
	if err != nil {
		if ctx.Err() != nil {
			return d.explica(ctx, err, remota, false)
		}
		return err
	}
	hecho, err := d.lleva(ctx, api, p, carpeta, avance)
	avance.cierra()
	api.Cierra()
	if err = errors.Join(d.explica(ctx, err, remota, hecho.Origen != ""), cierra()); err != nil {
		return err
	}
	return d.informa(hecho, carpeta.Dir())
}

// resultado is what a run has come to.
type resultado struct {
	Origen cliente.Origen `json:"origen"`
	cliente.Manifiesto
}

// lleva takes the descarga from the question to the files.
func (d *descargar) lleva(ctx context.Context, api *cliente.Cliente, p rest.PeticionDescarga, carpeta *cliente.Carpeta, avance avance) (resultado, error) {
	var r resultado
	if api.Expuesta() {
		avance.dice("Aviso: la clave de API va por la red sin cifrar; use https.")
	}
	vista, origen, err := api.Pide(ctx, p, d.nueva)
	if err != nil {
		return r, err
	}
	r.Origen = origen
	avance.dice(comoEmpieza(vista, origen))
	if err := carpeta.Anota(vista); err != nil {
		return r, err
	}
	final, err := d.hastaElFinal(ctx, api, vista, avance)
	if err != nil {
		return r, err
	}
	r.Manifiesto, err = api.Guarda(ctx, final, carpeta, cliente.Opciones{XML: d.conXML, BOM: d.conBOM, Avisa: avance.archivo})
	return r, err
}

// hastaElFinal follows a descarga for as long as people want to wait.
func (d *descargar) hastaElFinal(ctx context.Context, api *cliente.Cliente, vista rest.Descarga, avance avance) (rest.Descarga, error) {
	if cliente.Final(vista.Estado) {
		// What happened to it is history, and its list had no solicitudes.
		return api.Descarga(ctx, vista.IDDescarga)
	}
	espera := ctx
	if d.espera > 0 {
		var cancel context.CancelFunc
		espera, cancel = context.WithTimeoutCause(ctx, d.espera, errEspera)
		defer cancel()
	}
	final, err := api.Sigue(espera, vista.IDDescarga, avance.paso)
	if err != nil && ctx.Err() == nil && errors.Is(context.Cause(espera), errEspera) {
		err = errEspera
	}
	return final, err
}

// errEspera is that --espera is over.
var errEspera = errors.New("se acabó --espera")

func comoEmpieza(d rest.Descarga, origen cliente.Origen) string {
	switch origen {
	case cliente.Reutilizada:
		return fmt.Sprintf("La descarga %s es igual y ya acabó, el %s.\nSe usa esa, sin gastar cuota del SAT; con --nueva se pide otra.",
			d.IDDescarga, d.Termino.Format("2006-01-02 15:04 MST"))
	case cliente.EnCurso:
		return fmt.Sprintf("La descarga %s es igual y sigue en curso:\nse sigue esa.", d.IDDescarga)
	}
	return fmt.Sprintf("Se pidió la descarga %s.\nEl SAT tarda de minutos a días; Ctrl-C no pierde nada.", d.IDDescarga)
}

// explica turns what went wrong into what to do, and its exit code.
func (d *descargar) explica(ctx context.Context, err error, remota string, pedida bool) error {
	var problema *cliente.Problema
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil && !pedida:
		return &errSalida{ExitInterrupted, errors.New("interrumpida antes de saber si la descarga quedó pedida; la misma orden lo averigua y sigue")}
	case ctx.Err() != nil:
		return &errSalida{ExitInterrupted, errors.New("interrumpida. La descarga sigue anotada: " + d.comoSeguir(remota))}
	case errors.Is(err, errEspera):
		return &errSalida{ExitSigue, errors.New("se acabó la espera. La descarga sigue anotada: " + d.comoSeguir(remota))}
	case errors.As(err, &problema):
		return deProblema(problema)
	case errors.Is(err, cliente.ErrSinPasarela):
		return fmt.Errorf("%w; revise --gateway, o espere a que la pasarela vuelva y repita la orden", err)
	}
	return err
}

func (d *descargar) comoSeguir(remota string) string {
	orden := "la misma orden"
	if d.nueva {
		// With it, the next run would ask for another one once this has ended.
		orden += ", sin --nueva,"
	}
	if remota != "" {
		return "la pasarela la lleva, y " + orden + " la retoma donde va."
	}
	return orden + " la retoma donde va, y «gateway serve» la lleva entretanto."
}

// deProblema says a refusal of the gateway with the options that people typed.
func deProblema(p *cliente.Problema) error {
	texto := p.Error()
	for _, campo := range p.Errores {
		opcion, _, _ := strings.Cut(campo.Campo, "/")
		texto += "\n  " + cmp.Or(opcionDe(opcion), campo.Campo) + ": " + campo.Detalle
		if len(campo.ValoresValidos) > 0 {
			texto += " Valores: " + strings.Join(campo.ValoresValidos, ", ") + "."
		}
	}
	switch {
	case p.Status == 401:
		return fmt.Errorf("%s\nDé la clave con --api-key-file o GATEWAY_API_KEY_FILE; la crea «gateway keys create»", texto)
	case len(p.Errores) > 0:
		return &errUso{texto}
	}
	return errors.New(texto)
}

func opcionDe(campo string) string {
	return map[string]string{
		"rfcSolicitante": "--rfc", "fechaInicial": "--desde", "fechaFinal": "--hasta", "tipoDescarga": "--tipo", "tipoSolicitud": "--que",
		"servicio": "--servicio", "estadoComprobante": "--estado", "tipoComprobante": "--comprobante", "complemento": "--complemento",
		"rfcEmisor": "--rfc-emisor", "rfcReceptores": "--rfc-receptor", "rfcACuentaTerceros": "--tercero", "plazoHoras": "--plazo-horas",
	}[campo]
}

func (d *descargar) abreCarpeta(p rest.PeticionDescarga) (*cliente.Carpeta, error) {
	dir := d.carpeta
	if dir == "" {
		// Windows takes no colon in a name.
		dir = filepath.Join("descargas", strings.ReplaceAll(strings.Join([]string{d.rfc, d.tipo, d.que, d.desde, d.hasta}, "_"), ":", ""))
	}
	c, err := cliente.AbreCarpeta(dir, p)
	switch {
	case errors.Is(err, cliente.ErrOcupada):
		return nil, fmt.Errorf("otra orden está escribiendo en %s; espere a que acabe, o use otra --carpeta", dir)
	case errors.Is(err, cliente.ErrDeOtra):
		return nil, &errUso{fmt.Sprintf("--carpeta: %s es de una descarga con otros datos, que están en su descarga.json; use otra.", dir)}
	case err != nil:
		return nil, fmt.Errorf("--carpeta: no se puede usar %s: %w", dir, err)
	}
	return c, nil
}
