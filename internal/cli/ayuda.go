package cli

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// codigo is an exit code with what it means for one command.
type codigo struct {
	Codigo      int
	Significado string
}

// anotacion is where a command keeps its exit codes.
const anotacion = "codigos"

// conCodigos notes what exit codes the command has, for its help and its page.
func conCodigos(c *cobra.Command, codigos []codigo) *cobra.Command {
	var b strings.Builder
	for _, x := range codigos {
		fmt.Fprintf(&b, "%d\t%s\n", x.Codigo, x.Significado)
	}
	c.Annotations = map[string]string{anotacion: b.String()}
	return c
}

// Codigos returns the exit codes of a command in their order.
func Codigos(c *cobra.Command) [][2]string {
	var filas [][2]string
	for linea := range strings.Lines(c.Annotations[anotacion]) {
		numero, significado, _ := strings.Cut(strings.TrimSuffix(linea, "\n"), "\t")
		filas = append(filas, [2]string{numero, significado})
	}
	return filas
}

// conAyuda gives every command an option in Spanish in place of the library's.
func conAyuda(c *cobra.Command) {
	c.Flags().BoolP("help", "h", false, "muestra esta ayuda")
	for _, hija := range c.Commands() {
		conAyuda(hija)
	}
}

func ayuda(w io.Writer, c *cobra.Command) {
	var b strings.Builder
	texto := c.Long
	if texto == "" {
		texto = c.Short
	}
	fmt.Fprintf(&b, "%s\n\nUso:\n  %s\n", texto, Uso(c))
	if c.Example != "" {
		fmt.Fprintf(&b, "\nEjemplos:\n%s\n", c.Example)
	}
	if hijas := Ordenes(c); len(hijas) > 0 {
		b.WriteString("\nÓrdenes:\n")
		filas := make([][2]string, len(hijas))
		for i, hija := range hijas {
			filas[i] = [2]string{hija.Name(), hija.Short}
		}
		columnas(&b, filas)
	}
	b.WriteString("\nOpciones:\n")
	columnas(&b, Opciones(c))
	if codigos := Codigos(c); len(codigos) > 0 {
		b.WriteString("\nCódigos de salida:\n")
		columnas(&b, codigos)
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n«%s ORDEN --help» dice más de cada una.\n", c.CommandPath())
	}
	io.WriteString(w, b.String()) //nolint:errcheck // nowhere else to say it
}

// Uso is the line that says how a command is written.
func Uso(c *cobra.Command) string {
	uso := c.CommandPath()
	if _, argumentos, hay := strings.Cut(c.Use, " "); hay {
		uso += " " + argumentos
	}
	if c.HasAvailableSubCommands() {
		if c.HasParent() {
			return uso + " ORDEN"
		}
		return uso + " [ORDEN]"
	}
	return uso + " [opciones]"
}

// Ordenes are the commands below c that people are shown.
func Ordenes(c *cobra.Command) []*cobra.Command {
	var hijas []*cobra.Command
	for _, hija := range c.Commands() {
		if hija.IsAvailableCommand() {
			hijas = append(hijas, hija)
		}
	}
	return hijas
}

// Opciones are the options of a command: how each is written, and what it does.
func Opciones(c *cobra.Command) [][2]string {
	var filas [][2]string
	c.Flags().VisitAll(func(f *pflag.Flag) {
		valor, texto := pflag.UnquoteUsage(f)
		if f.Value.Type() == "bool" {
			valor = ""
		}
		texto = strings.TrimPrefix(texto, valor+": ")
		nombre := "--" + f.Name
		if f.Shorthand != "" {
			nombre = "-" + f.Shorthand + ", " + nombre
		}
		if valor != "" {
			nombre += " " + valor
		}
		if d := strings.Trim(f.DefValue, "[]"); d != "" && d != "false" && d != "0" && d != "0s" {
			texto += " (si falta, " + d + ")"
		}
		filas = append(filas, [2]string{nombre, texto})
	})
	return filas
}

// anchoMaximo is where the second column stays put; longer names push their text
// to a line of its own.
const anchoMaximo = 26

func columnas(b *strings.Builder, filas [][2]string) {
	ancho := 0
	for _, f := range filas {
		if n := len([]rune(f[0])); n <= anchoMaximo {
			ancho = max(ancho, n)
		}
	}
	for _, f := range filas {
		if len([]rune(f[0])) > ancho {
			fmt.Fprintf(b, "  %s\n  %s  %s\n", f[0], strings.Repeat(" ", ancho), f[1])
			continue
		}
		fmt.Fprintf(b, "  %s%s  %s\n", f[0], strings.Repeat(" ", ancho-len([]rune(f[0]))), f[1])
	}
}

// enEspanol says in Spanish what the library of options found wrong.
func enEspanol(err error) string {
	var desconocida *pflag.NotExistError
	var sinValor *pflag.ValueRequiredError
	var invalida *pflag.InvalidValueError
	var sintaxis *pflag.InvalidSyntaxError
	switch {
	case errors.As(err, &desconocida) && desconocida.GetSpecifiedShortnames() == "":
		return "No hay la opción --" + desconocida.GetSpecifiedName() + "."
	case errors.As(err, &desconocida):
		texto := "No hay la opción -" + desconocida.GetSpecifiedName() + "."
		if todas := desconocida.GetSpecifiedShortnames(); len(todas) > 1 {
			texto = "No hay la opción -" + todas + ". Las de más de una letra llevan dos guiones: --" + todas + "."
		}
		return texto
	case errors.As(err, &sinValor):
		return "Falta el valor de " + comoSeEscribe(sinValor.GetFlag()) + "."
	case errors.As(err, &invalida):
		return fmt.Sprintf("%s: %s no es %s.", comoSeEscribe(invalida.GetFlag()), strconv.Quote(invalida.GetValue()), deTipo(invalida.GetFlag().Value.Type()))
	case errors.As(err, &sintaxis):
		return "«" + sintaxis.GetSpecifiedFlag() + "» no es una opción bien escrita."
	}
	return err.Error()
}

func comoSeEscribe(f *pflag.Flag) string { return "--" + f.Name }

func deTipo(tipo string) string {
	switch tipo {
	case "bool":
		return "true ni false"
	case "duration":
		return "una duración como 30s, 5m o 2h"
	case "int":
		return "un número entero"
	}
	return "un valor admitido"
}
