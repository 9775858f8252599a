package sat

import (
	"fmt"
	"time"
)

const (
	empresas     = 80 // the first of Universo.partes
	personas     = 40 // the rest
	largoPersona = 13
)

// partes makes the taxpayers that ours trade with, the same for a seed: accents, ñ, & and quotes
// among their names and & and Ñ among their RFCs, which is where clients break.
func partes(semilla uint64) []parte {
	giros := []string{"COMERCIALIZADORA", "SERVICIOS", "TRANSPORTES", "CONSTRUCCIÓN Y DISEÑO", "PAPELERÍA", "GRUPO \"LA PEÑA\"", "ALIMENTOS & BEBIDAS", "ASESORÍA CONTABLE"}
	lugares := []string{"DEL NORTE", "DE MICHOACÁN", "NUEVO LEÓN", "DEL BAJÍO", "LA CAÑADA", "O'FARRILL", "DE ANÁHUAC", "YUCATÁN", "SAN ÁNGEL", "QUERÉTARO"}
	iniciales := []string{"COM", "SER", "TRA", "CÑD", "PAP", "GLP", "A&B", "ACO"}
	nombres := []string{"JOSÉ", "MARÍA", "NOÉ", "BEGOÑA", "RAÚL", "SOFÍA", "IVÁN", "INÉS"}
	apellidos := []string{"PEÑA LÓPEZ", "NÚÑEZ GARCÍA", "MUÑOZ RÍOS", "IBÁÑEZ CRUZ", "GÓMEZ DÁVILA"}
	var todas []parte
	for i := range empresas {
		todas = append(todas, parte{
			rfc:    rfcDe(iniciales[i%len(iniciales)]+"", semilla, uint64(i)),
			nombre: giros[i%len(giros)] + " " + lugares[i/len(giros)],
		})
	}
	for i := range personas {
		ap, no := apellidos[i%len(apellidos)], nombres[i/len(apellidos)]
		todas = append(todas, parte{
			rfc:    rfcDe(fmt.Sprintf("%c%c%c%c", []rune(ap)[0], 'E', 'X', []rune(no)[0]), semilla, uint64(empresas+i)),
			nombre: no + " " + ap,
		})
	}
	return todas
}

// rfcDe ends the initials with a date and three characters that no other party has.
func rfcDe(iniciales string, semilla, i uint64) string {
	const letras = "ABCDEFGHJKLMNPQRSTUVWXYZ123456789"
	h := mezcla(semilla ^ mezcla(i))
	alta := time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(h%16000))
	return fmt.Sprintf("%s%s%c%c%c", iniciales, alta.Format("060102"),
		letras[i%uint64(len(letras))], letras[i/uint64(len(letras))], '0'+rune(h>>40%10))
}

func (u *Universo) emisor(c *Comprobante) parte {
	if c.Sentido == Recibidos {
		return u.partes[c.Contraparte]
	}
	return propio(c.RFC)
}

func (u *Universo) receptor(c *Comprobante) parte {
	if c.Sentido == Recibidos {
		return propio(c.RFC)
	}
	return u.partes[c.Contraparte]
}

// propio names the taxpayer that asks; the universe knows no more of him than his RFC.
func propio(rfc string) parte {
	if esPersona(rfc) {
		return parte{rfc, "JUANA PÉREZ DE PRUEBA"}
	}
	return parte{rfc, "EMPRESA DE PRUEBA DEL SANDBOX"}
}

// regimen is the RegimenFiscal of a party: of wages where it is paid them.
func (p parte) regimen(tipo byte) string {
	switch {
	case !esPersona(p.rfc):
		return "601"
	case tipo == 'N':
		return "605"
	}
	return "612"
}

// domicilio is the postal code of a party.
func (p parte) domicilio() string {
	codigos := [...]string{"06300", "64000", "44100", "58000", "97000", "76000", "20000", "37000"}
	n := 0
	for i := range len(p.rfc) {
		n += int(p.rfc[i])
	}
	return codigos[n%len(codigos)]
}

// complementoRetencion picks one of the catalogue of retenciones.
func complementoRetencion(h uint64) string {
	nombres := [...]string{"", "dividendos", "intereses", "arrendamientoenfideicomiso", "serviciosplataformastecnologicas10"}
	return nombres[h%uint64(len(nombres))]
}
