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
	"github.com/pasarela-mx/pasarela/internal/client"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/gateway"
)

// download is one run of the command.
type download struct {
	Streams
	now func() time.Time

	rfc, since, until, tipo, que, servicio            string
	emisor, estado, comprobante, complemento, tercero string
	receptores                                        []string
	deadline                                          int
	folder, gateway, keyFile                          string
	withXML, withBOM, new, inJSON, verbose            bool
	wait                                              time.Duration
}

func orderDownload(s Streams, now func() time.Time) *cobra.Command {
	d := &download{Streams: s, now: now}
	c := withCodigos(&cobra.Command{
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
		Args: withoutArguments,
		RunE: func(c *cobra.Command, _ []string) error { return d.run(c.Context()) },
	}, []codigo{
		{ExitOK, "terminó, y todo está en la carpeta y se puede leer; o el SAT no tiene comprobantes"}, {ExitFailed, "no se pudo; dice por qué"},
		{ExitUsage, "la orden o alguno de sus datos está mal"}, {ExitPartial, "terminó parcial, algo de los paquetes no se puede leer, o la pasarela ya los borró: en la carpeta está lo que hubo"},
		{ExitDescargaFailed, "fallida: no hay nada ni vendrá"}, {ExitCancelled, "alguien la canceló; en la carpeta está lo que hubo"},
		{ExitStillRunning, "sigue en curso y se acabó --espera; la misma orden la retoma"}, {ExitInterrupted, "se interrumpió; la misma orden la retoma"},
	})
	d.options(c)
	return c
}

func (d *download) options(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&d.rfc, "rfc", "", "`RFC` que solicita; su e.firma firma")
	f.StringVar(&d.since, "desde", "", "primera `FECHA`: 2026-01-31, o 2026-01-31T13:45:00, hora del centro de México")
	f.StringVar(&d.until, "hasta", "", "última `FECHA`, incluida: 2026-01-31 es hasta las 23:59:59")
	f.StringVar(&d.tipo, "tipo", gateway.Recibidos, "`SENTIDO`: emitidos o recibidos por el RFC")
	f.StringVar(&d.que, "que", "cfdi", "`QUÉ` bajar: cfdi, los XML; o metadata, una fila de cada uno")
	f.StringVar(&d.servicio, "servicio", string(gateway.CFDI), "`SERVICIO` del SAT: cfdi o retenciones")
	f.StringVar(&d.estado, "estado", "", "`ESTADO`: vigente, cancelado o todos; si falta, vigente con cfdi y todos con metadata")
	f.StringVar(&d.comprobante, "comprobante", "", "solo los de un `TIPO`: I, E, T, N o P")
	f.StringVar(&d.complemento, "complemento", "", "solo los que llevan un `COMPLEMENTO`, como nomina12")
	f.StringVar(&d.emisor, "rfc-emisor", "", "solo los de un emisor, por su `RFC`; con recibidos")
	f.StringSliceVar(&d.receptores, "rfc-receptor", nil, "solo los de hasta cinco receptores, por su `RFC`; con emitidos")
	f.StringVar(&d.tercero, "tercero", "", "solo los emitidos a cuenta de un tercero, por su `RFC`")
	f.IntVar(&d.deadline, "plazo-horas", 0, "cuántas `HORAS` insistir ante el SAT; si falta, 240, y hasta 60 días por lo que ya aceptó")
	f.StringVar(&d.folder, "carpeta", "", "`CARPETA` donde dejar los archivos; si falta, una con el RFC y las fechas, en ./descargas")
	f.BoolVar(&d.withXML, "xml", false, "deja también cada XML, en xml/FOLIO-FISCAL.xml, en minúsculas")
	f.BoolVar(&d.withBOM, "bom", false, "el CSV con la marca de UTF-8, que Excel necesita para los acentos")
	f.BoolVar(&d.new, "nueva", false, "pide otra aunque haya una igual terminada; gasta cuota del SAT")
	f.DurationVar(&d.wait, "espera", 0, "deja de esperar tras una `DURACIÓN` como 2h; si falta, espera hasta el final")
	f.StringVar(&d.gateway, "gateway", "", "`URL` de una pasarela que ya corre; si falta, GATEWAY_URL")
	f.StringVar(&d.keyFile, "api-key-file", "", "`ARCHIVO` con la clave de API; si falta, GATEWAY_API_KEY_FILE")
	f.BoolVar(&d.inJSON, "json", false, "el resultado en JSON, para programas")
	f.BoolVarP(&d.verbose, "verbose", "v", false, "cuenta cada paso, y el registro de la pasarela propia, en la salida de errores")
	ofList(c, "tipo", "emitidos\tlos que emitió el RFC", "recibidos\tlos que recibió el RFC")
	ofList(c, "que", "cfdi\tlos XML", "metadata\tuna fila por comprobante")
	ofList(c, "servicio", "cfdi\tfacturas, nómina, pagos…", "retenciones\tconstancias de retenciones")
	ofList(c, "estado", "vigente\tlos que no se cancelaron", "cancelado\tlos que se cancelaron", "todos\tambos")
	ofList(c, "comprobante", "I\tingreso", "E\tegreso", "T\ttraslado", "N\tnómina", "P\tpago")
	ofList(c, "complemento", gateway.Complementos(gateway.CFDI)...)
}

func (d *download) run(ctx context.Context) (err error) {
	p, err := d.request()
	if err != nil {
		return err
	}
	folder, err := d.openFolder(p)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	settings, err := config.LoadClient()
	if err != nil {
		return err
	}
	remote := cmp.Or(d.gateway, settings.URL)
	if d.verbose {
		// The gateway in this process logs to the same place as these lines.
		d.Err = cleanWriter{zerolog.SyncWriter(raw(d.Err))}
	}
	progress := d.progress()
	api, shut, err := d.connect(ctx, remote, cmp.Or(d.keyFile, settings.APIKeyFile), folder.Dir())
	if err != nil {
		if ctx.Err() != nil {
			return d.explain(ctx, err, remote, false)
		}
		return err
	}
	done, err := d.carry(ctx, api, p, folder, progress)
	progress.close()
	api.Close()
	if err = errors.Join(d.explain(ctx, err, remote, done.Origen != ""), shut()); err != nil {
		return err
	}
	return d.inform(done, folder.Dir())
}

// result is the outcome of a run.
type result struct {
	Origen client.Origin `json:"origen"`
	client.Manifiesto
}

// carry takes the descarga from the request to the files.
func (d *download) carry(ctx context.Context, api *client.Client, p rest.PeticionDescarga, folder *client.Folder, progress progress) (result, error) {
	var r result
	if api.Exposed() {
		progress.say("Aviso: la clave de API va por la red sin cifrar; use https.")
	}
	view, origin, err := api.Ask(ctx, p, d.new)
	if err != nil {
		return r, err
	}
	r.Origen = origin
	progress.say(howItBegins(view, origin))
	if err := folder.Record(view); err != nil {
		return r, err
	}
	final, err := d.untilEnd(ctx, api, view, progress)
	if err != nil {
		return r, err
	}
	r.Manifiesto, err = api.Save(ctx, final, folder, client.Options{XML: d.withXML, BOM: d.withBOM, Notify: progress.file})
	return r, err
}

// untilEnd follows a descarga for as long as the user wants to wait.
func (d *download) untilEnd(ctx context.Context, api *client.Client, view rest.Descarga, progress progress) (rest.Descarga, error) {
	if client.Final(view.Estado) {
		// Its past events are history, and the list had no solicitudes.
		return api.Descarga(ctx, view.IDDescarga)
	}
	wait := ctx
	if d.wait > 0 {
		var cancel context.CancelFunc
		wait, cancel = context.WithTimeoutCause(ctx, d.wait, errWait)
		defer cancel()
	}
	final, err := api.Follow(wait, view.IDDescarga, progress.step)
	if err != nil && ctx.Err() == nil && errors.Is(context.Cause(wait), errWait) {
		err = errWait
	}
	return final, err
}

// errWait means that --espera has passed.
var errWait = errors.New("se acabó --espera")

func howItBegins(d rest.Descarga, origin client.Origin) string {
	switch origin {
	case client.Reutilizada:
		return fmt.Sprintf("La descarga %s es igual y ya acabó, el %s.\nSe usa esa, sin gastar cuota del SAT; con --nueva se pide otra.",
			d.IDDescarga, d.Termino.Format("2006-01-02 15:04 MST"))
	case client.EnCurso:
		return fmt.Sprintf("La descarga %s es igual y sigue en curso:\nse sigue esa.", d.IDDescarga)
	}
	return fmt.Sprintf("Se pidió la descarga %s.\nEl SAT tarda de minutos a días; Ctrl-C no pierde nada.", d.IDDescarga)
}

// explain turns an error into advice and an exit code.
func (d *download) explain(ctx context.Context, err error, remote string, requested bool) error {
	var problem *client.Problem
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil && !requested:
		return &errOutput{ExitInterrupted, errors.New("interrumpida antes de saber si la descarga quedó pedida; la misma orden lo averigua y sigue")}
	case ctx.Err() != nil:
		return &errOutput{ExitInterrupted, errors.New("interrumpida. La descarga sigue anotada: " + d.howToGoOn(remote))}
	case errors.Is(err, errWait):
		return &errOutput{ExitStillRunning, errors.New("se acabó la espera. La descarga sigue anotada: " + d.howToGoOn(remote))}
	case errors.As(err, &problem):
		return ofProblem(problem)
	case errors.Is(err, client.ErrWithoutPasarela):
		return fmt.Errorf("%w; revise --gateway, o espere a que la pasarela vuelva y repita la orden", err)
	}
	return err
}

func (d *download) howToGoOn(remote string) string {
	order := "la misma orden"
	if d.new {
		// With --nueva, the next run would ask for another descarga once this one has
		// ended.
		order += ", sin --nueva,"
	}
	if remote != "" {
		return "la pasarela la lleva, y " + order + " la retoma donde va."
	}
	return order + " la retoma donde va, y «gateway serve» la lleva entretanto."
}

// ofProblem restates a refusal of the gateway in terms of the options.
func ofProblem(p *client.Problem) error {
	text := p.Error()
	for _, field := range p.Errores {
		option, _, _ := strings.Cut(field.Campo, "/")
		text += "\n  " + cmp.Or(optionOf(option), field.Campo) + ": " + field.Detalle
		if len(field.ValoresValidos) > 0 {
			text += " Valores: " + strings.Join(field.ValoresValidos, ", ") + "."
		}
	}
	switch {
	case p.Status == 401:
		return fmt.Errorf("%s\nDé la clave con --api-key-file o GATEWAY_API_KEY_FILE; la crea «gateway keys create»", text)
	case len(p.Errores) > 0:
		return &errUse{text}
	}
	return errors.New(text)
}

func optionOf(field string) string {
	return map[string]string{
		"rfcSolicitante": "--rfc", "fechaInicial": "--desde", "fechaFinal": "--hasta", "tipoDescarga": "--tipo", "tipoSolicitud": "--que",
		"servicio": "--servicio", "estadoComprobante": "--estado", "tipoComprobante": "--comprobante", "complemento": "--complemento",
		"rfcEmisor": "--rfc-emisor", "rfcReceptores": "--rfc-receptor", "rfcACuentaTerceros": "--tercero", "plazoHoras": "--plazo-horas",
	}[field]
}

func (d *download) openFolder(p rest.PeticionDescarga) (*client.Folder, error) {
	dir := d.folder
	if dir == "" {
		// Windows does not allow a colon in a name.
		dir = filepath.Join("descargas", strings.ReplaceAll(strings.Join([]string{d.rfc, d.tipo, d.que, d.since, d.until}, "_"), ":", ""))
	}
	c, err := client.OpenFolder(dir, p)
	switch {
	case errors.Is(err, client.ErrBusy):
		return nil, fmt.Errorf("otra orden está escribiendo en %s; espere a que acabe, o use otra --carpeta", dir)
	case errors.Is(err, client.ErrOther):
		return nil, &errUse{fmt.Sprintf("--carpeta: %s es de una descarga con otros datos, que están en su descarga.json; use otra.", dir)}
	case err != nil:
		return nil, fmt.Errorf("--carpeta: no se puede usar %s: %w", dir, err)
	}
	return c, nil
}
