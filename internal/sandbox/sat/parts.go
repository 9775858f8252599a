package sat

import (
	"fmt"
	"time"
)

const (
	companies     = 80 // the first of Universe.parts
	personas      = 40 // the rest
	personaLength = 13
)

// parts makes the taxpayers that ours trade with, the same for a seed: accents, ñ, & and quotes
// among their names and & and Ñ among their RFCs, which is where clients break.
func parts(seed uint64) []part {
	businesses := []string{"COMERCIALIZADORA", "SERVICIOS", "TRANSPORTES", "CONSTRUCCIÓN Y DISEÑO", "PAPELERÍA", "GRUPO \"LA PEÑA\"", "ALIMENTOS & BEBIDAS", "ASESORÍA CONTABLE"}
	places := []string{"DEL NORTE", "DE MICHOACÁN", "NUEVO LEÓN", "DEL BAJÍO", "LA CAÑADA", "O'FARRILL", "DE ANÁHUAC", "YUCATÁN", "SAN ÁNGEL", "QUERÉTARO"}
	initial := []string{"COM", "SER", "TRA", "CÑD", "PAP", "GLP", "A&B", "ACO"}
	names := []string{"JOSÉ", "MARÍA", "NOÉ", "BEGOÑA", "RAÚL", "SOFÍA", "IVÁN", "INÉS"}
	apellidos := []string{"PEÑA LÓPEZ", "NÚÑEZ GARCÍA", "MUÑOZ RÍOS", "IBÁÑEZ CRUZ", "GÓMEZ DÁVILA"}
	var all []part
	for i := range companies {
		all = append(all, part{
			rfc:  rfcOf(initial[i%len(initial)], seed, uint64(i)),
			name: businesses[i%len(businesses)] + " " + places[i/len(businesses)],
		})
	}
	for i := range personas {
		ap, no := apellidos[i%len(apellidos)], names[i/len(apellidos)]
		all = append(all, part{
			rfc:  rfcOf(fmt.Sprintf("%c%c%c%c", []rune(ap)[0], 'E', 'X', []rune(no)[0]), seed, uint64(companies+i)),
			name: no + " " + ap,
		})
	}
	return all
}

// rfcOf ends the initials with a date and three characters that no other party has.
func rfcOf(initial string, seed, i uint64) string {
	const letters = "ABCDEFGHJKLMNPQRSTUVWXYZ123456789"
	h := mix(seed ^ mix(i))
	registration := time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(h%16000))
	return fmt.Sprintf("%s%s%c%c%c", initial, registration.Format("060102"),
		letters[i%uint64(len(letters))], letters[i/uint64(len(letters))], '0'+rune(h>>40%10))
}

func (u *Universe) emisor(c *Comprobante) part {
	if c.Direction == Recibidos {
		return u.parts[c.Contraparte]
	}
	return own(c.RFC)
}

func (u *Universe) receptor(c *Comprobante) part {
	if c.Direction == Recibidos {
		return own(c.RFC)
	}
	return u.parts[c.Contraparte]
}

// own names the taxpayer that asks; the universe knows no more of him than his RFC.
func own(rfc string) part {
	if isPersona(rfc) {
		return part{rfc, "JUANA PÉREZ DE PRUEBA"}
	}
	return part{rfc, "EMPRESA DE PRUEBA DEL SANDBOX"}
}

// regimen is the RegimenFiscal of a party: of wages where it is paid them.
func (p part) regimen(tipo byte) string {
	switch {
	case !isPersona(p.rfc):
		return "601"
	case tipo == 'N':
		return "605"
	}
	return "612"
}

// domicilio is the postal code of a party.
func (p part) domicilio() string {
	codigos := [...]string{"06300", "64000", "44100", "58000", "97000", "76000", "20000", "37000"}
	n := 0
	for i := range len(p.rfc) {
		n += int(p.rfc[i])
	}
	return codigos[n%len(codigos)]
}
