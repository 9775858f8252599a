// Command go hace una descarga, un lote de títulos y una addenda con net/http y
// nada más.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

const company = "PRU010101AB1"

// pasarela es a dónde se llama y con qué clave.
type pasarela struct{ url, key string }

// problem es un error de la pasarela (RFC 9457).
type problem struct {
	Type, Title, Detail, RequestID string
	Status                         int
	Errores                        []struct{ Campo, Detalle string }
}

func (p *problem) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Title, p.Detail) }

func main() {
	p := pasarela{url: "http://127.0.0.1:8080", key: os.Getenv("PASARELA_CLAVE")}
	if address := os.Getenv("PASARELA_URL"); address != "" {
		p.url = address
	}
	for _, step := range []func(context.Context) error{p.descarga, p.lote, p.addenda, p.reversedRango} {
		if err := step(context.Background()); err != nil {
			log.Fatal(err)
		}
	}
}

// ask hace una petición. Cierre el cuerpo de la respuesta.
func (p pasarela) ask(ctx context.Context, method, path string, body any, idempotencyKey string) (*http.Response, error) {
	var text io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		text = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, p.url+path, text)
	if err != nil {
		return nil, err
	}
	if p.key != "" {
		request.Header.Set("Authorization", "Bearer "+p.key)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if idempotencyKey != "" {
		request.Header.Set("Idempotency-Key", idempotencyKey)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil || answer.StatusCode < http.StatusBadRequest {
		return answer, err
	}
	defer answer.Body.Close() //nolint:errcheck // read only
	if !strings.HasPrefix(answer.Header.Get("Content-Type"), "application/problem+json") {
		return nil, errors.New(answer.Status) // lo contestó otro, como un proxy
	}
	falla := &problem{}
	if err := json.NewDecoder(answer.Body).Decode(falla); err != nil {
		return nil, fmt.Errorf("%s: %w", answer.Status, err)
	}
	return nil, falla
}

// read hace una petición y pone su JSON en v.
func (p pasarela) read(ctx context.Context, method, path string, body any, idempotencyKey string, v any) (http.Header, error) {
	answer, err := p.ask(ctx, method, path, body, idempotencyKey)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close() //nolint:errcheck // read only
	return answer.Header, json.NewDecoder(answer.Body).Decode(v)
}

// descarga trae todo lo que la empresa emitió en enero, hasta los ZIP en el disco.
func (p pasarela) descarga(ctx context.Context) error {
	var descarga struct{ IDDescarga, Estado, Motivo string }
	_, err := p.read(ctx, http.MethodPost, "/v1/sat/descargas", map[string]string{
		"servicio": "cfdi", "rfcSolicitante": company, "tipoDescarga": "emitidos", "tipoSolicitud": "CFDI",
		"fechaInicial": "2026-01-01T00:00:00", "fechaFinal": "2026-01-31T23:59:59",
	}, rand.Text(), &descarga) // la misma clave, si hay que repetir
	if err != nil {
		return err
	}
	path := "/v1/sat/descargas/" + descarga.IDDescarga
	for {
		headers, err := p.read(ctx, http.MethodGet, path, nil, "", &descarga)
		if err != nil {
			return err
		}
		if !slices.Contains([]string{"programada", "en_cola", "solicitada", "en_proceso", "descargando"}, descarga.Estado) {
			break
		}
		seconds, err := strconv.Atoi(headers.Get("Retry-After"))
		if err != nil {
			seconds = 60
		}
		time.Sleep(time.Duration(seconds) * time.Second)
	}
	switch descarga.Estado {
	case "terminada":
	case "vacia":
		fmt.Println("descarga: no hay comprobantes en esas fechas")
		return nil
	case "parcial":
		fmt.Println("descarga: llegó una parte:", descarga.Motivo)
	default:
		return fmt.Errorf("la descarga quedó %s: %s", descarga.Estado, descarga.Motivo)
	}

	if err := p.paquetes(ctx, path); err != nil {
		return err
	}

	var page struct {
		CFDIs []struct{ UUID, Total string }
	}
	if _, err := p.read(ctx, http.MethodGet, path+"/cfdis?limite=10", nil, "", &page); err != nil {
		return err
	}
	fmt.Printf("descarga: el primero es %s, por %s\n", page.CFDIs[0].UUID, page.CFDIs[0].Total)
	return nil
}

type paquete struct{ IDPaquete, SHA256, URL string }

// paquetes guarda los de una descarga, que vienen por páginas.
func (p pasarela) paquetes(ctx context.Context, path string) error {
	for cursor := ""; ; {
		var page struct {
			Paquetes  []paquete
			Siguiente string
		}
		if _, err := p.read(ctx, http.MethodGet, path+"/paquetes"+cursor, nil, "", &page); err != nil {
			return err
		}
		for _, paquete := range page.Paquetes {
			if err := p.save(ctx, paquete); err != nil {
				return err
			}
		}
		if page.Siguiente == "" {
			return nil
		}
		cursor = "?cursor=" + url.QueryEscape(page.Siguiente)
	}
}

// save escribe un paquete conforme llega, sin tenerlo entero en memoria. Lo que se
// llama .zip está entero y cotejado.
func (p pasarela) save(ctx context.Context, paquete paquete) error {
	answer, err := p.ask(ctx, http.MethodGet, paquete.URL, nil, "")
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // read only
	name := paquete.IDPaquete + ".zip"
	file, err := os.Create(paquete.IDPaquete + ".zip.part")
	if err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(file, sum), answer.Body)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if hex.EncodeToString(sum.Sum(nil)) != paquete.SHA256 {
		return fmt.Errorf("%s no llegó entero", name)
	}
	if err := os.Rename(file.Name(), name); err != nil {
		return err
	}
	fmt.Printf("descarga: %s, %d bytes\n", name, n)
	return nil
}

// lote lleva un título de JSON a registrado.
func (p pasarela) lote(ctx context.Context) error {
	text, err := os.ReadFile("../titulo.json")
	if err != nil {
		return err
	}
	var titulo map[string]any
	if err := json.Unmarshal(text, &titulo); err != nil {
		return err
	}
	folio := "GO" + rand.Text()[:12]
	titulo["folioControl"] = folio
	var lote struct {
		NumeroLote string
		Procesado  bool
	}
	if _, err := p.read(ctx, http.MethodPost, "/v1/sep/lotes", map[string]any{"titulos": []any{titulo}}, folio, &lote); err != nil {
		return err
	}
	path := "/v1/sep/lotes/" + lote.NumeroLote
	for !lote.Procesado {
		time.Sleep(2 * time.Second) // en la SEP son minutos
		if _, err := p.read(ctx, http.MethodGet, path, nil, "", &lote); err != nil {
			return err
		}
	}
	var result struct {
		Titulos []struct{ FolioControl, Resultado, Descripcion string }
	}
	if _, err := p.read(ctx, http.MethodGet, path+"/resultado", nil, "", &result); err != nil {
		return err
	}
	for _, line := range result.Titulos {
		fmt.Printf("lote: %s %s\n", line.FolioControl, line.Resultado)
		if line.Resultado != "registrado" {
			return errors.New(line.Descripcion)
		}
	}
	return nil
}

// addenda vuelve addenda los datos que pide un comercio.
func (p pasarela) addenda(ctx context.Context) error {
	var processed struct{ XML string }
	if _, err := p.read(ctx, http.MethodPost, "/v1/pade/addendas", map[string]string{"datos": "pedido|4500\ntienda|12"}, "", &processed); err != nil {
		return err
	}
	fmt.Println("addenda:", processed.XML)
	return nil
}

// reversedRango provoca un error, que dice qué campo lo causa.
func (p pasarela) reversedRango(ctx context.Context) error {
	_, err := p.read(ctx, http.MethodPost, "/v1/sat/descargas", map[string]string{
		"servicio": "cfdi", "rfcSolicitante": company, "tipoDescarga": "emitidos", "tipoSolicitud": "Metadata",
		"fechaInicial": "2026-02-01T00:00:00", "fechaFinal": "2026-01-01T00:00:00",
	}, "", nil)
	var falla *problem
	if !errors.As(err, &falla) || !strings.HasSuffix(falla.Type, "#datos-invalidos") {
		return fmt.Errorf("no se esperaba %w", err)
	}
	for _, missing := range falla.Errores {
		fmt.Printf("error %d: %s: %s\n", falla.Status, missing.Campo, missing.Detalle)
	}
	return nil
}
