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

// hallazgo is the result of `efirma check` for one e.firma, in JSON and as text.
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
	// Since and Until are RFC 3339 in UTC, both inclusive.
	Since string `json:"vigenteDesde,omitempty"`
	Until string `json:"vigenteHasta,omitempty"`
	// DiasRestantes are whole days; negative after expiry, absent without a certificate.
	DiasRestantes *int   `json:"diasRestantes,omitempty"`
	VencePronto   bool   `json:"vencePronto"`
	Problemas     []note `json:"problemas"`
	Avisos        []note `json:"avisos"`
}

type note struct {
	Codigo  string `json:"codigo"`
	Detalle string `json:"detalle"`
}

func (h *hallazgo) add(p efirma.Problem, detail string) {
	h.Problemas = append(h.Problemas, note{string(p), detail})
	h.Sirve = false
}

func (r *revision) hallazgo(rev efirma.Revision, files ...string) hallazgo {
	h := hallazgo{Archivos: files, Sirve: true, Problemas: []note{}, Avisos: []note{}}
	if c := rev.Credential; c != nil {
		now := r.now()
		h.Tipo, h.RFC, h.Nombre, h.CURP, h.Representante = "efirma", c.RFC, c.Nombre, c.CURP, c.RFCRepresentante
		h.Serie, h.Emisor = c.Serial, cmp.Or(c.Certificate.Issuer.CommonName, c.IssuerName)
		h.Since, h.Until = c.NotBefore.UTC().Format(time.RFC3339), c.NotAfter.UTC().Format(time.RFC3339)
		days := int(math.Floor(c.NotAfter.Sub(now).Hours() / 24))
		h.DiasRestantes, h.VencePronto = &days, days < r.days
	}
	for _, p := range rev.Problems {
		h.add(p.Problem, p.Detail)
		switch p.Problem {
		case efirma.EsCSD:
			h.Tipo = "csd"
		case efirma.NoEsEfirma, efirma.SinRFC:
			h.Tipo = "otro"
		}
	}
	for _, a := range rev.Avisos {
		h.Avisos = append(h.Avisos, note{a.Codigo, a.Text})
	}
	return h
}

func writeHallazgos(w io.Writer, hallazgos []hallazgo) error {
	var b strings.Builder
	for i, h := range hallazgos {
		if i > 0 {
			b.WriteString("\n")
		}
		h.write(&b)
	}
	if n := len(hallazgos); n > 1 {
		bad := len(slices.DeleteFunc(slices.Clone(hallazgos), func(h hallazgo) bool { return h.Sirve }))
		fmt.Fprintf(&b, "\n%d e.firmas: sirven %d y no sirven %d.\n", n, n-bad, bad)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (h hallazgo) write(b *strings.Builder) {
	verdict := "SIRVE"
	if !h.Sirve {
		verdict = "NO SIRVE"
	}
	fmt.Fprintf(b, "%s: %s\n", strings.Join(h.Archivos, ", "), verdict)
	days := ""
	if h.DiasRestantes != nil {
		days = remain(*h.DiasRestantes)
	}
	for _, row := range [][2]string{
		{"tipo", map[string]string{"efirma": "e.firma", "csd": "certificado de sello digital (CSD)", "otro": "otro certificado"}[h.Tipo]},
		{"RFC", h.RFC}, {"nombre", h.Nombre}, {"representante", h.Representante}, {"CURP", h.CURP}, {"certificado", h.Serie}, {"emisor", h.Emisor},
		{"vigente desde", h.Since}, {"vigente hasta", strings.TrimSpace(h.Until + days)},
	} {
		if row[1] != "" {
			fmt.Fprintf(b, "  %-14s %s\n", row[0], row[1])
		}
	}
	for _, p := range h.Problemas {
		fmt.Fprintf(b, "  problema       %s [%s]\n", p.Detalle, p.Codigo)
	}
	for _, a := range h.Avisos {
		fmt.Fprintf(b, "  aviso          %s [%s]\n", a.Detalle, a.Codigo)
	}
}

func remain(days int) string {
	switch {
	case days < 0:
		return " (ya venció)"
	case days == 0:
		return " (vence hoy)"
	case days == 1:
		return " (queda 1 día)"
	}
	return fmt.Sprintf(" (quedan %d días)", days)
}
