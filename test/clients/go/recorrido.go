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
	api, err := pasarela.NewClientWithResponses(url, pasarela.WithRequestEditorFn(autentica))
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	for _, paso := range []func(context.Context, *pasarela.ClientWithResponses) error{descarga, lote, addenda, webhook, rangoAlReves} {
		if err := paso(ctx, api); err != nil {
			log.Fatal(err)
		}
	}
}

func autentica(_ context.Context, peticion *http.Request) error {
	if clave := os.Getenv("PASARELA_CLAVE"); clave != "" {
		peticion.Header.Set("Authorization", "Bearer "+clave)
	}
	return nil
}

// descarga trae todo lo que la empresa emitió en enero, hasta los ZIP en el disco.
func descarga(ctx context.Context, api *pasarela.ClientWithResponses) error {
	// La misma clave, si hay que repetir: nunca se pide dos veces al SAT.
	clave := rand.Text()
	pedida, err := api.CrearDescargaWithResponse(ctx, &pasarela.CrearDescargaParams{IdempotencyKey: &clave}, pasarela.PeticionDescarga{
		Servicio: "cfdi", RfcSolicitante: empresa, TipoDescarga: "emitidos", TipoSolicitud: "CFDI",
		FechaInicial: "2026-01-01T00:00:00", FechaFinal: opcional("2026-01-31T23:59:59"),
	})
	if err != nil {
		return err
	}
	if pedida.JSON202 == nil {
		return problema(pedida.Body)
	}
	id := pedida.JSON202.IdDescarga
	if err := espera(ctx, api, id); err != nil {
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
		if err := guarda(ctx, api, paquete); err != nil {
			return err
		}
	}

	pagina, err := api.ListarCfdisDescargaWithResponse(ctx, id, &pasarela.ListarCfdisDescargaParams{Limite: opcional(10)})
	if err != nil {
		return err
	}
	if pagina.JSON200 == nil {
		return problema(pagina.Body)
	}
	primero := pagina.JSON200.Cfdis[0]
	fmt.Printf("descarga: el primero es %s, por %s\n", primero.Uuid, *primero.Total)
	return nil
}

// espera sigue la descarga hasta que termina.
func espera(ctx context.Context, api *pasarela.ClientWithResponses, id string) error {
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
			segundos, err := strconv.Atoi(r.HTTPResponse.Header.Get("Retry-After"))
			if err != nil {
				segundos = 60
			}
			time.Sleep(time.Duration(segundos) * time.Second)
		default:
			return fmt.Errorf("la descarga quedó %s", r.JSON200.Estado)
		}
	}
}

// guarda escribe un paquete conforme llega, sin tenerlo entero en memoria.
func guarda(ctx context.Context, api *pasarela.ClientWithResponses, paquete pasarela.PaqueteDeDescarga) error {
	r, err := api.ClientInterface.DescargarPaquete(ctx, "cfdi", paquete.IdPaquete, &pasarela.DescargarPaqueteParams{RfcSolicitante: empresa})
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		cuerpo, _ := io.ReadAll(r.Body)
		return problema(cuerpo)
	}
	archivo, err := os.Create(paquete.IdPaquete + ".zip")
	if err != nil {
		return err
	}
	suma := sha256.New()
	_, err = io.Copy(io.MultiWriter(archivo, suma), r.Body)
	if err = errors.Join(err, archivo.Close()); err != nil {
		return err
	}
	if hex.EncodeToString(suma.Sum(nil)) != *paquete.Sha256 {
		return fmt.Errorf("%s no llegó entero", archivo.Name())
	}
	z, err := zip.OpenReader(archivo.Name())
	if err != nil {
		return err
	}
	defer z.Close()
	fmt.Printf("descarga: %s, %d CFDI\n", archivo.Name(), len(z.File))
	return nil
}

func titulo(folio string) pasarela.Titulo {
	return pasarela.Titulo{
		FolioControl: folio,
		FirmaResponsables: []pasarela.TituloFirmaResponsable{{Rfc: opcional(directora), CURP: "PEPJ800101MDFRRN03", Nombre: "JUANA",
			PrimerApellido: "PEREZ", SegundoApellido: opcional("DE PRUEBA"), IdCargo: opcional("3"), AbrTitulo: opcional("DRA.")}},
		Institucion: pasarela.TituloInstitucion{CveInstitucion: "090001", NombreInstitucion: "UNIVERSIDAD DE PRUEBA"},
		Carrera: pasarela.TituloCarrera{CveCarrera: "103301", NombreCarrera: "LICENCIATURA EN DERECHO", FechaTerminacion: "2023-06-30",
			IdAutorizacionReconocimiento: opcional("8")},
		Profesionista: pasarela.TituloProfesionista{CURP: "MEXL010203HDFXXS05", Nombre: "LUIS", PrimerApellido: "MENDEZ",
			CorreoElectronico: "luis@example.com"},
		Expedicion: pasarela.TituloExpedicion{FechaExpedicion: "2025-11-14", IdModalidadTitulacion: opcional("1"), FechaExamenProfesional: opcional("2025-09-05"),
			CumplioServicioSocial: "1", IdFundamentoLegalServicioSocial: opcional("2"), IdEntidadFederativa: opcional("09")},
		Antecedente: pasarela.TituloAntecedente{InstitucionProcedencia: "PREPARATORIA DE PRUEBA", IdTipoEstudioAntecedente: opcional("4"),
			IdEntidadFederativa: opcional("15"), FechaTerminacion: "2018-07-06"},
	}
}

// opcional es el valor de un campo que puede faltar.
func opcional[T any](v T) *T { return &v }

// lote lleva un título de JSON a registrado.
func lote(ctx context.Context, api *pasarela.ClientWithResponses) error {
	folio := "GO" + rand.Text()[:12]
	cargado, err := api.CargarLoteWithResponse(ctx, &pasarela.CargarLoteParams{IdempotencyKey: &folio},
		pasarela.CargaDeLote{Titulos: &[]pasarela.Titulo{titulo(folio)}})
	if err != nil {
		return err
	}
	if cargado.JSON201 == nil {
		return problema(cargado.Body)
	}
	numero := cargado.JSON201.NumeroLote
	for {
		r, err := api.ConsultarLoteWithResponse(ctx, numero, nil)
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
	resultado, err := api.ObtenerResultadoLoteWithResponse(ctx, numero, nil)
	if err != nil {
		return err
	}
	if resultado.JSON200 == nil {
		return problema(resultado.Body)
	}
	for _, renglon := range resultado.JSON200.Titulos {
		fmt.Printf("lote %s: %s %s\n", numero, renglon.FolioControl, renglon.Resultado)
		if renglon.Resultado != pasarela.ResultadoDeTituloRegistrado {
			return errors.New(renglon.Descripcion)
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
	creado, err := api.CrearWebhookWithResponse(ctx, pasarela.PeticionWebhook{
		Url: "https://erp.example/avisos", Eventos: []pasarela.EventoWebhook{"descarga.terminada"},
	})
	if err != nil {
		return err
	}
	if creado.JSON201 == nil {
		return problema(creado.Body)
	}
	id := creado.JSON201.Webhook.IdWebhook
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

// rangoAlReves es un error: el problema dice qué campo lo causa.
func rangoAlReves(ctx context.Context, api *pasarela.ClientWithResponses) error {
	r, err := api.CrearDescargaWithResponse(ctx, nil, pasarela.PeticionDescarga{
		Servicio: "cfdi", RfcSolicitante: empresa, TipoDescarga: "emitidos", TipoSolicitud: "Metadata",
		FechaInicial: "2026-02-01T00:00:00", FechaFinal: opcional("2026-01-01T00:00:00"),
	})
	if err != nil {
		return err
	}
	p := r.ApplicationproblemJSON422
	if p == nil || !strings.HasSuffix(p.Type, "#datos-invalidos") {
		return fmt.Errorf("la pasarela contestó %s", r.Status())
	}
	falta := (*p.Errores)[0]
	fmt.Printf("error %d: %s: %s\n", p.Status, falta.Campo, falta.Detalle)
	return nil
}
