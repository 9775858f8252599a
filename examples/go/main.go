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

const empresa = "PRU010101AB1"

// pasarela es a dónde se llama y con qué clave.
type pasarela struct{ url, clave string }

// problema es el error de la pasarela (RFC 9457).
type problema struct {
	Type, Title, Detail, RequestID string
	Status                         int
	Errores                        []struct{ Campo, Detalle string }
}

func (p *problema) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Title, p.Detail) }

func main() {
	p := pasarela{url: "http://127.0.0.1:8080", clave: os.Getenv("PASARELA_CLAVE")}
	if direccion := os.Getenv("PASARELA_URL"); direccion != "" {
		p.url = direccion
	}
	for _, paso := range []func(context.Context) error{p.descarga, p.lote, p.addenda, p.rangoAlReves} {
		if err := paso(context.Background()); err != nil {
			log.Fatal(err)
		}
	}
}

// pide hace una petición. Cierre el cuerpo de la respuesta.
func (p pasarela) pide(ctx context.Context, metodo, ruta string, cuerpo any, claveDeIdempotencia string) (*http.Response, error) {
	var texto io.Reader
	if cuerpo != nil {
		codificado, err := json.Marshal(cuerpo)
		if err != nil {
			return nil, err
		}
		texto = bytes.NewReader(codificado)
	}
	peticion, err := http.NewRequestWithContext(ctx, metodo, p.url+ruta, texto)
	if err != nil {
		return nil, err
	}
	if p.clave != "" {
		peticion.Header.Set("Authorization", "Bearer "+p.clave)
	}
	if cuerpo != nil {
		peticion.Header.Set("Content-Type", "application/json")
	}
	if claveDeIdempotencia != "" {
		peticion.Header.Set("Idempotency-Key", claveDeIdempotencia)
	}
	respuesta, err := http.DefaultClient.Do(peticion)
	if err != nil || respuesta.StatusCode < http.StatusBadRequest {
		return respuesta, err
	}
	defer respuesta.Body.Close() //nolint:errcheck // solo se lee
	if !strings.HasPrefix(respuesta.Header.Get("Content-Type"), "application/problem+json") {
		return nil, errors.New(respuesta.Status) // lo contestó otro, como un proxy
	}
	falla := &problema{}
	if err := json.NewDecoder(respuesta.Body).Decode(falla); err != nil {
		return nil, fmt.Errorf("%s: %w", respuesta.Status, err)
	}
	return nil, falla
}

// lee hace una petición y pone su JSON en v.
func (p pasarela) lee(ctx context.Context, metodo, ruta string, cuerpo any, claveDeIdempotencia string, v any) (http.Header, error) {
	respuesta, err := p.pide(ctx, metodo, ruta, cuerpo, claveDeIdempotencia)
	if err != nil {
		return nil, err
	}
	defer respuesta.Body.Close() //nolint:errcheck // solo se lee
	return respuesta.Header, json.NewDecoder(respuesta.Body).Decode(v)
}

// descarga trae todo lo que la empresa emitió en enero, hasta los ZIP en el disco.
func (p pasarela) descarga(ctx context.Context) error {
	var descarga struct{ IDDescarga, Estado, Motivo string }
	_, err := p.lee(ctx, http.MethodPost, "/v1/sat/descargas", map[string]string{
		"servicio": "cfdi", "rfcSolicitante": empresa, "tipoDescarga": "emitidos", "tipoSolicitud": "CFDI",
		"fechaInicial": "2026-01-01T00:00:00", "fechaFinal": "2026-01-31T23:59:59",
	}, rand.Text(), &descarga) // la misma clave, si hay que repetir
	if err != nil {
		return err
	}
	ruta := "/v1/sat/descargas/" + descarga.IDDescarga
	for {
		encabezados, err := p.lee(ctx, http.MethodGet, ruta, nil, "", &descarga)
		if err != nil {
			return err
		}
		if !slices.Contains([]string{"programada", "en_cola", "solicitada", "en_proceso", "descargando"}, descarga.Estado) {
			break
		}
		segundos, err := strconv.Atoi(encabezados.Get("Retry-After"))
		if err != nil {
			segundos = 60
		}
		time.Sleep(time.Duration(segundos) * time.Second)
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

	if err := p.paquetes(ctx, ruta); err != nil {
		return err
	}

	var pagina struct {
		CFDIs []struct{ UUID, Total string }
	}
	if _, err := p.lee(ctx, http.MethodGet, ruta+"/cfdis?limite=10", nil, "", &pagina); err != nil {
		return err
	}
	fmt.Printf("descarga: el primero es %s, por %s\n", pagina.CFDIs[0].UUID, pagina.CFDIs[0].Total)
	return nil
}

type paquete struct{ IDPaquete, SHA256, URL string }

// paquetes guarda los de una descarga, que vienen por páginas.
func (p pasarela) paquetes(ctx context.Context, ruta string) error {
	for cursor := ""; ; {
		var pagina struct {
			Paquetes  []paquete
			Siguiente string
		}
		if _, err := p.lee(ctx, http.MethodGet, ruta+"/paquetes"+cursor, nil, "", &pagina); err != nil {
			return err
		}
		for _, paquete := range pagina.Paquetes {
			if err := p.guarda(ctx, paquete); err != nil {
				return err
			}
		}
		if pagina.Siguiente == "" {
			return nil
		}
		cursor = "?cursor=" + url.QueryEscape(pagina.Siguiente)
	}
}

// guarda escribe un paquete conforme llega, sin tenerlo entero en memoria. Lo que se
// llama .zip está entero y cotejado.
func (p pasarela) guarda(ctx context.Context, paquete paquete) error {
	respuesta, err := p.pide(ctx, http.MethodGet, paquete.URL, nil, "")
	if err != nil {
		return err
	}
	defer respuesta.Body.Close() //nolint:errcheck // solo se lee
	nombre := paquete.IDPaquete + ".zip"
	archivo, err := os.Create(paquete.IDPaquete + ".zip.part")
	if err != nil {
		return err
	}
	suma := sha256.New()
	n, err := io.Copy(io.MultiWriter(archivo, suma), respuesta.Body)
	if err = errors.Join(err, archivo.Close()); err != nil {
		return err
	}
	if hex.EncodeToString(suma.Sum(nil)) != paquete.SHA256 {
		return fmt.Errorf("%s no llegó entero", nombre)
	}
	if err := os.Rename(archivo.Name(), nombre); err != nil {
		return err
	}
	fmt.Printf("descarga: %s, %d bytes\n", nombre, n)
	return nil
}

// lote lleva un título de JSON a registrado.
func (p pasarela) lote(ctx context.Context) error {
	texto, err := os.ReadFile("../titulo.json")
	if err != nil {
		return err
	}
	var titulo map[string]any
	if err := json.Unmarshal(texto, &titulo); err != nil {
		return err
	}
	folio := "GO" + rand.Text()[:12]
	titulo["folioControl"] = folio
	var lote struct {
		NumeroLote string
		Procesado  bool
	}
	if _, err := p.lee(ctx, http.MethodPost, "/v1/sep/lotes", map[string]any{"titulos": []any{titulo}}, folio, &lote); err != nil {
		return err
	}
	ruta := "/v1/sep/lotes/" + lote.NumeroLote
	for !lote.Procesado {
		time.Sleep(2 * time.Second) // en la SEP son minutos
		if _, err := p.lee(ctx, http.MethodGet, ruta, nil, "", &lote); err != nil {
			return err
		}
	}
	var resultado struct {
		Titulos []struct{ FolioControl, Resultado, Descripcion string }
	}
	if _, err := p.lee(ctx, http.MethodGet, ruta+"/resultado", nil, "", &resultado); err != nil {
		return err
	}
	for _, renglon := range resultado.Titulos {
		fmt.Printf("lote: %s %s\n", renglon.FolioControl, renglon.Resultado)
		if renglon.Resultado != "registrado" {
			return errors.New(renglon.Descripcion)
		}
	}
	return nil
}

// addenda vuelve addenda los datos que pide un comercio.
func (p pasarela) addenda(ctx context.Context) error {
	var procesada struct{ XML string }
	if _, err := p.lee(ctx, http.MethodPost, "/v1/pade/addendas", map[string]string{"datos": "pedido|4500\ntienda|12"}, "", &procesada); err != nil {
		return err
	}
	fmt.Println("addenda:", procesada.XML)
	return nil
}

// rangoAlReves es un error: el problema dice qué campo lo causa.
func (p pasarela) rangoAlReves(ctx context.Context) error {
	_, err := p.lee(ctx, http.MethodPost, "/v1/sat/descargas", map[string]string{
		"servicio": "cfdi", "rfcSolicitante": empresa, "tipoDescarga": "emitidos", "tipoSolicitud": "Metadata",
		"fechaInicial": "2026-02-01T00:00:00", "fechaFinal": "2026-01-01T00:00:00",
	}, "", nil)
	var falla *problema
	if !errors.As(err, &falla) || !strings.HasSuffix(falla.Type, "#datos-invalidos") {
		return fmt.Errorf("no se esperaba %w", err)
	}
	for _, falta := range falla.Errores {
		fmt.Printf("error %d: %s: %s\n", falla.Status, falta.Campo, falta.Detalle)
	}
	return nil
}
