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
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/pade/addenda"
	"github.com/pasarela-mx/pasarela/internal/pade/contrato"
	"github.com/pasarela-mx/pasarela/internal/pade/firmado"
	"github.com/pasarela-mx/pasarela/internal/xmldoc"
)

func (h *handler) ProcesarAddenda(w http.ResponseWriter, r *http.Request, _ rest.ProcesarAddendaParams) error {
	var body rest.PeticionAddenda
	if err := decode(r, &body); err != nil {
		return err
	}
	cuenta, err := h.cuentaPADE(r, "codigoContrato", body.CodigoContrato)
	if err != nil {
		return err
	}
	data, fields := addenda.Data(body.Datos)
	if len(fields) > 0 {
		return refusedFields(fields)
	}
	got, err := h.cfg.Addendas.Process(r.Context(), cuenta, data)
	if err != nil {
		return err
	}
	text, avisos := addenda.Node(got.XML)
	return writeAddenda(w, r, got, text, avisos)
}

func (h *handler) AdjuntarAddenda(w http.ResponseWriter, r *http.Request, _ rest.AdjuntarAddendaParams) error {
	var body rest.PeticionAdjuntarAddenda
	if err := decode(r, &body); err != nil {
		return err
	}
	cuenta, err := h.cuentaPADE(r, "codigoContrato", body.CodigoContrato)
	if err != nil {
		return err
	}
	data, fields := addenda.Data(body.Datos)
	cfdi, more := cfdiOf(body)
	if fields = append(fields, more...); len(fields) > 0 {
		return refusedFields(fields)
	}
	got, err := h.cfg.Addendas.Attach(r.Context(), cuenta, data, cfdi)
	if err != nil {
		return err
	}
	avisos, err := addenda.Attach([]byte(cfdi), got.XML)
	if err != nil {
		own, detail := undelivered(err)
		return &gateway.Error{Kind: gateway.KindRespuestaInvalida, Own: own, Backend: "pade", Mensaje: got.Mensaje, Err: err, Detail: detail}
	}
	return writeAddenda(w, r, got, textOf(got.XML), avisos)
}

// undelivered explains why a returned CFDI is withheld.
func undelivered(err error) (gateway.OwnCode, string) {
	detail := ""
	if r := (*addenda.Refusal)(nil); errors.As(err, &r) {
		detail = " " + r.Detail
	}
	switch {
	case errors.Is(err, addenda.ErrWithoutAddenda):
		return gateway.OwnAddendaNoPuesta, "Prodigia devolvió el CFDI sin la addenda, y no se entrega." + detail + " Lo demás es lo que se envió: revise datos."
	case errors.Is(err, addenda.ErrUnreadable):
		return gateway.OwnCFDINoDevuelto, "Prodigia devolvió algo que no se puede leer como CFDI, y no se entrega." + detail
	default:
		return gateway.OwnCFDIAlterado, "Prodigia devolvió el CFDI con cambios fuera de la addenda, y no se entrega: su sello podría haber dejado de valer." + detail
	}
}

// cfdiOf reads the CFDI in either of its forms.
func cfdiOf(body rest.PeticionAdjuntarAddenda) (string, []gateway.Field) {
	switch {
	case (body.XMLCFDI == "") == (body.XMLCFDIBase64 == ""):
		return "", []gateway.Field{{Campo: "xmlCfdi", Detalle: "Envíe xmlCfdi o xmlCfdiBase64, uno de los dos."}}
	case body.XMLCFDI != "":
		if what := disguised(body.XMLCFDI, "Ya viene en base64: envíelo en xmlCfdiBase64, o su texto tal cual en xmlCfdi."); what != "" {
			return "", []gateway.Field{{Campo: "xmlCfdi", Detalle: what}}
		}
		return addenda.CFDIText(body.XMLCFDI)
	}
	file, err := decodeBase64(body.XMLCFDIBase64)
	if err != nil {
		return "", []gateway.Field{{Campo: "xmlCfdiBase64", Detalle: err.Error()}}
	}
	if what := disguised(string(file[:min(len(file), disguiseHead)]), twice); what != "" {
		return "", []gateway.Field{{Campo: "xmlCfdiBase64", Detalle: what}}
	}
	cfdi, fields := addenda.CFDI(file)
	for i := range fields {
		fields[i].Campo = "xmlCfdiBase64" // the field that the caller used
	}
	return cfdi, fields
}

// twice is the text that the titles' route uses too.
const twice = "Viene dos veces en base64, y se codifica una sola vez."

func refusedFields(fields []gateway.Field) error {
	return &gateway.Error{Kind: gateway.KindInvalida, Own: gateway.OwnAddendaRechazable, Fields: fields, Unsent: true,
		Detail: "La petición no se envió a Prodigia porque la rechazaría. Corrija los campos indicados en errores."}
}

// headerAvisos lists the codes of the avisos about a document that is not sent as JSON.
const headerAvisos = "X-Avisos"

func writeAddenda(w http.ResponseWriter, r *http.Request, got gateway.AddendaProcesada, text string, avisos []addenda.Aviso) error {
	out := rest.AddendaProcesada{IDTransaccion: got.ID, CodigoContrato: got.Contrato, Codigo: got.Codigo, Mensaje: got.Mensaje, XML: text, XMLBase64: got.XML, Avisos: []rest.AvisoDeAddenda{}}
	for _, a := range avisos {
		w.Header().Add(headerAvisos, a.Codigo)
		out.Avisos = append(out.Avisos, rest.AvisoDeAddenda{Codigo: a.Codigo, Detalle: a.Detail})
	}
	if prefers(r, "application/json", "application/xml") == "application/xml" {
		return writeFile(w, "application/xml", "addenda.xml", bytes.NewReader(got.XML))
	}
	return writeJSON(w, http.StatusOK, out)
}

func (h *handler) FirmarContrato(w http.ResponseWriter, r *http.Request, params rest.FirmarContratoParams) error {
	var body rest.PeticionFirmaContrato
	if err := decode(r, &body); err != nil {
		return err
	}
	cuenta, err := h.cuentaPADE(r, "codigoContrato", body.CodigoContrato)
	if err != nil {
		return err
	}
	return h.sign(w, r, firmado.Request{Operation: gateway.FirmaContrato, Cuenta: cuenta, Key: scopedKey(r, params.IdempotencyKey), ModoPrueba: body.ModoPrueba, OnlyForm: params.Comprobar == rest.ComprobacionForma},
		givenContrato{body.XMLBase64, body.Contrato, body.Digest})
}

func (h *handler) FirmarManifiesto(w http.ResponseWriter, r *http.Request, params rest.FirmarManifiestoParams) error {
	return h.signWithoutCuenta(w, r, gateway.FirmaManifiesto, params)
}

func (h *handler) FirmarContratoAdhesion(w http.ResponseWriter, r *http.Request, params rest.FirmarContratoAdhesionParams) error {
	return h.signWithoutCuenta(w, r, gateway.FirmaAdhesion, rest.FirmarManifiestoParams(params))
}

func (h *handler) signWithoutCuenta(w http.ResponseWriter, r *http.Request, op gateway.FirmaOperation, params rest.FirmarManifiestoParams) error {
	var body rest.PeticionFirma
	if err := decode(r, &body); err != nil {
		return err
	}
	return h.sign(w, r, firmado.Request{Operation: op, Key: scopedKey(r, params.IdempotencyKey), ModoPrueba: body.ModoPrueba, OnlyForm: params.Comprobar == rest.ComprobacionForma},
		givenContrato{body.XMLBase64, body.Contrato, body.Digest})
}

// headerMatches reports whether a contract that is not sent as JSON is the presented one,
// countersigned.
const headerMatches = "X-Coincide"

// textOf returns a document's text for JSON, whatever its encoding; empty if the encoding
// is unknown. The answer also has its bytes.
func textOf(document []byte) string {
	text, err := xmldoc.Text(document, "")
	if err != nil {
		return ""
	}
	return text
}

// givenContrato is a contract in a request: a document, or its fields.
type givenContrato struct {
	base64 string
	fields *rest.ContratoPorFirmar
	digest rest.DigestDeSello
}

// document returns the document to be signed.
func (h *handler) document(r *http.Request, c givenContrato, op gateway.FirmaOperation) (firmado.Document, error) {
	if (c.fields == nil) == (c.base64 == "") {
		return firmado.Document{}, badField("xmlBase64", "Envíe xmlBase64 o contrato, uno de los dos.")
	}
	if c.fields == nil {
		xml, err := givenDocument(c.base64)
		return firmado.Document{XML: xml}, err
	}
	by, err := toSign(r, *c.fields, c.digest)
	if err != nil {
		return firmado.Document{}, err
	}
	return firmado.Build(by, op, h.cfg.Keyring, h.cfg.Now())
}

// givenDocument decodes a contract that is given as a document.
func givenDocument(text string) ([]byte, error) {
	const field = "xmlBase64"
	document, err := decodeBase64(text)
	if err != nil {
		return nil, badField(field, err.Error())
	}
	if what := disguised(string(document[:min(len(document), disguiseHead)]), twice); what != "" {
		return nil, badField(field, what)
	}
	return document, nil
}

func (h *handler) sign(w http.ResponseWriter, r *http.Request, p firmado.Request, c givenContrato) error {
	var err error
	p.Path = "xmlBase64"
	if c.fields != nil {
		p.Path = "contrato"
	}
	if p.Contrato, err = h.document(r, c, p.Operation); err != nil {
		return err
	}
	got, again, err := h.cfg.Signed.Firma(r.Context(), p)
	replayed(w, again)
	if err != nil {
		return err
	}
	w.Header().Set(headerMatches, strconv.FormatBool(got.Motivo == ""))
	if prefers(r, "application/json", "application/xml") == "application/xml" {
		return writeFile(w, "application/xml", "contrato.xml", bytes.NewReader(got.XML))
	}
	return writeJSON(w, http.StatusOK, rest.ContratoFirmado{FirmaOk: true, CodigoResultado: got.Codigo, MensajeResultado: got.Mensaje,
		FechaFirma: got.FechaFirma, Coincide: got.Motivo == "", Motivo: got.Motivo, XML: textOf(got.XML), XMLBase64: got.XML, ModoPrueba: p.ModoPrueba})
}

// toSign reads a contract's fields, and checks that the caller may sign with each
// e.firma.
func toSign(r *http.Request, c rest.ContratoPorFirmar, digest rest.DigestDeSello) (firmado.ToSign, error) {
	var fields []gateway.Field
	out := firmado.ToSign{Fecha: c.Fecha, Text: c.Texto, Digest: contrato.Digest(digest)}
	for i, f := range c.Firmas {
		if f.FirmarCon != "" {
			if err := allow(r.Context(), f.FirmarCon); err != nil {
				return out, err
			}
		}
		path := fmt.Sprintf("contrato/firmas/%d/", i)
		fields = append(fields, slices.Concat(inLine(path+"certificado", &f.Certificado), inLine(path+"sello", &f.Sello))...)
		out.FirmarCon = append(out.FirmarCon, f.FirmarCon)
		out.Firmas = append(out.Firmas, contrato.Firma{Who: f.Quien, RFC: f.RFC, Name: f.Nombre, RepLegalRFC: f.RepLegalRFC, RepLegal: f.RepLegal,
			Facultad: f.Facultad, CertificadoSerie: f.CertificadoSerie, Certificado: f.Certificado, Sello: f.Sello, Initials: f.Siglas,
			CalleNumero: f.CalleNumero, Colonia: f.Colonia, Ciudad: f.Ciudad, Estado: f.Estado, CodigoPostal: f.CodigoPostal,
			NombreSoftware: f.NombreSoftware, URLInformacion: f.URLInformacion})
	}
	if len(fields) > 0 {
		return out, refusedFields(fields)
	}
	return out, nil
}

// inLine returns base64 in the form of an XML attribute.
func inLine(field string, text *string) []gateway.Field {
	if _, err := decodeBase64(*text); err != nil {
		return []gateway.Field{{Campo: field, Detalle: err.Error()}}
	}
	*text = strings.Join(strings.Fields(*text), "")
	return nil
}
