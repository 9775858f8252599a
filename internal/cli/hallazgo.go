package cli

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/pasarela-mx/pasarela/internal/efirma"
)

// hallazgo is what `efirma check` says of one e.firma, in JSON as in text.
type hallazgo struct {
	Archivos      []string `json:"archivos"`
	Sirve         bool     `json:"sirve"`
	Tipo          string   `json:"tipo,omitempty"` // efirma, csd or otro
	RFC           string   `json:"rfc,omitempty"`
	Nombre        string   `json:"nombre,omitempty"`
	CURP          string   `json:"curp,omitempty"`
	Representante string   `json:"rfcRepresentante,omitempty"`
	Serie         string   `json:"numeroCertificado,omitempty"`
	Emisor        string   `json:"emisor,omitempty"`
	// Desde and Hasta are RFC 3339 in UTC, both inclusive.
	Desde string `json:"vigenteDesde,omitempty"`
	Hasta string `json:"vigenteHasta,omitempty"`
	// DiasRestantes are whole days; negative once it has expired, absent without a certificate.
	DiasRestantes *int   `json:"diasRestantes,omitempty"`
	VencePronto   bool   `json:"vencePronto"`
	Problemas     []nota `json:"problemas"`
	Avisos        []nota `json:"avisos"`
}

type nota struct {
	Codigo  string `json:"codigo"`
	Detalle string `json:"detalle"`
}

func (h *hallazgo) anade(p efirma.Problem, detalle string) {
	h.Problemas = append(h.Problemas, nota{string(p), detalle})
	h.Sirve = false
}

func (r *revision) hallazgo(rev efirma.Revision, archivos ...string) hallazgo {
	h := hallazgo{Archivos: archivos, Sirve: true, Problemas: []nota{}, Avisos: []nota{}}
	if c := rev.Credential; c != nil {
		ahora := r.now()
		h.Tipo, h.RFC, h.Nombre, h.CURP, h.Representante = "efirma", c.RFC, c.Nombre, c.CURP, c.RFCRepresentante
		h.Serie, h.Emisor = c.Serial, cmp.Or(c.Certificate.Issuer.CommonName, c.IssuerName)
		h.Desde, h.Hasta = c.NotBefore.UTC().Format(time.RFC3339), c.NotAfter.UTC().Format(time.RFC3339)
		dias := int(math.Floor(c.NotAfter.Sub(ahora).Hours() / 24))
		h.DiasRestantes, h.VencePronto = &dias, dias < r.dias
	}
	for _, p := range rev.Problemas {
		h.anade(p.Problem, p.Detail)
		switch p.Problem {
		case efirma.EsCSD:
			h.Tipo = "csd"
		case efirma.NoEsEfirma, efirma.SinRFC:
			h.Tipo = "otro"
		}
	}
	for _, a := range rev.Avisos {
		h.Avisos = append(h.Avisos, nota{a.Codigo, a.Texto})
	}
	return h
}

func escribeHallazgos(w io.Writer, hallazgos []hallazgo) error {
	var b strings.Builder
	for i, h := range hallazgos {
		if i > 0 {
			b.WriteString("\n")
		}
		h.escribe(&b)
	}
	if n := len(hallazgos); n > 1 {
		mal := len(slices.DeleteFunc(slices.Clone(hallazgos), func(h hallazgo) bool { return h.Sirve }))
		fmt.Fprintf(&b, "\n%d e.firmas: sirven %d y no sirven %d.\n", n, n-mal, mal)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (h hallazgo) escribe(b *strings.Builder) {
	veredicto := "SIRVE"
	if !h.Sirve {
		veredicto = "NO SIRVE"
	}
	fmt.Fprintf(b, "%s: %s\n", strings.Join(h.Archivos, ", "), veredicto)
	dias := ""
	if h.DiasRestantes != nil {
		dias = quedan(*h.DiasRestantes)
	}
	for _, fila := range [][2]string{
		{"tipo", map[string]string{"efirma": "e.firma", "csd": "certificado de sello digital (CSD)", "otro": "otro certificado"}[h.Tipo]},
		{"RFC", h.RFC}, {"nombre", h.Nombre}, {"representante", h.Representante}, {"CURP", h.CURP}, {"certificado", h.Serie}, {"emisor", h.Emisor},
		{"vigente desde", h.Desde}, {"vigente hasta", strings.TrimSpace(h.Hasta + dias)},
	} {
		if fila[1] != "" {
			fmt.Fprintf(b, "  %-14s %s\n", fila[0], fila[1])
		}
	}
	for _, p := range h.Problemas {
		fmt.Fprintf(b, "  problema       %s [%s]\n", p.Detalle, p.Codigo)
	}
	for _, a := range h.Avisos {
		fmt.Fprintf(b, "  aviso          %s [%s]\n", a.Detalle, a.Codigo)
	}
}

func quedan(dias int) string {
	switch {
	case dias < 0:
		return " (ya venció)"
	case dias == 0:
		return " (vence hoy)"
	case dias == 1:
		return " (queda 1 día)"
	}
	return fmt.Sprintf(" (quedan %d días)", dias)
}
