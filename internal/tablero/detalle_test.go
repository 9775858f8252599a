package tablero

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

func partida() gateway.Descarga {
	d := una("una", gateway.DescargaDescargando)
	d.Peticion.Solicitud.RFCSolicitante = "Ñ&P010101AB3"
	d.Peticion.Clave = "contabilidad"
	d.Solicitudes = []gateway.Tramo{
		{Numero: 1, Estado: gateway.TramoPartida, Desde: "2026-01-01T00:00:00", Hasta: "2026-01-31T23:59:59", PideDesde: "2026-01-01T00:00:00", PideHasta: "2026-01-31T23:59:59",
			CodEstatus: "5000", EstadoSolicitud: "5", CodigoEstadoSolicitud: "5003", Decision: "Se parte en dos mitades.", Presentaciones: 1, Consultas: 4},
		{Numero: 2, Origen: 1, Estado: gateway.TramoSustituida, Desde: "2026-01-01T00:00:00", Hasta: "2026-01-15T23:59:59", PideDesde: "2026-01-01T00:00:00", PideHasta: "2026-01-15T23:59:59"},
		{Numero: 3, Origen: 1, Estado: gateway.TramoTerminada, Desde: "2026-01-16T00:00:00", Hasta: "2026-01-31T23:59:59", PideDesde: "2026-01-16T00:00:00", PideHasta: "2026-01-31T23:59:59", NumeroCFDIs: 1500},
		{Numero: 4, Origen: 2, Estado: gateway.TramoDescargando, Desde: "2026-01-01T00:00:00", Hasta: "2026-01-15T23:59:59", PideDesde: "2026-01-01T00:00:00", PideHasta: "2026-01-16T00:00:00",
			SiguienteIntento: ahora().Add(3 * time.Hour), Presentada: ahora().Add(-49 * time.Hour), IDSolicitud: "b9b9dc59"},
	}
	return d
}

func TestDetalle_WhenSolicitudesWereSplitAndReplaced(t *testing.T) {
	t.Parallel()
	l := &libro{descargas: []gateway.Descarga{partida()}, paquetes: []gateway.PaqueteDescarga{
		{Paquete: gateway.Paquete{IDPaquete: "P_01"}, Tramo: 3, Estado: gateway.PaqueteGuardado, Bytes: 1_234_567, Comprobantes: 1498, Repetidos: 3, Fallas: 2, Detalle: "a.xml: El archivo está dañado.", Descargas: 1, Guardado: ahora()},
		{Paquete: gateway.Paquete{IDPaquete: "P_02"}, Tramo: 4, Estado: gateway.PaquetePendiente, Comprobantes: -1, Fallas: -1, Detalle: "Se repetirá."},
	}, eventos: []gateway.EventoDescarga{
		{Numero: 1, Cuando: ahora(), Tipo: "creada", Detalle: "Se registró."},
		{Numero: 2, Cuando: ahora(), Tipo: "paquete_guardado", Tramo: 3, Detalle: "Se guardó.", Codigo: "5000", Mensaje: "Solicitud Aceptada"},
		{Numero: 3, Cuando: ahora(), Tipo: "consultada", Tramo: 4, Codigo: "3"},
	}}
	p := lee(t, sirve(t, l), "/descargas/una", http.StatusOK)
	p.quiere(t, "Ñ&P010101AB3", "con la clave de API contabilidad",
		"#1 partida en dos", "#2 sustituida", "mitad de #1", "#4 descargando", "sustituye a #2",
		"5000 significado de 5000", "5 estado 5", "5003 significado de 5003", "Se parte en dos mitades.", "1 presentación 4 consultas",
		"se le pidió del 1 ene 2026 al 16 ene 2026 00:00:00", "1,500 comprobantes según el SAT", "siguiente paso en 3 h", "hace 2 días", "idSolicitud b9b9dc59",
		"P_01 #3 guardado a.xml: El archivo está dañado. 1.2 MB 1,498 y 3 repetidos 2 1 de 2", "P_02 #4 por traer Se repetirá. – – – 0 de 2 –",
		"consultada #4 3 estado 3 2 21 jul 2026 12:00:00 paquete guardado #3 Se guardó. 5000 significado de 5000: «Solicitud Aceptada» 1 21 jul 2026")
	orden := make([]string, 0, 4)
	for _, li := range p.todos("li") {
		if strings.HasPrefix(attr(li, "class"), "rama") {
			orden = append(orden, attr(li, "id")+" "+strings.Fields(attr(li, "class"))[1])
		}
	}
	if fmt.Sprint(orden) != "[s1 nivel-0 s2 nivel-1 s4 nivel-2 s3 nivel-1]" {
		t.Errorf("the tree is %v", orden)
	}
	// It is a page for everybody who reaches the listener.
	p.sin(t, "/paquetes/", "<form", "sha256", "method=\"post\"")
}

func TestDetalle_WhenThereIsMoreThanAPage(t *testing.T) {
	t.Parallel()
	d := una("una", gateway.DescargaTerminada)
	l := &libro{}
	for i := range int64(2*tramosPorPagina + 1) {
		d.Solicitudes = append(d.Solicitudes, gateway.Tramo{Numero: i + 1, Origen: i, Estado: gateway.TramoSustituida, Decision: fmt.Sprintf("decisión %d.", i+1)})
	}
	for i := range int64(2*eventosPorPagina + 7) {
		l.eventos = append(l.eventos, gateway.EventoDescarga{Numero: i + 1, Cuando: ahora(), Tipo: "x", Detalle: fmt.Sprintf("suceso %d.", i+1)})
	}
	for i := range paquetesPorPagina + 1 {
		l.paquetes = append(l.paquetes, gateway.PaqueteDescarga{Paquete: gateway.Paquete{IDPaquete: fmt.Sprintf("P_%02d", i+1)}, Estado: gateway.PaqueteGuardado})
	}
	l.descargas = []gateway.Descarga{d}
	h := sirve(t, l)
	enlace := func(p leida, id string) string {
		for _, a := range p.todos("a") {
			if attr(a, "id") == id {
				url, _, _ := strings.Cut(attr(a, "href"), "#")
				return "/descargas/" + url
			}
		}
		t.Fatalf("no link %s", id)
		return ""
	}
	p := lee(t, h, "/descargas/una", http.StatusOK)
	p.quiere(t, "suceso 107.", "suceso 58.", "decisión 100.", "P_50")
	p.sin(t, "suceso 57.", "decisión 101.", "P_51")
	p = lee(t, h, enlace(p, "libro-mas"), http.StatusOK)
	p.quiere(t, "suceso 57.", "suceso 8.")
	p.sin(t, "suceso 58.", "suceso 7.")
	p = lee(t, h, enlace(p, "libro-mas"), http.StatusOK)
	p.quiere(t, "suceso 7.", "suceso 1.", "Lo más reciente")
	p.sin(t, "suceso 8.", "libro-mas")
	// Each list has its own place.
	p = lee(t, h, enlace(p, "tramos-despues"), http.StatusOK)
	p.quiere(t, "decisión 101.", "decisión 200.", "suceso 7.")
	p = lee(t, h, enlace(p, "tramos-despues"), http.StatusOK)
	p.quiere(t, "decisión 201.")
	p.sin(t, "tramos-despues", "decisión 200.")
	lee(t, h, enlace(p, "tramos-antes"), http.StatusOK).quiere(t, "decisión 101.")
	p = lee(t, h, enlace(p, "paquetes-mas"), http.StatusOK)
	p.quiere(t, "P_51")
	p.sin(t, "P_50", "paquetes-mas")
	lee(t, h, enlace(p, "paquetes-primera"), http.StatusOK).quiere(t, "P_50")
}

func TestDetalle_WhenItIsRecurrent(t *testing.T) {
	t.Parallel()
	d := una("pro", gateway.DescargaProgramada)
	d.Peticion.Programacion = &gateway.Programacion{Hora: "04:00", Traslape: 5, Siguiente: ahora().Add(16 * time.Hour)}
	d.Peticion.Solicitud.FechaFinal = ""
	d.SiguienteIntento = d.Peticion.Programacion.Siguiente
	corrida := una("cor", gateway.DescargaVacia)
	corrida.IDProgramacion = "pro"
	l := &libro{descargas: []gateway.Descarga{d, corrida}}
	h := sirve(t, l)
	p := lee(t, h, "/descargas/pro", http.StatusOK)
	p.quiere(t, "desde el 1 ene 2026", "cada día a las 04:00, y repasa 5 días", "en 16 h", "Corridas", "vacía")
	p.sin(t, "Solicitudes al SAT")
	if l.filtro.IDProgramacion != "pro" {
		t.Errorf("its runs were asked for by %+v", l.filtro)
	}
	lee(t, h, "/descargas/cor", http.StatusOK).quiere(t, "la recurrente")
}

func TestArbol_WhenTheLedgerMakesNoTree(t *testing.T) {
	t.Parallel()
	// A circle, a stranger and oneself as origin: each is there once, none for ever.
	got := arbol([]gateway.Tramo{{Numero: 1, Origen: 2}, {Numero: 2, Origen: 1}, {Numero: 3, Origen: 3}, {Numero: 4, Origen: 99}})
	var b strings.Builder
	for _, r := range got {
		fmt.Fprintf(&b, "%d<%d ", r.Numero, r.Padre)
	}
	if b.String() != "1<0 2<1 3<0 4<0 " {
		t.Errorf("%s", b.String())
	}
	larga := make([]gateway.Tramo, 100_000)
	for i := range larga {
		larga[i] = gateway.Tramo{Numero: int64(i + 1), Origen: int64(i)}
	}
	if got := arbol(larga); len(got) != len(larga) || got[99_999].Nivel != maxNivel {
		t.Errorf("%d of a long chain", len(got))
	}
}
