package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/efirma"
)

func ordenEFirma(s Streams, now func() time.Time) *cobra.Command {
	c := grupo("efirma", "Revisa e.firmas", "Revisa e.firmas: si sirven, hasta cuándo, y si no, por qué y qué hacer.")
	c.Example = `  gateway efirma check empresa.cer empresa.key`
	c.AddCommand(ordenEFirmaCheck(s, now))
	return conCodigos(c, codigosEFirma())
}

func codigosEFirma() []codigo {
	return []codigo{{ExitOK, "todas sirven"}, {ExitFailed, "alguna no sirve, o no se pudo leer; dice por qué"}, {ExitUsage, "la orden está mal escrita"},
		{ExitVencePronto, "todas sirven, y alguna vence antes de --dias"}, {ExitInterrupted, "se interrumpió al pedir la contraseña"}}
}

// revision is one run of `efirma check`.
type revision struct {
	Streams
	now            func() time.Time
	autoridades    *efirma.Autoridades
	archivoDeClave string
	enJSON         bool
	dias           int
}

func ordenEFirmaCheck(s Streams, now func() time.Time) *cobra.Command {
	r := &revision{Streams: s, now: now}
	c := conCodigos(&cobra.Command{
		Use:   "check [ARCHIVO.cer ARCHIVO.key | ARCHIVO.p12 | CARPETA]",
		Short: "Dice si una e.firma sirve, y si no, por qué y qué hacer",
		Long: `Abre una e.firma como lo hará la pasarela y dice de quién es, hasta cuándo sirve y todo lo que tenga
mal, con lo que hay que hacer. Recibe el .cer y el .key; o un .p12 o .pfx; o la carpeta de un RFC; o
la carpeta de todas, que es también lo que revisa sin argumentos (GATEWAY_EFIRMA_DIR).

La contraseña se pide en la terminal, sin mostrarla; o se lee de --password-file; o, si la entrada no
es una terminal, de su primera línea. En una carpeta está en password.txt. Nunca se muestra.

Que la emitió el SAT se comprueba con los certificados de GATEWAY_EFIRMA_CA_FILE; sin ellos se avisa que
no se comprobó. Nada sale de esta máquina: no se pregunta al SAT si está revocada. Un token (POST
/v1/sat/cfdi/autenticaciones) no cuesta nada y no lo prueba todo; la prueba es una solicitud sin 305.`,
		Example: `  gateway efirma check empresa.cer empresa.key
  gateway efirma check empresa.p12 --password-file clave.txt

  # Todas, en una tarea diaria que avisa con 30 días
  gateway efirma check ./efirmas --dias 30 || mail -s "Revise las e.firmas" admin@example.com`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 2 {
				return malUso("Se dieron %d archivos; son el .cer y el .key, o un .p12, o una carpeta.", len(args))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return r.corre(c.Context(), args) },
	}, codigosEFirma())
	c.Flags().StringVar(&r.archivoDeClave, "password-file", "", "`ARCHIVO` con la contraseña y nada más; - es la entrada estándar")
	c.Flags().BoolVar(&r.enJSON, "json", false, "en JSON, para programas")
	c.Flags().IntVar(&r.dias, "dias", 0, "avisa, con su código de salida, de las que vencen antes de `N` días")
	return c
}

func (r *revision) corre(ctx context.Context, args []string) error {
	if r.dias < 0 {
		return malUso("--dias: %d es menos que cero.", r.dias)
	}
	path, err := config.One("GATEWAY_EFIRMA_CA_FILE")
	if err != nil {
		return err
	}
	if r.autoridades, err = efirma.ReadAutoridades(path); err != nil {
		return fmt.Errorf("GATEWAY_EFIRMA_CA_FILE: %w", err)
	}
	hallazgos, err := r.revisa(ctx, args)
	if err != nil {
		return err
	}
	if r.enJSON {
		err = escribeJSON(r.Out, struct {
			EFirmas []hallazgo `json:"efirmas"`
		}{hallazgos})
	} else {
		err = escribeHallazgos(r.Out, hallazgos)
	}
	if err != nil {
		return err
	}
	if slices.ContainsFunc(hallazgos, func(h hallazgo) bool { return !h.Sirve }) {
		return &errSalida{codigo: ExitFailed}
	}
	if slices.ContainsFunc(hallazgos, func(h hallazgo) bool { return h.VencePronto }) {
		return &errSalida{codigo: ExitVencePronto}
	}
	return nil
}

func (r *revision) revisa(ctx context.Context, args []string) ([]hallazgo, error) {
	if len(args) == 2 {
		return r.revisaPar(ctx, args[0], args[1])
	}
	var path string
	var err error
	if len(args) == 1 {
		path = args[0]
	} else if path, err = config.One("GATEWAY_EFIRMA_DIR"); err != nil || path == "" {
		return nil, errors.Join(err, malUso("Diga qué revisar: el .cer y el .key, un .p12, o una carpeta; o configure GATEWAY_EFIRMA_DIR."))
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, noSePuedeLeer(path, err)
	case info.IsDir():
		return r.revisaCarpetas(path)
	}
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".cer", ".key":
		return nil, malUso("%s no basta: dé el .cer y el .key, en ese orden.", path)
	}
	pfx, err := lee(path)
	if err != nil {
		return nil, err
	}
	return r.conClave(ctx, efirma.Archivos{NombrePFX: filepath.Base(path), PFX: pfx}, path)
}

func (r *revision) revisaPar(ctx context.Context, cer, key string) ([]hallazgo, error) {
	a := efirma.Archivos{NombreCer: filepath.Base(cer), NombreKey: filepath.Base(key)}
	var err error
	if a.Cer, err = lee(cer); err != nil {
		return nil, err
	}
	if a.Key, err = lee(key); err != nil {
		return nil, err
	}
	return r.conClave(ctx, a, cer, key)
}

// conClave asks for the password only where there is something that it could open.
func (r *revision) conClave(ctx context.Context, a efirma.Archivos, archivos ...string) ([]hallazgo, error) {
	ahora := r.now()
	rev := efirma.Revisa(a, r.autoridades, ahora)
	cifrada := slices.ContainsFunc(rev.Problemas, func(p *efirma.Error) bool { return p.Problem == efirma.PasswordAusente })
	if cifrada {
		clave, err := r.pideClave(ctx)
		if err != nil {
			return nil, err
		}
		a.Password = clave
		rev = efirma.Revisa(a, r.autoridades, ahora)
		clear(clave)
	}
	return []hallazgo{r.hallazgo(rev, archivos...)}, nil
}

func (r *revision) revisaCarpetas(dir string) ([]hallazgo, error) {
	absoluto, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if una, err := efirma.EsCarpeta(absoluto); err != nil {
		return nil, noSePuedeLeer(dir, err)
	} else if una {
		h, err := r.revisaCarpeta(absoluto, dir)
		return []hallazgo{h}, err
	}
	carpetas, err := efirma.Carpetas(absoluto)
	if err != nil {
		return nil, noSePuedeLeer(dir, err)
	}
	if len(carpetas) == 0 {
		return nil, fmt.Errorf("%s no contiene ninguna e.firma: cree en ella una carpeta por RFC, con el .cer, el .key y password.txt", dir)
	}
	var hallazgos []hallazgo
	for _, rfc := range slices.Sorted(func(yield func(string) bool) {
		for rfc := range carpetas {
			if !yield(rfc) {
				return
			}
		}
	}) {
		for _, path := range carpetas[rfc] {
			mostrada := filepath.Join(dir, filepath.Base(path))
			h, err := r.revisaCarpeta(path, mostrada)
			if err != nil {
				// The others are still to be told.
				h = hallazgo{Archivos: []string{mostrada}, Problemas: []nota{}, Avisos: []nota{}}
				h.anade(efirma.NoEncontrada, "La carpeta no se puede leer: "+err.Error()+".")
			}
			if len(carpetas[rfc]) > 1 {
				h.anade(efirma.ArchivosAmbiguos, "Hay más de una carpeta para "+rfc+". Deje una sola.")
			}
			hallazgos = append(hallazgos, h)
		}
	}
	return hallazgos, nil
}

func (r *revision) revisaCarpeta(path, mostrada string) (hallazgo, error) {
	rev, err := efirma.RevisaCarpeta(path, r.autoridades, r.now())
	if err != nil {
		return hallazgo{}, noSePuedeLeer(mostrada, err)
	}
	return r.hallazgo(rev, mostrada), nil
}

// maxLectura is what efirma bounds its files by, and a byte more, so that it sees
// that one is too large.
const maxLectura = 64<<10 + 1

func lee(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the operator's own file
	if err != nil {
		return nil, noSePuedeLeer(path, err)
	}
	contenido, err := io.ReadAll(io.LimitReader(f, maxLectura))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, noSePuedeLeer(path, err)
	}
	return contenido, nil
}

func noSePuedeLeer(path string, err error) error {
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("no existe %s", path)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("no hay permiso para leer %s", path)
	}
	return fmt.Errorf("no se puede leer %s: %w", path, err)
}

// pideClave reads the password from where it was said to be, and otherwise from
// the terminal, which does not show it.
func (r *revision) pideClave(ctx context.Context) ([]byte, error) {
	if r.archivoDeClave != "" && r.archivoDeClave != "-" {
		clave, err := lee(r.archivoDeClave)
		return clave, err
	}
	if terminal, ok := r.In.(*os.File); ok && r.archivoDeClave == "" && term.IsTerminal(int(terminal.Fd())) {
		fmt.Fprint(r.Err, "Contraseña de la llave privada: ") //nolint:errcheck // what matters is the answer
		clave, err := leeOculta(ctx, int(terminal.Fd()))
		fmt.Fprintln(r.Err) //nolint:errcheck // what matters is the answer
		return clave, err
	}
	linea, err := bufio.NewReader(io.LimitReader(r.In, maxLectura)).ReadBytes('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("no se pudo leer la contraseña de la entrada estándar: %w", err)
	}
	return linea, nil
}

// leeOculta reads a line that the terminal does not show, and leaves the terminal as
// it was when Ctrl-C comes in place of it.
func leeOculta(ctx context.Context, terminal int) ([]byte, error) {
	antes, err := term.GetState(terminal)
	if err != nil {
		return nil, err
	}
	type respuesta struct {
		clave []byte
		err   error
	}
	leida := make(chan respuesta, 1)
	go func() {
		clave, err := term.ReadPassword(terminal)
		leida <- respuesta{clave, err}
	}()
	select {
	case r := <-leida:
		return r.clave, r.err
	case <-ctx.Done():
		return nil, errors.Join(&errSalida{codigo: ExitInterrupted}, term.Restore(terminal, antes))
	}
}
