// Command erp hace una descarga, un lote de títulos y una addenda con el cliente
// generado.
package main

import (
	"archive/zip"
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
	"os"
	"strconv"
	"strings"
	"time"

	"erp/pasarela"
)

const (
	empresa   = "PRU010101AB1"  // su e.firma firma las solicitudes al SAT
	directora = "PEPJ800101AB5" // la suya sella los títulos
)

func main() {
	url := os.Getenv("PASARELA_URL")
	if url == "" {
		url = "http://127.0.0.1:8080"
	}
	api, err := pasarela.NewClientWithResponses(url, pasarela.WithRequestEditorFn(authenticate))
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	for _, step := range []func(context.Context, *pasarela.ClientWithResponses) error{descarga, lote, addenda, webhook, reversedRange} {
		if err := step(ctx, api); err != nil {
			log.Fatal(err)
		}
	}
}

func authenticate(_ context.Context, request *http.Request) error {
	if key := os.Getenv("PASARELA_CLAVE"); key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	return nil
}

// descarga trae todo lo que la empresa emitió en enero, hasta los ZIP en el disco.
func descarga(ctx context.Context, api *pasarela.ClientWithResponses) error {
	// La misma clave, si hay que repetir: nunca se pide dos veces al SAT.
	key := rand.Text()
	order, err := api.CrearDescargaWithResponse(ctx, &pasarela.CrearDescargaParams{IdempotencyKey: &key}, pasarela.PeticionDescarga{
		Servicio: "cfdi", RfcSolicitante: empresa, TipoDescarga: "emitidos", TipoSolicitud: "CFDI",
		FechaInicial: "2026-01-01T00:00:00", FechaFinal: optional("2026-01-31T23:59:59"),
	})
	if err != nil {
		return err
	}
	if order.JSON202 == nil {
		return problema(order.Body)
	}
	id := order.JSON202.IdDescarga
	if err := wait(ctx, api, id); err != nil {
		return err
	}

	paquetes, err := api.ListarPaquetesDescargaWithResponse(ctx, id, nil)
	if err != nil {
		return err
	}
	if paquetes.JSON200 == nil {
		return problema(paquetes.Body)
	}
	for _, paquete := range paquetes.JSON200.Paquetes {
		if err := save(ctx, api, paquete); err != nil {
			return err
		}
	}

	page, err := api.ListarCfdisDescargaWithResponse(ctx, id, &pasarela.ListarCfdisDescargaParams{Limite: optional(10)})
	if err != nil {
		return err
	}
	if page.JSON200 == nil {
		return problema(page.Body)
	}
	first := page.JSON200.Cfdis[0]
	fmt.Printf("descarga: el primero es %s, por %s\n", first.Uuid, *first.Total)
	return nil
}

// wait sigue la descarga hasta que termina.
func wait(ctx context.Context, api *pasarela.ClientWithResponses, id string) error {
	for {
		r, err := api.ObtenerDescargaWithResponse(ctx, id)
		if err != nil {
			return err
		}
		if r.JSON200 == nil {
			return problema(r.Body)
		}
		switch r.JSON200.Estado {
		case pasarela.EstadoDescargaTerminada:
			return nil
		case pasarela.EstadoDescargaEnCola, pasarela.EstadoDescargaSolicitada, pasarela.EstadoDescargaEnProceso, pasarela.EstadoDescargaDescargando:
			seconds, err := strconv.Atoi(r.HTTPResponse.Header.Get("Retry-After"))
			if err != nil {
				seconds = 60
			}
			time.Sleep(time.Duration(seconds) * time.Second)
		default:
			return fmt.Errorf("la descarga quedó %s", r.JSON200.Estado)
		}
	}
}

// save escribe un paquete conforme llega, sin tenerlo entero en memoria.
func save(ctx context.Context, api *pasarela.ClientWithResponses, paquete pasarela.PaqueteDeDescarga) error {
	r, err := api.ClientInterface.DescargarPaquete(ctx, "cfdi", paquete.IdPaquete, &pasarela.DescargarPaqueteParams{RfcSolicitante: empresa})
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(r.Body)
		return problema(body)
	}
	file, err := os.Create(paquete.IdPaquete + ".zip")
	if err != nil {
		return err
	}
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(file, sum), r.Body)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if hex.EncodeToString(sum.Sum(nil)) != *paquete.Sha256 {
		return fmt.Errorf("%s no llegó entero", file.Name())
	}
	z, err := zip.OpenReader(file.Name())
	if err != nil {
		return err
	}
	defer z.Close()
	fmt.Printf("descarga: %s, %d CFDI\n", file.Name(), len(z.File))
	return nil
}

func titulo(folio string) pasarela.Titulo {
	return pasarela.Titulo{
		FolioControl: folio,
		FirmaResponsables: []pasarela.TituloFirmaResponsable{{Rfc: optional(directora), CURP: "PEPJ800101MDFRRN03", Nombre: "JUANA",
			PrimerApellido: "PEREZ", SegundoApellido: optional("DE PRUEBA"), IdCargo: optional("3"), AbrTitulo: optional("DRA.")}},
		Institucion: pasarela.TituloInstitucion{CveInstitucion: "090001", NombreInstitucion: "UNIVERSIDAD DE PRUEBA"},
		Carrera: pasarela.TituloCarrera{CveCarrera: "103301", NombreCarrera: "LICENCIATURA EN DERECHO", FechaTerminacion: "2023-06-30",
			IdAutorizacionReconocimiento: optional("8")},
		Profesionista: pasarela.TituloProfesionista{CURP: "MEXL010203HDFXXS05", Nombre: "LUIS", PrimerApellido: "MENDEZ",
			CorreoElectronico: "luis@example.com"},
		Expedicion: pasarela.TituloExpedicion{FechaExpedicion: "2025-11-14", IdModalidadTitulacion: optional("1"), FechaExamenProfesional: optional("2025-09-05"),
			CumplioServicioSocial: "1", IdFundamentoLegalServicioSocial: optional("2"), IdEntidadFederativa: optional("09")},
		Antecedente: pasarela.TituloAntecedente{InstitucionProcedencia: "PREPARATORIA DE PRUEBA", IdTipoEstudioAntecedente: optional("4"),
			IdEntidadFederativa: optional("15"), FechaTerminacion: "2018-07-06"},
	}
}

// optional es el valor de un campo que puede faltar.
func optional[T any](v T) *T { return &v }

// lote lleva un título de JSON a registrado.
func lote(ctx context.Context, api *pasarela.ClientWithResponses) error {
	folio := "GO" + rand.Text()[:12]
	uploaded, err := api.CargarLoteWithResponse(ctx, &pasarela.CargarLoteParams{IdempotencyKey: &folio},
		pasarela.CargaDeLote{Titulos: &[]pasarela.Titulo{titulo(folio)}})
	if err != nil {
		return err
	}
	if uploaded.JSON201 == nil {
		return problema(uploaded.Body)
	}
	number := uploaded.JSON201.NumeroLote
	for {
		r, err := api.ConsultarLoteWithResponse(ctx, number, nil)
		if err != nil {
			return err
		}
		if r.JSON200 == nil {
			return problema(r.Body)
		}
		if r.JSON200.Procesado {
			break
		}
		time.Sleep(2 * time.Second) // en la SEP son minutos
	}
	result, err := api.ObtenerResultadoLoteWithResponse(ctx, number, nil)
	if err != nil {
		return err
	}
	if result.JSON200 == nil {
		return problema(result.Body)
	}
	for _, row := range result.JSON200.Titulos {
		fmt.Printf("lote %s: %s %s\n", number, row.FolioControl, row.Resultado)
		if row.Resultado != pasarela.ResultadoDeTituloRegistrado {
			return errors.New(row.Descripcion)
		}
	}
	return nil
}

// addenda vuelve addenda los datos que pide un comercio.
func addenda(ctx context.Context, api *pasarela.ClientWithResponses) error {
	r, err := api.ProcesarAddendaWithResponse(ctx, nil, pasarela.PeticionAddenda{Datos: "pedido|4500\ntienda|12"})
	if err != nil {
		return err
	}
	if r.JSON200 == nil {
		return problema(r.Body)
	}
	if !strings.Contains(r.JSON200.Xml, "4500") {
		return fmt.Errorf("la addenda no trae el pedido: %s", r.JSON200.Xml)
	}
	fmt.Println("addenda:", r.JSON200.Xml)
	return nil
}

// webhook lee un aviso con su tipo, como lo haría el receptor tras comprobar la firma.
func webhook(ctx context.Context, api *pasarela.ClientWithResponses) error {
	created, err := api.CrearWebhookWithResponse(ctx, pasarela.PeticionWebhook{
		Url: "https://erp.example/avisos", Eventos: []pasarela.EventoWebhook{"descarga.terminada"},
	})
	if err != nil {
		return err
	}
	if created.JSON201 == nil {
		return problema(created.Body)
	}
	id := created.JSON201.Webhook.IdWebhook
	entrega, err := api.ProbarWebhookWithResponse(ctx, id)
	if err != nil {
		return err
	}
	if entrega.JSON202 == nil {
		return problema(entrega.Body)
	}
	var aviso pasarela.AvisoPrueba
	if err := json.Unmarshal([]byte(entrega.JSON202.Cuerpo), &aviso); err != nil {
		return err
	}
	if aviso.Data.IdWebhook != id {
		return fmt.Errorf("el aviso es de otro webhook: %+v", aviso)
	}
	_, err = api.EliminarWebhookWithResponse(ctx, id)
	return err
}

// reversedRange es un error: el problema dice qué campo lo causa.
func reversedRange(ctx context.Context, api *pasarela.ClientWithResponses) error {
	r, err := api.CrearDescargaWithResponse(ctx, nil, pasarela.PeticionDescarga{
		Servicio: "cfdi", RfcSolicitante: empresa, TipoDescarga: "emitidos", TipoSolicitud: "Metadata",
		FechaInicial: "2026-02-01T00:00:00", FechaFinal: optional("2026-01-01T00:00:00"),
	})
	if err != nil {
		return err
	}
	p := r.ApplicationproblemJSON422
	if p == nil || !strings.HasSuffix(p.Type, "#datos-invalidos") {
		return fmt.Errorf("la pasarela contestó %s", r.Status())
	}
	first := (*p.Errores)[0]
	fmt.Printf("error %d: %s: %s\n", p.Status, first.Campo, first.Detalle)
	return nil
}
