package dashboard

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

func partida() gateway.Descarga {
	d := one("una", gateway.DescargaDescargando)
	d.Request.Solicitud.RFCSolicitante = "Ñ&P010101AB3"
	d.Request.Clave = "contabilidad"
	d.Solicitudes = []gateway.Tramo{
		{Number: 1, Estado: gateway.TramoPartida, Since: "2026-01-01T00:00:00", Until: "2026-01-31T23:59:59", PideDesde: "2026-01-01T00:00:00", PideHasta: "2026-01-31T23:59:59",
			CodEstatus: "5000", EstadoSolicitud: "5", CodigoEstadoSolicitud: "5003", Decision: "Se parte en dos mitades.", Presentations: 1, Queries: 4},
		{Number: 2, Origin: 1, Estado: gateway.TramoSustituida, Since: "2026-01-01T00:00:00", Until: "2026-01-15T23:59:59", PideDesde: "2026-01-01T00:00:00", PideHasta: "2026-01-15T23:59:59"},
		{Number: 3, Origin: 1, Estado: gateway.TramoTerminada, Since: "2026-01-16T00:00:00", Until: "2026-01-31T23:59:59", PideDesde: "2026-01-16T00:00:00", PideHasta: "2026-01-31T23:59:59", NumeroCFDIs: 1500},
		{Number: 4, Origin: 2, Estado: gateway.TramoDescargando, Since: "2026-01-01T00:00:00", Until: "2026-01-15T23:59:59", PideDesde: "2026-01-01T00:00:00", PideHasta: "2026-01-16T00:00:00",
			SiguienteIntento: now().Add(3 * time.Hour), Submitted: now().Add(-49 * time.Hour), IDSolicitud: "b9b9dc59"},
	}
	return d
}

func TestDetail_WhenSolicitudesWereSplitAndReplaced(t *testing.T) {
	t.Parallel()
	l := &libro{descargas: []gateway.Descarga{partida()}, paquetes: []gateway.PaqueteDescarga{
		{Paquete: gateway.Paquete{IDPaquete: "P_01"}, Tramo: 3, Estado: gateway.PaqueteGuardado, Bytes: 1_234_567, Comprobantes: 1498, Repeated: 3, Fallas: 2, Detalle: "a.xml: El archivo está dañado.", Descargas: 1, Saved: now()},
		{Paquete: gateway.Paquete{IDPaquete: "P_02"}, Tramo: 4, Estado: gateway.PaquetePendiente, Comprobantes: -1, Fallas: -1, Detalle: "Se repetirá."},
	}, eventos: []gateway.EventoDescarga{
		{Number: 1, When: now(), Tipo: "creada", Detalle: "Se registró."},
		{Number: 2, When: now(), Tipo: "paquete_guardado", Tramo: 3, Detalle: "Se guardó.", Codigo: "5000", Mensaje: "Solicitud Aceptada"},
		{Number: 3, When: now(), Tipo: "consultada", Tramo: 4, Codigo: "3"},
	}}
	p := read(t, serve(t, l), "/descargas/una", http.StatusOK)
	p.wants(t, "Ñ&P010101AB3", "con la clave de API contabilidad",
		"#1 partida en dos", "#2 sustituida", "mitad de #1", "#4 descargando", "sustituye a #2",
		"5000 Solicitud recibida con éxito", "5 Rechazada: la razón está en codigoEstadoSolicitud", "5003 Tope máximo de elementos de la consulta", "Se parte en dos mitades.", "1 presentación 4 consultas",
		"se le pidió del 1 ene 2026 al 16 ene 2026 00:00:00", "1,500 comprobantes según el SAT", "siguiente paso en 3 h", "hace 2 días", "idSolicitud b9b9dc59",
		"P_01 #3 guardado a.xml: El archivo está dañado. 1.2 MB 1,498 y 3 repetidos 2 1 de 2", "P_02 #4 por traer Se repetirá. – – – 0 de 2 –",
		"consultada #4 3 Terminada: descargue los paquetes antes de 72 horas 2 21 jul 2026 12:00:00 paquete guardado #3 Se guardó. 5000 Solicitud recibida con éxito: «Solicitud Aceptada» 1 21 jul 2026")
	order := make([]string, 0, 4)
	for _, li := range p.all("li") {
		if strings.HasPrefix(attr(li, "class"), "rama") {
			order = append(order, attr(li, "id")+" "+strings.Fields(attr(li, "class"))[1])
		}
	}
	if fmt.Sprint(order) != "[s1 nivel-0 s2 nivel-1 s4 nivel-2 s3 nivel-1]" {
		t.Errorf("the tree is %v", order)
	}
	// It is a page for everybody who reaches the listener.
	p.without(t, "/paquetes/", "<form", "sha256", "method=\"post\"")
}

func TestDetail_WhenThereIsMoreThanAPage(t *testing.T) {
	t.Parallel()
	d := one("una", gateway.DescargaTerminada)
	l := &libro{}
	for i := range int64(2*tramosPerPage + 1) {
		d.Solicitudes = append(d.Solicitudes, gateway.Tramo{Number: i + 1, Origin: i, Estado: gateway.TramoSustituida, Decision: fmt.Sprintf("decisión %d.", i+1)})
	}
	for i := range int64(2*eventosPerPage + 7) {
		l.eventos = append(l.eventos, gateway.EventoDescarga{Number: i + 1, When: now(), Tipo: "x", Detalle: fmt.Sprintf("suceso %d.", i+1)})
	}
	for i := range paquetesPerPage + 1 {
		l.paquetes = append(l.paquetes, gateway.PaqueteDescarga{Paquete: gateway.Paquete{IDPaquete: fmt.Sprintf("P_%02d", i+1)}, Estado: gateway.PaqueteGuardado})
	}
	l.descargas = []gateway.Descarga{d}
	h := serve(t, l)
	link := func(p readPage, id string) string {
		for _, a := range p.all("a") {
			if attr(a, "id") == id {
				url, _, _ := strings.Cut(attr(a, "href"), "#")
				return "/descargas/" + url
			}
		}
		t.Fatalf("no link %s", id)
		return ""
	}
	p := read(t, h, "/descargas/una", http.StatusOK)
	p.wants(t, "suceso 107.", "suceso 58.", "decisión 100.", "P_50")
	p.without(t, "suceso 57.", "decisión 101.", "P_51")
	p = read(t, h, link(p, "libro-mas"), http.StatusOK)
	p.wants(t, "suceso 57.", "suceso 8.")
	p.without(t, "suceso 58.", "suceso 7.")
	p = read(t, h, link(p, "libro-mas"), http.StatusOK)
	p.wants(t, "suceso 7.", "suceso 1.", "Lo más reciente")
	p.without(t, "suceso 8.", "libro-mas")
	// Each list has its own place.
	p = read(t, h, link(p, "tramos-despues"), http.StatusOK)
	p.wants(t, "decisión 101.", "decisión 200.", "suceso 7.")
	p = read(t, h, link(p, "tramos-despues"), http.StatusOK)
	p.wants(t, "decisión 201.")
	p.without(t, "tramos-despues", "decisión 200.")
	read(t, h, link(p, "tramos-antes"), http.StatusOK).wants(t, "decisión 101.")
	p = read(t, h, link(p, "paquetes-mas"), http.StatusOK)
	p.wants(t, "P_51")
	p.without(t, "P_50", "paquetes-mas")
	read(t, h, link(p, "paquetes-primera"), http.StatusOK).wants(t, "P_50")
}

func TestDetail_WhenItIsRecurrent(t *testing.T) {
	t.Parallel()
	d := one("pro", gateway.DescargaProgramada)
	d.Request.Programacion = &gateway.Programacion{Hora: "04:00", Overlap: 5, Next: now().Add(16 * time.Hour)}
	d.Request.Solicitud.FechaFinal = ""
	d.SiguienteIntento = d.Request.Programacion.Next
	corrida := one("cor", gateway.DescargaVacia)
	corrida.IDProgramacion = "pro"
	l := &libro{descargas: []gateway.Descarga{d, corrida}}
	h := serve(t, l)
	p := read(t, h, "/descargas/pro", http.StatusOK)
	p.wants(t, "desde el 1 ene 2026", "cada día a las 04:00, y repasa 5 días", "en 16 h", "Corridas", "vacía")
	p.without(t, "Solicitudes al SAT")
	if l.filter.IDProgramacion != "pro" {
		t.Errorf("its runs were asked for by %+v", l.filter)
	}
	read(t, h, "/descargas/cor", http.StatusOK).wants(t, "la recurrente")
}

func TestTree_WhenTheLedgerMakesNoTree(t *testing.T) {
	t.Parallel()
	// A circle, a stranger and oneself as origin: each is there once, none for ever.
	got := tree([]gateway.Tramo{{Number: 1, Origin: 2}, {Number: 2, Origin: 1}, {Number: 3, Origin: 3}, {Number: 4, Origin: 99}})
	var b strings.Builder
	for _, r := range got {
		fmt.Fprintf(&b, "%d<%d ", r.Number, r.Parent)
	}
	if b.String() != "1<0 2<1 3<0 4<0 " {
		t.Errorf("%s", b.String())
	}
	long := make([]gateway.Tramo, 100_000)
	for i := range long {
		long[i] = gateway.Tramo{Number: int64(i + 1), Origin: int64(i)}
	}
	if got := tree(long); len(got) != len(long) || got[99_999].Level != maxLevel {
		t.Errorf("%d of a long chain", len(got))
	}
}
