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

func eFirmaOrder(s Streams, now func() time.Time) *cobra.Command {
	c := group("efirma", "Revisa e.firmas", "Revisa e.firmas: si sirven, hasta cuándo, y si no, por qué y qué hacer.")
	c.Example = `  gateway efirma check empresa.cer empresa.key`
	c.AddCommand(eFirmaCheckOrder(s, now))
	return withCodigos(c, codigosEFirma())
}

func codigosEFirma() []codigo {
	return []codigo{{ExitOK, "todas sirven"}, {ExitFailed, "alguna no sirve, o no se pudo leer; dice por qué"}, {ExitUsage, "la orden está mal escrita"},
		{ExitExpiresSoon, "todas sirven, y alguna vence antes de --dias"}, {ExitInterrupted, "se interrumpió al pedir la contraseña"}}
}

// revision is one run of `efirma check`.
type revision struct {
	Streams
	now         func() time.Time
	autoridades *efirma.Autoridades
	keyFile     string
	inJSON      bool
	days        int
}

func eFirmaCheckOrder(s Streams, now func() time.Time) *cobra.Command {
	r := &revision{Streams: s, now: now}
	c := withCodigos(&cobra.Command{
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
				return badUse("Se dieron %d archivos; son el .cer y el .key, o un .p12, o una carpeta.", len(args))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return r.run(c.Context(), args) },
	}, codigosEFirma())
	c.Flags().StringVar(&r.keyFile, "password-file", "", "`ARCHIVO` con la contraseña y nada más; - es la entrada estándar")
	c.Flags().BoolVar(&r.inJSON, "json", false, "en JSON, para programas")
	c.Flags().IntVar(&r.days, "dias", 0, "avisa, con su código de salida, de las que vencen antes de `N` días")
	return c
}

func (r *revision) run(ctx context.Context, args []string) error {
	if r.days < 0 {
		return badUse("--dias: %d es menos que cero.", r.days)
	}
	path, err := config.One("GATEWAY_EFIRMA_CA_FILE")
	if err != nil {
		return err
	}
	if r.autoridades, err = efirma.ReadAutoridades(path); err != nil {
		return fmt.Errorf("GATEWAY_EFIRMA_CA_FILE: %w", err)
	}
	hallazgos, err := r.check(ctx, args)
	if err != nil {
		return err
	}
	if r.inJSON {
		err = writeJSON(r.Out, struct {
			EFirmas []hallazgo `json:"efirmas"`
		}{hallazgos})
	} else {
		err = writeHallazgos(r.Out, hallazgos)
	}
	if err != nil {
		return err
	}
	if slices.ContainsFunc(hallazgos, func(h hallazgo) bool { return !h.Sirve }) {
		return &errOutput{codigo: ExitFailed}
	}
	if slices.ContainsFunc(hallazgos, func(h hallazgo) bool { return h.VencePronto }) {
		return &errOutput{codigo: ExitExpiresSoon}
	}
	return nil
}

func (r *revision) check(ctx context.Context, args []string) ([]hallazgo, error) {
	if len(args) == 2 {
		return r.checkPair(ctx, args[0], args[1])
	}
	var path string
	var err error
	if len(args) == 1 {
		path = args[0]
	} else if path, err = config.One("GATEWAY_EFIRMA_DIR"); err != nil || path == "" {
		return nil, errors.Join(err, badUse("Diga qué revisar: el .cer y el .key, un .p12, o una carpeta; o configure GATEWAY_EFIRMA_DIR."))
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, cannotBeRead(path, err)
	case info.IsDir():
		return r.checkFolders(path)
	}
	switch ext := strings.ToLower(filepath.Ext(path)); ext {
	case ".cer", ".key":
		return nil, badUse("%s no basta: dé el .cer y el .key, en ese orden.", path)
	}
	pfx, err := read(path)
	if err != nil {
		return nil, err
	}
	return r.withKey(ctx, efirma.Files{PFXName: filepath.Base(path), PFX: pfx}, path)
}

func (r *revision) checkPair(ctx context.Context, cer, key string) ([]hallazgo, error) {
	a := efirma.Files{CerName: filepath.Base(cer), KeyName: filepath.Base(key)}
	var err error
	if a.Cer, err = read(cer); err != nil {
		return nil, err
	}
	if a.Key, err = read(key); err != nil {
		return nil, err
	}
	return r.withKey(ctx, a, cer, key)
}

// withKey asks for the password only if there is a key to open.
func (r *revision) withKey(ctx context.Context, a efirma.Files, files ...string) ([]hallazgo, error) {
	now := r.now()
	rev := efirma.Check(a, r.autoridades, now)
	encrypted := slices.ContainsFunc(rev.Problems, func(p *efirma.Error) bool { return p.Problem == efirma.PasswordAusente })
	if encrypted {
		key, err := r.askKey(ctx)
		if err != nil {
			return nil, err
		}
		a.Password = key
		rev = efirma.Check(a, r.autoridades, now)
		clear(key)
	}
	return []hallazgo{r.hallazgo(rev, files...)}, nil
}

func (r *revision) checkFolders(dir string) ([]hallazgo, error) {
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if one, err := efirma.IsFolder(absolute); err != nil {
		return nil, cannotBeRead(dir, err)
	} else if one {
		h, err := r.checkFolder(absolute, dir)
		return []hallazgo{h}, err
	}
	folders, err := efirma.Folders(absolute)
	if err != nil {
		return nil, cannotBeRead(dir, err)
	}
	if len(folders) == 0 {
		return nil, fmt.Errorf("%s no contiene ninguna e.firma: cree en ella una carpeta por RFC, con el .cer, el .key y password.txt", dir)
	}
	var hallazgos []hallazgo
	for _, rfc := range slices.Sorted(func(yield func(string) bool) {
		for rfc := range folders {
			if !yield(rfc) {
				return
			}
		}
	}) {
		for _, path := range folders[rfc] {
			shown := filepath.Join(dir, filepath.Base(path))
			h, err := r.checkFolder(path, shown)
			if err != nil {
				// The others are still to be reported.
				h = hallazgo{Archivos: []string{shown}, Problemas: []note{}, Avisos: []note{}}
				h.add(efirma.NoEncontrada, "La carpeta no se puede leer: "+err.Error()+".")
			}
			if len(folders[rfc]) > 1 {
				h.add(efirma.ArchivosAmbiguos, "Hay más de una carpeta para "+rfc+". Deje una sola.")
			}
			hallazgos = append(hallazgos, h)
		}
	}
	return hallazgos, nil
}

func (r *revision) checkFolder(path, shown string) (hallazgo, error) {
	rev, err := efirma.CheckFolder(path, r.autoridades, r.now())
	if err != nil {
		return hallazgo{}, cannotBeRead(shown, err)
	}
	return r.hallazgo(rev, shown), nil
}

// maxReading is the efirma package's bound and one byte more, so that it sees that a file
// is too large.
const maxReading = 64<<10 + 1

func read(path string) ([]byte, error) {
	f, err := os.Open(path) //nolint:gosec // the operator's own file
	if err != nil {
		return nil, cannotBeRead(path, err)
	}
	content, err := io.ReadAll(io.LimitReader(f, maxReading))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, cannotBeRead(path, err)
	}
	return content, nil
}

func cannotBeRead(path string, err error) error {
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("no existe %s", path)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("no hay permiso para leer %s", path)
	}
	return fmt.Errorf("no se puede leer %s: %w", path, err)
}

// askKey reads the password from its option's source, or else from the terminal without
// showing it.
func (r *revision) askKey(ctx context.Context) ([]byte, error) {
	if r.keyFile != "" && r.keyFile != "-" {
		key, err := read(r.keyFile)
		return key, err
	}
	if terminal, ok := r.In.(*os.File); ok && r.keyFile == "" && term.IsTerminal(int(terminal.Fd())) {
		fmt.Fprint(r.Err, "Contraseña de la llave privada: ") //nolint:errcheck // what matters is the answer
		key, err := readHidden(ctx, int(terminal.Fd()))
		fmt.Fprintln(r.Err) //nolint:errcheck // what matters is the answer
		return key, err
	}
	line, err := bufio.NewReader(io.LimitReader(r.In, maxReading)).ReadBytes('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("no se pudo leer la contraseña de la entrada estándar: %w", err)
	}
	return line, nil
}

// readHidden reads a line that the terminal does not show. After Ctrl-C it restores the
// terminal.
func readHidden(ctx context.Context, terminal int) ([]byte, error) {
	before, err := term.GetState(terminal)
	if err != nil {
		return nil, err
	}
	type answer struct {
		password []byte
		err      error
	}
	read := make(chan answer, 1)
	go func() {
		key, err := term.ReadPassword(terminal)
		read <- answer{key, err}
	}()
	select {
	case r := <-read:
		return r.password, r.err
	case <-ctx.Done():
		return nil, errors.Join(&errOutput{codigo: ExitInterrupted}, term.Restore(terminal, before))
	}
}
