package handlers

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/pasarela-mx/pasarela/gen/rest"
	"github.com/pasarela-mx/pasarela/internal/addenda"
	"github.com/pasarela-mx/pasarela/internal/contrato"
	"github.com/pasarela-mx/pasarela/internal/firmado"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

func (h *handler) procesarAddenda(w http.ResponseWriter, r *http.Request) error {
	var body rest.PeticionAddenda
	if err := decode(r, &body); err != nil {
		return err
	}
	cuenta, err := h.cuentaPADE(r, "codigoContrato", body.CodigoContrato)
	if err != nil {
		return err
	}
	datos, campos := addenda.Datos(body.Datos)
	if len(campos) > 0 {
		return refusedFields(campos)
	}
	got, err := h.cfg.Addendas.Procesa(r.Context(), cuenta, datos)
	if err != nil {
		return err
	}
	texto, avisos := addenda.Nodo(got.XML)
	return writeAddenda(w, r, got, texto, avisos)
}

func (h *handler) adjuntarAddenda(w http.ResponseWriter, r *http.Request) error {
	var body rest.PeticionAdjuntarAddenda
	if err := decode(r, &body); err != nil {
		return err
	}
	cuenta, err := h.cuentaPADE(r, "codigoContrato", body.CodigoContrato)
	if err != nil {
		return err
	}
	datos, campos := addenda.Datos(body.Datos)
	cfdi, more := cfdiOf(body)
	if campos = append(campos, more...); len(campos) > 0 {
		return refusedFields(campos)
	}
	got, err := h.cfg.Addendas.Adjunta(r.Context(), cuenta, datos, cfdi)
	if err != nil {
		return err
	}
	avisos, err := addenda.Adjunta([]byte(cfdi), got.XML)
	if err != nil {
		own, detail := noEntregado(err)
		return &gateway.Error{Kind: gateway.KindRespuestaInvalida, Own: own, Backend: "pade", Mensaje: got.Mensaje, Err: err, Detail: detail}
	}
	return writeAddenda(w, r, got, textOf(got.XML), avisos)
}

// noEntregado says why a CFDI that came back is not handed out.
func noEntregado(err error) (gateway.OwnCode, string) {
	detalle := ""
	if r := (*addenda.Rechazo)(nil); errors.As(err, &r) {
		detalle = " " + r.Detalle
	}
	switch {
	case errors.Is(err, addenda.ErrSinAddenda):
		return gateway.OwnAddendaNoPuesta, "Prodigia devolvió el CFDI sin la addenda, y no se entrega." + detalle + " Lo demás es lo que se envió: revise datos."
	case errors.Is(err, addenda.ErrIlegible):
		return gateway.OwnCFDINoDevuelto, "Prodigia devolvió algo que no se puede leer como CFDI, y no se entrega." + detalle
	default:
		return gateway.OwnCFDIAlterado, "Prodigia devolvió el CFDI con cambios fuera de la addenda, y no se entrega: su sello podría haber dejado de valer." + detalle
	}
}

// cfdiOf reads the CFDI in either of its forms.
func cfdiOf(body rest.PeticionAdjuntarAddenda) (string, []gateway.Campo) {
	switch {
	case (body.XMLCFDI == "") == (body.XMLCFDIBase64 == ""):
		return "", []gateway.Campo{{Campo: "xmlCfdi", Detalle: "Envíe xmlCfdi o xmlCfdiBase64, uno de los dos."}}
	case body.XMLCFDI != "":
		if what := disguised(body.XMLCFDI, "Ya viene en base64: envíelo en xmlCfdiBase64, o su texto tal cual en xmlCfdi."); what != "" {
			return "", []gateway.Campo{{Campo: "xmlCfdi", Detalle: what}}
		}
		return addenda.CFDITexto(body.XMLCFDI)
	}
	archivo, err := decodeBase64(body.XMLCFDIBase64)
	if err != nil {
		return "", []gateway.Campo{{Campo: "xmlCfdiBase64", Detalle: err.Error()}}
	}
	if what := disguised(string(archivo[:min(len(archivo), disguiseHead)]), dosVeces); what != "" {
		return "", []gateway.Campo{{Campo: "xmlCfdiBase64", Detalle: what}}
	}
	cfdi, campos := addenda.CFDI(archivo)
	for i := range campos {
		campos[i].Campo = "xmlCfdiBase64" // where it came
	}
	return cfdi, campos
}

// dosVeces is what the titles' route says of it too.
const dosVeces = "Viene dos veces en base64, y se codifica una sola vez."

func refusedFields(campos []gateway.Campo) error {
	return &gateway.Error{Kind: gateway.KindInvalida, Own: gateway.OwnAddendaRechazable, Campos: campos, NoEnviada: true,
		Detail: "La petición no se envió a Prodigia porque la rechazaría. Corrija los campos indicados en errores."}
}

// headerAvisos names the avisos of a document that is delivered without JSON.
const headerAvisos = "X-Avisos"

func writeAddenda(w http.ResponseWriter, r *http.Request, got gateway.AddendaProcesada, texto string, avisos []addenda.Aviso) error {
	out := rest.AddendaProcesada{IDTransaccion: got.ID, CodigoContrato: got.Contrato, Codigo: got.Codigo, Mensaje: got.Mensaje, XML: texto, XMLBase64: got.XML, Avisos: []rest.AvisoDeAddenda{}}
	for _, a := range avisos {
		w.Header().Add(headerAvisos, a.Codigo)
		out.Avisos = append(out.Avisos, rest.AvisoDeAddenda{Codigo: a.Codigo, Detalle: a.Detalle})
	}
	if prefers(r, "application/json", "application/xml") == "application/xml" {
		return writeFile(w, "application/xml", "addenda.xml", bytes.NewReader(got.XML))
	}
	return writeJSON(w, http.StatusOK, out)
}

func (h *handler) firmarContrato(w http.ResponseWriter, r *http.Request, params rest.FirmarContratoParams) error {
	var body rest.PeticionFirmaContrato
	if err := decode(r, &body); err != nil {
		return err
	}
	cuenta, err := h.cuentaPADE(r, "codigoContrato", body.CodigoContrato)
	if err != nil {
		return err
	}
	return h.firmar(w, r, firmado.Peticion{Operacion: gateway.FirmaContrato, Cuenta: cuenta, Clave: clave(r, params.IdempotencyKey), ModoPrueba: body.ModoPrueba, SoloForma: params.Comprobar == rest.ComprobacionForma},
		contratoDado{body.XMLBase64, body.Contrato, body.Digest})
}

func (h *handler) firmarSinCuenta(w http.ResponseWriter, r *http.Request, op gateway.OperacionFirma, params rest.FirmarManifiestoParams) error {
	var body rest.PeticionFirma
	if err := decode(r, &body); err != nil {
		return err
	}
	return h.firmar(w, r, firmado.Peticion{Operacion: op, Clave: clave(r, params.IdempotencyKey), ModoPrueba: body.ModoPrueba, SoloForma: params.Comprobar == rest.ComprobacionForma},
		contratoDado{body.XMLBase64, body.Contrato, body.Digest})
}

// headerCoincide says of a contract that is delivered without JSON whether it is
// the one that was sent, countersigned.
const headerCoincide = "X-Coincide"

// textOf is the text of a document for JSON, whatever its encoding; empty when that
// cannot be told. Its bytes go beside it.
func textOf(document []byte) string {
	text, err := xmldoc.Text(document, "")
	if err != nil {
		return ""
	}
	return text
}

// contratoDado is a contract as a request gives it: ready, or by its fields.
type contratoDado struct {
	base64 string
	campos *rest.ContratoPorFirmar
	digest rest.DigestDeSello
}

// xml returns the document to be signed.
func (h *handler) xml(r *http.Request, c contratoDado, op gateway.OperacionFirma) ([]byte, error) {
	if (c.campos == nil) == (c.base64 == "") {
		return nil, badField("xmlBase64", "Envíe xmlBase64 o contrato, uno de los dos.")
	}
	if c.campos == nil {
		return documentoDado(c.base64)
	}
	por, err := porFirmar(r, *c.campos, c.digest)
	if err != nil {
		return nil, err
	}
	return firmado.Construye(por, op, h.cfg.Llavero, h.cfg.Now())
}

// documentoDado decodes a contract that came ready.
func documentoDado(text string) ([]byte, error) {
	const campo = "xmlBase64"
	documento, err := decodeBase64(text)
	if err != nil {
		return nil, badField(campo, err.Error())
	}
	if what := disguised(string(documento[:min(len(documento), disguiseHead)]), dosVeces); what != "" {
		return nil, badField(campo, what)
	}
	return documento, nil
}

func (h *handler) firmar(w http.ResponseWriter, r *http.Request, p firmado.Peticion, c contratoDado) error {
	var err error
	p.Ruta = "xmlBase64"
	if c.campos != nil {
		p.Ruta = "contrato"
	}
	if p.Contrato, err = h.xml(r, c, p.Operacion); err != nil {
		return err
	}
	got, again, err := h.cfg.Firmado.Firma(r.Context(), p)
	replayed(w, again)
	if err != nil {
		return err
	}
	w.Header().Set(headerCoincide, strconv.FormatBool(got.Motivo == ""))
	if prefers(r, "application/json", "application/xml") == "application/xml" {
		return writeFile(w, "application/xml", "contrato.xml", bytes.NewReader(got.XML))
	}
	return writeJSON(w, http.StatusOK, rest.ContratoFirmado{FirmaOk: true, CodigoResultado: got.Codigo, MensajeResultado: got.Mensaje,
		FechaFirma: got.FechaFirma, Coincide: got.Motivo == "", Motivo: got.Motivo, XML: textOf(got.XML), XMLBase64: got.XML, ModoPrueba: p.ModoPrueba})
}

// porFirmar reads a contract's fields, and checks that the caller may sign with
// each e.firma.
func porFirmar(r *http.Request, c rest.ContratoPorFirmar, digest rest.DigestDeSello) (firmado.PorFirmar, error) {
	var campos []gateway.Campo
	out := firmado.PorFirmar{Fecha: c.Fecha, Texto: c.Texto, Digest: contrato.Digest(digest)}
	for i, f := range c.Firmas {
		if f.FirmarCon != "" {
			if err := permite(r.Context(), f.FirmarCon); err != nil {
				return out, err
			}
		}
		ruta := fmt.Sprintf("contrato/firmas/%d/", i)
		campos = append(campos, slices.Concat(enUnaLinea(ruta+"certificado", &f.Certificado), enUnaLinea(ruta+"sello", &f.Sello))...)
		out.FirmarCon = append(out.FirmarCon, f.FirmarCon)
		out.Firmas = append(out.Firmas, contrato.Firma{Quien: f.Quien, RFC: f.RFC, Nombre: f.Nombre, RepLegalRFC: f.RepLegalRFC, RepLegal: f.RepLegal,
			Facultad: f.Facultad, CertificadoSerie: f.CertificadoSerie, Certificado: f.Certificado, Sello: f.Sello, Siglas: f.Siglas,
			CalleNumero: f.CalleNumero, Colonia: f.Colonia, Ciudad: f.Ciudad, Estado: f.Estado, CodigoPostal: f.CodigoPostal,
			NombreSoftware: f.NombreSoftware, URLInformacion: f.URLInformacion})
	}
	if len(campos) > 0 {
		return out, refusedFields(campos)
	}
	return out, nil
}

// enUnaLinea writes base64 as the XML's attribute has it.
func enUnaLinea(campo string, texto *string) []gateway.Campo {
	if _, err := decodeBase64(*texto); err != nil {
		return []gateway.Campo{{Campo: campo, Detalle: err.Error()}}
	}
	*texto = strings.Join(strings.Fields(*texto), "")
	return nil
}
