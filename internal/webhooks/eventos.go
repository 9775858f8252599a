package webhooks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/pasarela-mx/pasarela/internal/store"
)

// The events that an endpoint can subscribe to.
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

// Eventos lists the events that an endpoint can subscribe to.
func Eventos() []string {
	return []string{DescargaFinished, DescargaPartial, DescargaEmpty, DescargaFailed, DescargaCancelled, DescargaPaqueteAvailable}
}

// Entrega is one message for one endpoint.
type Entrega = store.WebhookEntrega

// Attempt is one attempt at a delivery.
type Attempt = store.WebhookAttempt

// Evento is something that happened to a descarga.
type Evento struct {
	// Key identifies the event. It is the same if the event is published again:
	// "<idDescarga>/terminada", "<idDescarga>/<idPaquete>".
	Key     string
	Tipo    string
	Instant time.Time
	Data    Data
}

// Data is a message's content: enough to ask the API for the rest, and nothing that the
// receiver needs a key to see.
type Data struct {
	IDDescarga     string `json:"idDescarga"`
	Servicio       string `json:"servicio"`
	RFCSolicitante string `json:"rfcSolicitante"`
	Estado         string `json:"estado"`
	// MotivoCodigo is the reason for the state of the descarga or package, if it needs
	// one.
	MotivoCodigo string `json:"motivoCodigo,omitempty"`
	// IDPaquete is present only with DescargaPaqueteAvailable.
	IDPaquete string `json:"idPaquete,omitempty"`
	// Progreso is present when a descarga has ended, with the API's field names.
	Progreso *Progreso `json:"progreso,omitempty"`
}

// Progreso counts what the SAT found for a descarga, and what was obtained.
type Progreso struct {
	NumeroCFDIs int64 `json:"numeroCFDIs"`
	Encontrados int64 `json:"encontrados"`
	Repetidos   int64 `json:"repetidos"`
	Ilegibles   int64 `json:"ilegibles"`
}

// body returns a message's payload (Standard Webhooks, payload structure).
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
