package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/descargas"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/ledger"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// What the golden rows say. Every field of every type that is kept as JSON has a value.

const (
	dueno = "key_abcdefghijklmnopqrstuvwxyz"
	sumaA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	sumaB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func ahora() time.Time { return time.Date(2026, 3, 1, 10, 20, 30, 123456789, time.UTC) }

// pedida is a solicitud that is valid, entera one with every field.
func pedida() gateway.Solicitud {
	return gateway.Solicitud{Servicio: gateway.CFDI, TipoDescarga: gateway.Emitidos, RFCSolicitante: "PRU010101AB1", TipoSolicitud: gateway.TipoCFDI,
		FechaInicial: "2026-01-01T00:00:00", FechaFinal: "2026-01-31T23:59:59", RFCReceptores: []string{"Ñ&P010101AB3", "XAXX010101000"}}
}

func entera() gateway.Solicitud {
	return gateway.Solicitud{Servicio: gateway.Retenciones, Version: gateway.Version15, TipoDescarga: gateway.Recibidos, RFCSolicitante: "PRU010101AB1",
		FechaInicial: "2026-01-01T00:00:00", FechaFinal: "2026-01-31T23:59:59", RFCEmisor: "EMI010101AB1", RFCReceptor: "PRU010101AB1",
		RFCReceptores: []string{"XAXX010101000", "Ñ&P010101AB3"}, TipoSolicitud: gateway.TipoMetadata, EstadoComprobante: gateway.EstadoTodos,
		TipoComprobante: "I", Complemento: "nomina12", RFCACuentaTerceros: "TER010101AB1", Folio: "11111111-2222-4333-8444-555555555555"}
}

func peticion() gateway.PeticionDescarga {
	return gateway.PeticionDescarga{Solicitud: entera(), Plazo: 36*time.Hour + 30*time.Minute, PlazoOmitido: true, Dueno: dueno, Clave: "erp", NovedadesDe: "d-anterior",
		Programacion: &gateway.Programacion{Hora: "04:00", Traslape: 7, Siguiente: ahora().Add(time.Hour).Truncate(time.Microsecond)}}
}

func rechazo(kind gateway.Kind) *gateway.Error {
	return &gateway.Error{Kind: kind, Backend: "sat", Own: gateway.OwnRespuestaDudosa, Codigo: "5005", Mensaje: "Ya se tiene", Detail: "Cambie & «repita».",
		Campos:       []gateway.Campo{{Campo: "fechaFinal", Detalle: "Cámbiela.", ValoresValidos: []string{"a", "b"}, Codigo: "fecha"}},
		Reintentable: false, NoEnviada: false, Recurso: "/v1/sat/cfdi/solicitudes/x", IDSolicitud: "id-viejo", RetryAfter: 90 * time.Second, Err: errors.New("for the log alone")}
}

// nadie is a SAT that must not be asked.
type nadie struct {
	t        *testing.T
	responde gateway.SolicitudAceptada
}

func (n nadie) Solicita(context.Context, gateway.Solicitud) (gateway.SolicitudAceptada, error) {
	if n.responde == (gateway.SolicitudAceptada{}) {
		n.t.Error("a solicitud on record is sent again")
	}
	return n.responde, nil
}

func (n nadie) Verifica(context.Context, gateway.Servicio, string, string) (gateway.EstadoSolicitud, error) {
	return gateway.EstadoSolicitud{}, errors.New("not asked for")
}

// envio is a message of the ledger with what comes of it.
type envio struct {
	mensaje  ledger.Message
	contesta any
	manda    func(context.Context, *ledger.Ledger, ledger.Message, bool) (any, error)
}

// contesta is a message that is answered so. Where it must not be sent, that is a panic.
func contesta[T any](m ledger.Message, answer T, err error) envio {
	return envio{m, answer, func(ctx context.Context, l *ledger.Ledger, m ledger.Message, sent bool) (any, error) {
		got, _, err := ledger.Once(ctx, l, m, func(T) bool { return true }, func(context.Context) (T, error) {
			if sent {
				panic("a message on record is sent again: " + m.Operacion)
			}
			return answer, err
		})
		return got, err
	}}
}

// laExtraviada is a message that may be sent again: what of an earlier one became is lost.
const laExtraviada = "extraviada"

func envios() map[string]envio {
	m := func(operacion, clave, criterios string) ledger.Message {
		return ledger.Message{Operacion: operacion, Clave: dueno + "\x1f" + clave, Criterios: criterios, Dueno: dueno}
	}
	definitiva := m("pade.firma", "definitiva", "c")
	definitiva.Libre, definitiva.Resto = true, func(error) ledger.Resto { return ledger.Definitiva }
	extraviada := m("pade.firma", "extraviada", "e")
	extraviada.Libre, extraviada.Resto = true, func(error) ledger.Resto { return ledger.Perdida }
	pasajera := rechazo(gateway.KindLimite)
	pasajera.NoEnviada, pasajera.Reintentable = true, true
	return map[string]envio{
		"entera":      contesta(m("sat.solicita", "entera", entera().Criterios()), gateway.SolicitudAceptada{IDSolicitud: "id-1", CodEstatus: "5000", Mensaje: "Solicitud Aceptada"}, nil),
		"lote":        contesta(m("sep.carga", "lote", "l"), gateway.LoteCargado{NumeroLote: "100001", Mensaje: "Recibido"}, nil),
		"cancelación": contesta(m("sep.cancela", "cancelación", "x"), gateway.CancelacionHecha{Codigo: "0", Mensaje: "Cancelado"}, nil),
		"contrato":    contesta(m("pade.firma", "contrato", "f"), gateway.ContratoFirmado{Codigo: "200", Mensaje: "Firmado", FechaFirma: "2026-03-01T04:20:30", XML: []byte("<Contrato/>\n"), Motivo: "m"}, nil),
		"rechazada":   contesta(m("sat.solicita", "rechazada", "r"), gateway.SolicitudAceptada{IDSolicitud: "id-2"}, rechazo(gateway.KindConflicto)),
		"perdida":     contesta(m("sat.solicita", "perdida", "p"), gateway.SolicitudAceptada{}, rechazo(gateway.KindResultadoDesconocido)),
		"definitiva":  contesta(definitiva, gateway.ContratoFirmado{}, pasajera),
		laExtraviada:  contesta(extraviada, gateway.ContratoFirmado{}, rechazo(gateway.KindConflicto)),
	}
}

// escribe writes a row of every form.
func escribe(t *testing.T, st *store.Store) {
	t.Helper()
	l := ledger.New(st)
	sat := nadie{t, gateway.SolicitudAceptada{IDSolicitud: "id-3", CodEstatus: "5000", Mensaje: "Solicitud Aceptada"}}
	if _, _, err := descargas.NewSolicitudes(sat, l, ahora).Presenta(t.Context(), dueno+"\x1fpedida", pedida()); err != nil {
		t.Fatal(err)
	}
	// In an order, as the rows have numbers.
	for _, name := range []string{"entera", "lote", "cancelación", "contrato", "rechazada", "perdida", "definitiva", laExtraviada} {
		e := envios()[name]
		e.manda(t.Context(), l, e.mensaje, false) //nolint:errcheck // some are refused
	}
	haz := func(errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := st.Intenta(t.Context(), store.Intento{Operacion: "sep.carga", Clave: dueno + "\x1fen-curso", Huella: "h", Criterios: "c", Proceso: "proceso-1", Dueno: dueno})
	haz(err, st.AnotaInstante(t.Context(), ahora()), st.AnotaTitulos(t.Context(), "100001", []string{"FOLIO-1"}))
	escribeDescarga(t, st, haz)
	escribePaquetes(t, st, haz)
	escribeWebhooks(t, st, haz)
}

func escribeDescarga(t *testing.T, st *store.Store, haz func(...error)) {
	t.Helper()
	ctx := t.Context()
	programada := store.Descarga{Huella: "h-1", Clave: dueno + "\x1frecurrente"}
	programada.ID, programada.Peticion, programada.Estado, programada.Limite, programada.Tope = "d-1", peticion(), gateway.DescargaProgramada, ahora().Add(time.Hour), ahora().Add(2*time.Hour)
	corrida := programada
	corrida.ID, corrida.Huella, corrida.Clave, corrida.IDProgramacion, corrida.Estado, corrida.SigueXML = "d-2", "h-2", store.ClaveCorrida+"d-1/2026-03-01", "d-1", gateway.DescargaEnCola, true
	corrida.Peticion.Programacion = nil
	x := store.Tramo{Causa: "primera", Sustituciones: 1}
	x.Origen, x.Desde, x.Hasta, x.PideDesde, x.PideHasta = 9, "2026-01-01T00:00:00", "2026-01-31T23:59:59", "2026-01-01T00:00:00", "2026-02-01T00:00:00"
	x.Estado, x.SiguienteIntento, x.Decision, x.IDSolicitud = gateway.TramoPendiente, ahora(), "Se presenta.", "id-3"
	tramos := []store.Tramo{x}
	_, err := st.CreaDescarga(ctx, programada, nil)
	_, err2 := st.CreaDescarga(ctx, corrida, tramos, gateway.EventoDescarga{Tipo: "creada", Detalle: "Se creó."})
	haz(err, err2)
	var p store.PaqueteDeTramo
	haz(st.Cambia(ctx, "d-2", func(c *store.Cambio) error {
		x := c.Tramo(tramos[0].Numero)
		x.Estado, x.CodEstatus, x.EstadoSolicitud, x.CodigoEstadoSolicitud, x.Mensaje, x.NumeroCFDIs = gateway.TramoDescargando, "5000", "3", "5000", "Solicitud Aceptada", 3
		x.Presentaciones, x.Consultas, x.Fallos, x.Presentada, x.SiguienteIntento, x.Serie = 1, 2, 3, ahora(), ahora().Add(time.Minute), store.Serie{Condicion: "sat 404", Veces: 4}
		x.MotivoCodigo = "5003"
		c.GuardaTramo(x)
		p = store.PaqueteDeTramo{IDTramo: x.ID, ID: c.NuevoPaquete(x.ID, "aBc_01", ahora()), Danadas: 1, Ajenas: 2, Intentos: 3, Serie: store.Serie{Condicion: "sat 5011", Veces: 5}, Siguiente: ahora().Add(time.Minute)}
		p.Tramo, p.Estado, p.Comprobantes, p.Repetidos, p.Fallas, p.Detalle, p.MotivoCodigo = x.Numero, gateway.PaqueteGuardado, 3, 4, 5, "a.xml: no se lee", "zip_incompleto"
		c.GuardaPaquete(p)
		c.Descarga().MotivoCodigo = "descarga_parcial"
		c.Descarga().Motivo, c.Descarga().Estado, c.Descarga().Terminada = "Falta una parte.", gateway.DescargaParcial, c.Ahora()
		c.Evento(gateway.EventoDescarga{Tipo: "solicitud_terminada", Detalle: "Llegó.", Tramo: x.Numero, Codigo: "5000", Mensaje: "Solicitud Aceptada"})
		return c.Err()
	}))
	p.Descarga = "d-2"
	for lugar, b := range map[store.Lugar]byte{store.Propio: 1, store.Ampliado: 2, store.Ajeno: 3} {
		haz(st.AnotaIdentidades(ctx, p, lugar, []byte{b, b, b, b, b, b, b, b, b, b, b, b, b, b, b, b}))
	}
	haz(st.AnotaNovedades(ctx, "d-1", "d-2", []store.Novedad{{UUID: "01010101-0101-0101-0101-010101010101", Estatus: "1", Fecha: "2026-01-02T03:04:05"}}))
	haz(st.MarcaPublicada(ctx, "d-2"), st.Cambia(ctx, "d-2", func(c *store.Cambio) error { c.Retira(); return c.Err() }), st.Poda(ctx, ahora().Add(time.Hour), 9))
	// What only a job, a repeat and a split leave.
	haz(pon(t, st, `UPDATE tramos SET ocupante = 'proceso-1', turno = 1, repetidos = 6`), pon(t, st, `UPDATE tramos_paquetes SET ocupante = 'proceso-1', turno = 2`))
}

func pon(t *testing.T, st *store.Store, statement string) error {
	t.Helper()
	_, err := st.DB().ExecContext(t.Context(), statement)
	return err
}

func paquete(id string) gateway.Paquete {
	return gateway.Paquete{Servicio: gateway.Retenciones, RFCSolicitante: "PRU010101AB1", IDPaquete: id}
}

func escribePaquetes(t *testing.T, st *store.Store, haz func(...error)) {
	t.Helper()
	ctx := t.Context()
	recibe := func(p store.Pendiente) {
		t.Helper()
		_, err := st.Reserva(ctx, p.Paquete, "proceso-1", "", 2)
		haz(err, st.AnotaNuestra(ctx, p.Paquete, 77))
		p.Vuela, p.Parcial = "proceso-1", "parciales/entero,"+p.SHA256+".zip"
		_, err = st.Recibe(ctx, p, "")
		haz(err)
	}
	recibe(store.Pendiente{Paquete: paquete("ABC_01"), SHA256: sumaA, Bytes: 1234, Duda: store.Duda{Dudoso: "No abre.", Roto: true}, Rota: true})
	haz(st.AnotaIguales(ctx, paquete("abc_01")))
	_, err := st.Completa(ctx, paquete("ABC_01"), "parciales/entero,"+sumaA+".zip")
	haz(err, st.AnotaVerificacion(ctx, sumaA, "etag 1", store.DanoAlterado))
	recibe(store.Pendiente{Paquete: paquete("DEF_01"), SHA256: sumaB, Bytes: 5678})
	recibe(store.Pendiente{Paquete: paquete("GHI_01"), SHA256: sumaB, Bytes: 5678})
	_, err = st.Completa(ctx, paquete("GHI_01"), "parciales/entero,"+sumaB+".zip")
	_, err2 := st.Borra(ctx, paquete("GHI_01"))
	haz(err, err2, pon(t, st, `INSERT INTO objetos (sha256, borra) VALUES ('sin-nadie', 'proceso-1')`))
}

func escribeWebhooks(t *testing.T, st *store.Store, haz func(...error)) {
	t.Helper()
	ctx := t.Context()
	d := store.WebhookDestino{ID: "whd_1", Dueno: dueno, Host: "erp.example", URL: "sellada", Eventos: []string{"descarga.terminada"}, RFCs: []string{"*"}, Activo: true, Creado: ahora()}
	haz(st.CreaWebhook(ctx, d, "sello-1", 9), st.RotaWebhook(ctx, d.ID, "sello-2", ahora(), ahora().Add(time.Hour), 5))
	e := store.WebhookEntrega{ID: "msg_1", Destino: d.ID, Evento: "descarga.terminada", Cuerpo: `{"type":"descarga.terminada"}`, Creado: ahora()}
	_, err := st.AgregaEntregas(ctx, []store.WebhookEntrega{e})
	haz(err)
	turno, _, err := st.TomaEntrega(ctx, e.ID, 1, ahora().Add(time.Minute))
	haz(err)
	e.Turno, e.Estado, e.Fallidos, e.Siguiente, e.EsperaDesde = turno, store.EntregaPendiente, 1, ahora().Add(time.Hour), ahora()
	_, _, err = st.RegistraIntento(ctx, e, store.WebhookIntento{Inicio: ahora(), Duracion: 250 * time.Millisecond, Status: 503, Resultado: "rechazado"}, "")
	haz(err)
	d.Activo, d.Motivo = false, "pausado"
	haz(st.CambiaWebhook(ctx, d))
	d.ID, d.Activo, d.Motivo = "whd_2", true, ""
	haz(st.CreaWebhook(ctx, d, "sello-3", 9))
	e = store.WebhookEntrega{ID: "msg_2", Destino: d.ID, Evento: "webhook.prueba", Cuerpo: "{}", Creado: ahora()}
	_, err = st.AgregaEntregas(ctx, []store.WebhookEntrega{e})
	haz(err)
}

// lee asks for everything that escribe has written, and sends everything again.
func lee(t *testing.T, st *store.Store) map[string]any {
	t.Helper()
	ctx, out := t.Context(), map[string]any{}
	l := ledger.New(st)
	dice := func(what string, value any, err error) {
		t.Helper()
		var refused *gateway.Error
		if err != nil && !errors.As(err, &refused) {
			t.Errorf("%s: %v", what, err)
		}
		out[what] = []any{value, refused}
	}
	got, again, err := descargas.NewSolicitudes(nadie{t: t}, l, ahora).Presenta(ctx, dueno+"\x1fpedida", pedida())
	dice("pedida", []any{got, again}, err)
	for name, e := range envios() {
		if name == laExtraviada {
			lost, err := l.Lost(ctx, e.mensaje.Operacion, e.mensaje.Clave)
			dice(name, lost, err)
			continue
		}
		got, err := e.manda(ctx, l, e.mensaje, true)
		dice(name, got, err)
	}
	_, err = envios()["lote"].manda(ctx, l, ledger.Message{Operacion: "sep.carga", Clave: dueno + "\x1fen-curso", Criterios: "c"}, true)
	dice("en curso", nil, err)
	de, mio, err := l.Dueno(ctx, "sep.carga", "100001")
	dice("dueño", []any{de, mio}, err)
	lotes, err := l.LotesDeTitulo(ctx, "FOLIO-1")
	dice("título", lotes, err)
	visto, err := st.UltimoInstante(ctx)
	dice("reloj", visto, err)
	leeDescargas(t, st, dice)
	for _, id := range []string{"abc_01", "def_01", "ghi_01"} {
		p, err := st.Paquete(ctx, paquete(id))
		dice("paquete "+id, p, err)
	}
	pendientes, err := st.Pendientes(ctx)
	dice("pendientes", pendientes, err)
	v, err := st.Verificacion(ctx, sumaA)
	dice("verificación", v, err)
	destinos, err := st.Webhooks(ctx, dueno)
	dice("webhooks", destinos, err)
	secretos, err := st.SecretosWebhook(ctx, "whd_1", ahora())
	dice("secretos", secretos, err)
	entregas, err := st.Entregas(ctx, "whd_1", store.WebhookEntrega{}, 9, 9)
	dice("entregas", entregas, err)
	return out
}

func leeDescargas(t *testing.T, st *store.Store, dice func(string, any, error)) {
	t.Helper()
	ctx := t.Context()
	d, err := st.DescargaDeClave(ctx, dueno+"\x1frecurrente")
	dice("recurrente", d, err)
	if d.Peticion.Plazo != peticion().Plazo || d.Peticion.Programacion == nil || *d.Peticion.Programacion != *peticion().Programacion {
		t.Errorf("%+v", d.Peticion)
	}
	lista, cursor, err := st.ListaDescargas(ctx, gateway.FiltroDescargas{Limite: 1})
	dice("lista", []any{lista, cursor}, err)
	resto, _, err := st.ListaDescargas(ctx, gateway.FiltroDescargas{Limite: 1, Cursor: cursor})
	dice("resto", resto, err)
	corridas, err := st.Corridas(ctx, "d-1", 9)
	dice("corridas", corridas, err)
	tramos, err := st.Tramos(ctx, "d-2")
	dice("tramos", tramos, err)
	paquetes, err := st.PaquetesDeDescarga(ctx, "d-2", 0, 9)
	dice("paquetes", paquetes, err)
	eventos, err := st.Eventos(ctx, "d-2", 0, 9)
	dice("eventos", eventos, err)
	avances, err := st.Avances(ctx, []string{"d-2"})
	dice("avances", avances, err)
	for _, p := range paquetes {
		n, err := st.CuentaIdentidades(ctx, p)
		dice("identidades", n, err)
	}
	nuevas, err := st.Novedades(ctx, "d-2", []string{"01010101-0101-0101-0101-010101010101"})
	dice("novedades", nuevas, err)
	desde, hasta, cuantas, err := st.RangoDeNovedades(ctx, "d-2", "1")
	dice("rango", []any{desde, hasta, cuantas}, err)
}
