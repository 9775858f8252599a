package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/ledger"
	"github.com/pasarela-mx/pasarela/internal/sat/descargas"
	"github.com/pasarela-mx/pasarela/internal/store"
)

// What the golden rows say. Every field of every type that is kept as JSON has a value.

const (
	owner = "key_abcdefghijklmnopqrstuvwxyz"
	sumA  = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	sumB  = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func now() time.Time { return time.Date(2026, 3, 1, 10, 20, 30, 123456789, time.UTC) }

// requested is a solicitud that is valid, whole one with every field.
func requested() gateway.Solicitud {
	return gateway.Solicitud{Servicio: gateway.CFDI, TipoDescarga: gateway.Emitidos, RFCSolicitante: "PRU010101AB1", TipoSolicitud: gateway.TipoCFDI,
		FechaInicial: "2026-01-01T00:00:00", FechaFinal: "2026-01-31T23:59:59", RFCReceptores: []string{"Ñ&P010101AB3", "XAXX010101000"}}
}

func whole() gateway.Solicitud {
	return gateway.Solicitud{Servicio: gateway.Retenciones, Version: gateway.Version15, TipoDescarga: gateway.Recibidos, RFCSolicitante: "PRU010101AB1",
		FechaInicial: "2026-01-01T00:00:00", FechaFinal: "2026-01-31T23:59:59", RFCEmisor: "EMI010101AB1", RFCReceptor: "PRU010101AB1",
		RFCReceptores: []string{"XAXX010101000", "Ñ&P010101AB3"}, TipoSolicitud: gateway.TipoMetadata, EstadoComprobante: gateway.EstadoTodos,
		TipoComprobante: "I", Complemento: "nomina12", RFCACuentaTerceros: "TER010101AB1", Folio: "11111111-2222-4333-8444-555555555555"}
}

func request() gateway.PeticionDescarga {
	return gateway.PeticionDescarga{Solicitud: whole(), Deadline: 36*time.Hour + 30*time.Minute, PlazoOmitido: true, Dueno: owner, Clave: "erp", NovedadesDe: "d-anterior",
		Programacion: &gateway.Programacion{Hora: "04:00", Overlap: 7, Next: now().Add(time.Hour).Truncate(time.Microsecond)}}
}

func refusal(kind gateway.Kind) *gateway.Error {
	return &gateway.Error{Kind: kind, Backend: "sat", Own: gateway.OwnRespuestaDudosa, Codigo: "5005", Mensaje: "Ya se tiene", Detail: "Cambie & «repita».",
		Fields:    []gateway.Field{{Campo: "fechaFinal", Detalle: "Cámbiela.", ValoresValidos: []string{"a", "b"}, Codigo: "fecha"}},
		Retryable: false, Unsent: false, Resource: "/v1/sat/cfdi/solicitudes/x", IDSolicitud: "id-viejo", RetryAfter: 90 * time.Second, Err: errors.New("for the log alone")}
}

// nobody is a SAT that must not be asked.
type nobody struct {
	t       *testing.T
	respond gateway.SolicitudAceptada
}

func (n nobody) Request(context.Context, gateway.Solicitud) (gateway.SolicitudAceptada, error) {
	if n.respond == (gateway.SolicitudAceptada{}) {
		n.t.Error("a solicitud on record is sent again")
	}
	return n.respond, nil
}

func (n nobody) Verify(context.Context, gateway.Servicio, string, string) (gateway.EstadoSolicitud, error) {
	return gateway.EstadoSolicitud{}, errors.New("not asked for")
}

// send is a message of the ledger with what comes of it.
type send struct {
	mensaje  ledger.Message
	answer   any
	dispatch func(context.Context, *ledger.Ledger, ledger.Message, bool) (any, error)
}

// answer is a message that is answered so. Where it must not be sent, that is a panic.
func answer[T any](m ledger.Message, answer T, err error) send {
	return send{m, answer, func(ctx context.Context, l *ledger.Ledger, m ledger.Message, sent bool) (any, error) {
		got, _, err := ledger.Once(ctx, l, m, func(T) bool { return true }, func(context.Context) (T, error) {
			if sent {
				panic("a message on record is sent again: " + m.Operation)
			}
			return answer, err
		})
		return got, err
	}}
}

// laExtraviada is a message that may be sent again: what of an earlier one became is lost.
const laExtraviada = "extraviada"

func sends() map[string]send {
	m := func(operation, key, criterios string) ledger.Message {
		return ledger.Message{Operation: operation, Key: owner + "\x1f" + key, Criterios: criterios, Owner: owner}
	}
	definitive := m("pade.firma", "definitiva", "c")
	definitive.Free, definitive.Rest = true, func(error) ledger.Rest { return ledger.Definitiva }
	lost := m("pade.firma", "extraviada", "e")
	lost.Free, lost.Rest = true, func(error) ledger.Rest { return ledger.Perdida }
	passing := refusal(gateway.KindLimite)
	passing.Unsent, passing.Retryable = true, true
	return map[string]send{
		"entera":      answer(m("sat.solicita", "entera", whole().Criterios()), gateway.SolicitudAceptada{IDSolicitud: "id-1", CodEstatus: "5000", Mensaje: "Solicitud Aceptada"}, nil),
		"lote":        answer(m("sep.carga", "lote", "l"), gateway.LoteCargado{NumeroLote: "100001", Mensaje: "Recibido"}, nil),
		"cancelación": answer(m("sep.cancela", "cancelación", "x"), gateway.DoneCancelacion{Codigo: "0", Mensaje: "Cancelado"}, nil),
		"contrato":    answer(m("pade.firma", "contrato", "f"), gateway.ContratoFirmado{Codigo: "200", Mensaje: "Firmado", FechaFirma: "2026-03-01T04:20:30", XML: []byte("<Contrato/>\n"), Motivo: "m"}, nil),
		"rechazada":   answer(m("sat.solicita", "rechazada", "r"), gateway.SolicitudAceptada{IDSolicitud: "id-2"}, refusal(gateway.KindConflicto)),
		"perdida":     answer(m("sat.solicita", "perdida", "p"), gateway.SolicitudAceptada{}, refusal(gateway.KindResultadoDesconocido)),
		"definitiva":  answer(definitive, gateway.ContratoFirmado{}, passing),
		laExtraviada:  answer(lost, gateway.ContratoFirmado{}, refusal(gateway.KindConflicto)),
	}
}

// write writes a row of every form.
func write(t *testing.T, st *store.Store) {
	t.Helper()
	l := ledger.New(st.Attempts, st.Titulos, only{})
	sat := nobody{t, gateway.SolicitudAceptada{IDSolicitud: "id-3", CodEstatus: "5000", Mensaje: "Solicitud Aceptada"}}
	if _, _, err := descargas.NewSolicitudes(sat, l, now).Submit(t.Context(), owner+"\x1fpedida", requested()); err != nil {
		t.Fatal(err)
	}
	// In an order, as the rows have numbers.
	for _, name := range []string{"entera", "lote", "cancelación", "contrato", "rechazada", "perdida", "definitiva", laExtraviada} {
		e := sends()[name]
		e.dispatch(t.Context(), l, e.mensaje, false) //nolint:errcheck // some are refused
	}
	build := func(errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := st.Attempts.Try(t.Context(), store.Attempt{Operation: "sep.carga", Key: owner + "\x1fen-curso", Digest: "h", Criterios: "c", Process: "proceso-1", Owner: owner})
	build(err, st.Reloj.Record(t.Context(), now()), st.Titulos.Record(t.Context(), "100001", []string{"FOLIO-1"}))
	writeDescarga(t, st, build)
	writePaquetes(t, st, build)
	writeWebhooks(t, st, build)
}

func writeDescarga(t *testing.T, st *store.Store, build func(...error)) {
	t.Helper()
	ctx := t.Context()
	scheduled := store.Descarga{Digest: "h-1", Key: owner + "\x1frecurrente"}
	scheduled.ID, scheduled.Request, scheduled.Estado, scheduled.Limit, scheduled.Ceiling = "d-1", request(), gateway.DescargaProgramada, now().Add(time.Hour), now().Add(2*time.Hour)
	corrida := scheduled
	corrida.ID, corrida.Digest, corrida.Key, corrida.IDProgramacion, corrida.Estado, corrida.FollowXML = "d-2", "h-2", store.KeyCorrida+"d-1/2026-03-01", "d-1", gateway.DescargaEnCola, true
	corrida.Request.Programacion = nil
	x := store.Tramo{Cause: "primera", Sustituciones: 1}
	x.Origin, x.Since, x.Until, x.PideDesde, x.PideHasta = 9, "2026-01-01T00:00:00", "2026-01-31T23:59:59", "2026-01-01T00:00:00", "2026-02-01T00:00:00"
	x.Estado, x.SiguienteIntento, x.Decision, x.IDSolicitud = gateway.TramoPendiente, now(), "Se presenta.", "id-3"
	tramos := []store.Tramo{x}
	_, err := st.Descargas.Create(ctx, scheduled, nil)
	_, err2 := st.Descargas.Create(ctx, corrida, tramos, gateway.EventoDescarga{Tipo: "creada", Detalle: "Se creó."})
	build(err, err2)
	var p store.TramoPaquete
	build(st.Descargas.Change(ctx, "d-2", func(c *store.Change) error {
		x := c.Tramo(tramos[0].Number)
		x.Estado, x.CodEstatus, x.EstadoSolicitud, x.CodigoEstadoSolicitud, x.Mensaje, x.NumeroCFDIs = gateway.TramoDescargando, "5000", "3", "5000", "Solicitud Aceptada", 3
		x.Presentations, x.Queries, x.Failures, x.Submitted, x.SiguienteIntento, x.Serie = 1, 2, 3, now(), now().Add(time.Minute), store.Serie{Condition: "sat 404", Times: 4}
		x.MotivoCodigo = "5003"
		c.SaveTramo(x)
		p = store.TramoPaquete{IDTramo: x.ID, ID: c.NewPaquete(x.ID, "aBc_01", now()), DamagedEntries: 1, Foreign: 2, Attempts: 3, Serie: store.Serie{Condition: "sat 5011", Times: 5}, Next: now().Add(time.Minute)}
		p.Tramo, p.Estado, p.Comprobantes, p.Repeated, p.Fallas, p.Detalle, p.MotivoCodigo = x.Number, gateway.PaqueteGuardado, 3, 4, 5, "a.xml: no se lee", "zip_incompleto"
		c.SavePaquete(p)
		c.Descarga().MotivoCodigo = "descarga_parcial"
		c.Descarga().Motivo, c.Descarga().Estado, c.Descarga().Finished = "Falta una parte.", gateway.DescargaParcial, c.Now()
		c.Evento(gateway.EventoDescarga{Tipo: "solicitud_terminada", Detalle: "Llegó.", Tramo: x.Number, Codigo: "5000", Mensaje: "Solicitud Aceptada"})
		return c.Err()
	}))
	p.Descarga = "d-2"
	for place, b := range map[store.Place]byte{store.Own: 1, store.Ampliado: 2, store.Ajeno: 3} {
		build(st.Comprobantes.RecordIdentities(ctx, p, place, []byte{b, b, b, b, b, b, b, b, b, b, b, b, b, b, b, b}))
	}
	build(st.Comprobantes.RecordNovedades(ctx, "d-1", "d-2", []store.Novedad{{UUID: "01010101-0101-0101-0101-010101010101", Estatus: "1", Fecha: "2026-01-02T03:04:05"}}))
	build(st.Descargas.MarkPublished(ctx, "d-2"), st.Descargas.Change(ctx, "d-2", func(c *store.Change) error { c.Withdraw(); return c.Err() }), st.Descargas.Prune(ctx, now().Add(time.Hour), 9))
	// What only a job, a repeat and a split leave.
	build(set(t, st, `UPDATE tramos SET ocupante = 'proceso-1', turno = 1, repetidos = 6`), set(t, st, `UPDATE tramos_paquetes SET ocupante = 'proceso-1', turno = 2`))
}

func set(t *testing.T, st *store.Store, statement string) error {
	t.Helper()
	_, err := st.DB().ExecContext(t.Context(), statement)
	return err
}

func paquete(id string) gateway.Paquete {
	return gateway.Paquete{Servicio: gateway.Retenciones, RFCSolicitante: "PRU010101AB1", IDPaquete: id}
}

func writePaquetes(t *testing.T, st *store.Store, build func(...error)) {
	t.Helper()
	ctx := t.Context()
	receive := func(p store.Pending) {
		t.Helper()
		_, err := st.Paquetes.Reserve(ctx, p.Paquete, "proceso-1", "", 2)
		build(err, st.Paquetes.RecordOurs(ctx, p.Paquete, 77))
		p.Fly, p.Partial = "proceso-1", "parciales/entero,"+p.SHA256+".zip"
		_, err = st.Paquetes.Receive(ctx, p, "")
		build(err)
	}
	receive(store.Pending{Paquete: paquete("ABC_01"), SHA256: sumA, Bytes: 1234, Doubt: store.Doubt{Dubious: "No abre.", Broken: true}, BrokenDelivery: true})
	build(st.Paquetes.RecordEqual(ctx, paquete("abc_01")))
	_, err := st.Paquetes.Complete(ctx, paquete("ABC_01"), "parciales/entero,"+sumA+".zip")
	build(err, st.Blobs.RecordVerification(ctx, sumA, "etag 1", store.DanoAlterado))
	receive(store.Pending{Paquete: paquete("DEF_01"), SHA256: sumB, Bytes: 5678})
	receive(store.Pending{Paquete: paquete("GHI_01"), SHA256: sumB, Bytes: 5678})
	_, err = st.Paquetes.Complete(ctx, paquete("GHI_01"), "parciales/entero,"+sumB+".zip")
	_, err2 := st.Paquetes.Delete(ctx, paquete("GHI_01"))
	build(err, err2, set(t, st, `INSERT INTO objetos (sha256, borra) VALUES ('sin-nadie', 'proceso-1')`))
}

func writeWebhooks(t *testing.T, st *store.Store, build func(...error)) {
	t.Helper()
	ctx := t.Context()
	d := store.WebhookTarget{ID: "whd_1", Owner: owner, Host: "erp.example", URL: "sellada", Eventos: []string{"descarga.terminada"}, RFCs: []string{"*"}, Active: true, Created: now()}
	build(st.Webhooks.Create(ctx, d, "sello-1", 9), st.Webhooks.Rotate(ctx, d.ID, "sello-2", now(), now().Add(time.Hour), 5))
	e := store.WebhookEntrega{ID: "msg_1", Target: d.ID, Evento: "descarga.terminada", Body: `{"type":"descarga.terminada"}`, Created: now()}
	_, err := st.Entregas.Add(ctx, []store.WebhookEntrega{e})
	build(err)
	turn, _, err := st.Entregas.Take(ctx, e.ID, 1, now().Add(time.Minute))
	build(err)
	e.Turn, e.Estado, e.Failed, e.Next, e.WaitSince = turn, store.EntregaPendiente, 1, now().Add(time.Hour), now()
	_, _, err = st.Entregas.RegisterAttempt(ctx, e, store.WebhookAttempt{Start: now(), Duration: 250 * time.Millisecond, Status: 503, Result: "rechazado"}, "")
	build(err)
	d.Active, d.Motivo = false, "pausado"
	build(st.Webhooks.Change(ctx, d))
	d.ID, d.Active, d.Motivo = "whd_2", true, ""
	build(st.Webhooks.Create(ctx, d, "sello-3", 9))
	e = store.WebhookEntrega{ID: "msg_2", Target: d.ID, Evento: "webhook.prueba", Body: "{}", Created: now()}
	_, err = st.Entregas.Add(ctx, []store.WebhookEntrega{e})
	build(err)
}

// read asks for everything that write has written, and sends everything again.
func read(t *testing.T, st *store.Store) map[string]any {
	t.Helper()
	ctx, out := t.Context(), map[string]any{}
	l := ledger.New(st.Attempts, st.Titulos, only{})
	say := func(what string, value any, err error) {
		t.Helper()
		var refused *gateway.Error
		if err != nil && !errors.As(err, &refused) {
			t.Errorf("%s: %v", what, err)
		}
		out[what] = []any{value, refused}
	}
	got, again, err := descargas.NewSolicitudes(nobody{t: t}, l, now).Submit(ctx, owner+"\x1fpedida", requested())
	say("pedida", []any{got, again}, err)
	for name, e := range sends() {
		if name == laExtraviada {
			lost, err := l.Lost(ctx, e.mensaje.Operation, e.mensaje.Key)
			say(name, lost, err)
			continue
		}
		got, err := e.dispatch(ctx, l, e.mensaje, true)
		say(name, got, err)
	}
	_, err = sends()["lote"].dispatch(ctx, l, ledger.Message{Operation: "sep.carga", Key: owner + "\x1fen-curso", Criterios: "c"}, true)
	say("en curso", nil, err)
	de, mine, err := l.Owner(ctx, "sep.carga", "100001")
	say("dueño", []any{de, mine}, err)
	lotes, err := l.TituloLotes(ctx, "FOLIO-1")
	say("título", lotes, err)
	seen, err := st.Reloj.Last(ctx)
	say("reloj", seen, err)
	readDescargas(t, st, say)
	for _, id := range []string{"abc_01", "def_01", "ghi_01"} {
		p, err := st.Paquetes.Get(ctx, paquete(id))
		say("paquete "+id, p, err)
	}
	pending, err := st.Paquetes.Pending(ctx)
	say("pendientes", pending, err)
	v, err := st.Blobs.Verification(ctx, sumA)
	say("verificación", v, err)
	targets, err := st.Webhooks.Of(ctx, owner)
	say("webhooks", targets, err)
	secrets, err := st.Webhooks.Secrets(ctx, "whd_1", now())
	say("secretos", secrets, err)
	entregas, err := st.Entregas.Page(ctx, "whd_1", store.WebhookEntrega{}, 9, 9)
	say("entregas", entregas, err)
	return out
}

func readDescargas(t *testing.T, st *store.Store, say func(string, any, error)) {
	t.Helper()
	ctx := t.Context()
	d, err := st.Descargas.ByKey(ctx, owner+"\x1frecurrente")
	say("recurrente", d, err)
	if d.Request.Deadline != request().Deadline || d.Request.Programacion == nil || *d.Request.Programacion != *request().Programacion {
		t.Errorf("%+v", d.Request)
	}
	list, cursor, err := st.Descargas.List(ctx, gateway.DescargasFilter{Limit: 1})
	say("lista", []any{list, cursor}, err)
	rest, _, err := st.Descargas.List(ctx, gateway.DescargasFilter{Limit: 1, Cursor: cursor})
	say("resto", rest, err)
	corridas, err := st.Descargas.Corridas(ctx, "d-1", 9)
	say("corridas", corridas, err)
	tramos, err := st.Tramos.Of(ctx, "d-2")
	say("tramos", tramos, err)
	paquetes, err := st.TramosPaquetes.Page(ctx, "d-2", 0, 9)
	say("paquetes", paquetes, err)
	eventos, err := st.Descargas.Eventos(ctx, "d-2", 0, 9)
	say("eventos", eventos, err)
	progresses, err := st.Descargas.Progresses(ctx, []string{"d-2"})
	say("avances", progresses, err)
	for _, p := range paquetes {
		n, err := st.Comprobantes.CountIdentities(ctx, p)
		say("identidades", n, err)
	}
	fresh, err := st.Comprobantes.Novedades(ctx, "d-2", []string{"01010101-0101-0101-0101-010101010101"})
	say("novedades", fresh, err)
	since, until, howMany, err := st.Comprobantes.NovedadesRango(ctx, "d-2", "1")
	say("rango", []any{since, until, howMany}, err)
}

// only is the only process there is. Its id is in no golden row.
type only struct{}

func (only) ID() string        { return "" }
func (only) Alive(string) bool { return false }
func (only) Lost() bool        { return false }
