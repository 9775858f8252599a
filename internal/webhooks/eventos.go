package webhooks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/pasarela-mx/pasarela/internal/store"
)

// The events that an endpoint may want.
const (
	DescargaFinished         = "descarga.terminada"
	DescargaPartial          = "descarga.parcial"
	DescargaEmpty            = "descarga.vacia"
	DescargaFailed           = "descarga.fallida"
	DescargaCancelled        = "descarga.cancelada"
	DescargaPaqueteAvailable = "descarga.paquete_disponible"
	EventoTrial              = "webhook.prueba"
	maxBody                  = 20 << 10 // "payloads should be smaller than 20kb" (Standard Webhooks, payload size)
	formInstant              = "2006-01-02T15:04:05.000Z"
)

// Eventos lists the events that an endpoint may want.
func Eventos() []string {
	return []string{DescargaFinished, DescargaPartial, DescargaEmpty, DescargaFailed, DescargaCancelled, DescargaPaqueteAvailable}
}

// Entrega is one message for one endpoint.
type Entrega = store.WebhookEntrega

// Attempt is one attempt at a delivery.
type Attempt = store.WebhookAttempt

// Evento is something that happened to a descarga.
type Evento struct {
	// Key tells this event from every other, and is the same whenever the same
	// event is published again: "<idDescarga>/terminada", "<idDescarga>/<idPaquete>".
	Key     string
	Tipo    string
	Instant time.Time
	Data    Data
}

// Data is what a message says: enough to ask the API for the rest, and nothing
// that a receiver should not see before it asks with its key.
type Data struct {
	IDDescarga     string `json:"idDescarga"`
	Servicio       string `json:"servicio"`
	RFCSolicitante string `json:"rfcSolicitante"`
	Estado         string `json:"estado"`
	// MotivoCodigo says why, where that needs saying: of the descarga, or of the package.
	MotivoCodigo string `json:"motivoCodigo,omitempty"`
	// IDPaquete is there with DescargaPaqueteAvailable alone.
	IDPaquete string `json:"idPaquete,omitempty"`
	// Progreso is there when a descarga has ended; the names are the API's.
	Progreso *Progreso `json:"progreso,omitempty"`
}

// Progreso is what the SAT counted of a descarga, and what became of that.
type Progreso struct {
	NumeroCFDIs int64 `json:"numeroCFDIs"`
	Encontrados int64 `json:"encontrados"`
	Repetidos   int64 `json:"repetidos"`
	Ilegibles   int64 `json:"ilegibles"`
}

// body writes a message's payload (Standard Webhooks, payload structure).
func body(tipo string, instant time.Time, data any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(struct {
		Type      string `json:"type"`
		Timestamp string `json:"timestamp"`
		Data      any    `json:"data"`
	}{tipo, instant.UTC().Format(formInstant), data})
	if err != nil {
		return "", fmt.Errorf("webhooks: %w", err)
	}
	if b.Len() > maxBody {
		return "", fmt.Errorf("webhooks: the payload of %s has %d bytes", tipo, b.Len())
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}
