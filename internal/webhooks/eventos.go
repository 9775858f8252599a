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
	DescargaTerminada         = "descarga.terminada"
	DescargaParcial           = "descarga.parcial"
	DescargaVacia             = "descarga.vacia"
	DescargaFallida           = "descarga.fallida"
	DescargaCancelada         = "descarga.cancelada"
	DescargaPaqueteDisponible = "descarga.paquete_disponible"
	EventoPrueba              = "webhook.prueba"
	maxCuerpo                 = 20 << 10 // "payloads should be smaller than 20kb" (Standard Webhooks, payload size)
	formaInstante             = "2006-01-02T15:04:05.000Z"
)

// Eventos lists the events that an endpoint may want.
func Eventos() []string {
	return []string{DescargaTerminada, DescargaParcial, DescargaVacia, DescargaFallida, DescargaCancelada, DescargaPaqueteDisponible}
}

// Entrega is one message for one endpoint.
type Entrega = store.WebhookEntrega

// Intento is one attempt at a delivery.
type Intento = store.WebhookIntento

// Evento is something that happened to a descarga.
type Evento struct {
	// Clave tells this event from every other, and is the same whenever the same
	// event is published again: "<idDescarga>/terminada", "<idDescarga>/<idPaquete>".
	Clave    string
	Tipo     string
	Instante time.Time
	Datos    Datos
}

// Datos is what a message says: enough to ask the API for the rest, and nothing
// that a receiver should not see before it asks with its key.
type Datos struct {
	IDDescarga     string `json:"idDescarga"`
	Servicio       string `json:"servicio"`
	RFCSolicitante string `json:"rfcSolicitante"`
	Estado         string `json:"estado"`
	// MotivoCodigo says why, where that needs saying: of the descarga, or of the package.
	MotivoCodigo string `json:"motivoCodigo,omitempty"`
	// IDPaquete is there with DescargaPaqueteDisponible alone.
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

// cuerpo writes a message's payload (Standard Webhooks, payload structure).
func cuerpo(tipo string, instante time.Time, datos any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(struct {
		Type      string `json:"type"`
		Timestamp string `json:"timestamp"`
		Data      any    `json:"data"`
	}{tipo, instante.UTC().Format(formaInstante), datos})
	if err != nil {
		return "", fmt.Errorf("webhooks: %w", err)
	}
	if b.Len() > maxCuerpo {
		return "", fmt.Errorf("webhooks: the payload of %s has %d bytes", tipo, b.Len())
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}
