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

// codigo is an exit code and its meaning for one command.
type codigo struct {
	Codigo  int
	Meaning string
}

// annotation is the key under which a command keeps its exit codes.
const annotation = "codigos"

// withCodigos sets the command's exit codes, for its help and its page.
func withCodigos(c *cobra.Command, codigos []codigo) *cobra.Command {
	var b strings.Builder
	for _, x := range codigos {
		fmt.Fprintf(&b, "%d\t%s\n", x.Codigo, x.Meaning)
	}
	c.Annotations = map[string]string{annotation: b.String()}
	return c
}

// Codigos returns a command's exit codes in order.
func Codigos(c *cobra.Command) [][2]string {
	var rows [][2]string
	for line := range strings.Lines(c.Annotations[annotation]) {
		number, meaning, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		rows = append(rows, [2]string{number, meaning})
	}
	return rows
}

// withHelp gives every command a help option in Spanish instead of the library's.
func withHelp(c *cobra.Command) {
	c.Flags().BoolP("help", "h", false, "muestra esta ayuda")
	for _, child := range c.Commands() {
		withHelp(child)
	}
}

func help(w io.Writer, c *cobra.Command) {
	var b strings.Builder
	text := c.Long
	if text == "" {
		text = c.Short
	}
	fmt.Fprintf(&b, "%s\n\nUso:\n  %s\n", text, Use(c))
	if c.Example != "" {
		fmt.Fprintf(&b, "\nEjemplos:\n%s\n", c.Example)
	}
	if children := Orders(c); len(children) > 0 {
		b.WriteString("\nÓrdenes:\n")
		rows := make([][2]string, len(children))
		for i, child := range children {
			rows[i] = [2]string{child.Name(), child.Short}
		}
		columns(&b, rows)
	}
	b.WriteString("\nOpciones:\n")
	columns(&b, Options(c))
	if codigos := Codigos(c); len(codigos) > 0 {
		b.WriteString("\nCódigos de salida:\n")
		columns(&b, codigos)
	}
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\n«%s ORDEN --help» dice más de cada una.\n", c.CommandPath())
	}
	io.WriteString(w, b.String()) //nolint:errcheck // nowhere else to say it
}

// Use returns the line that says how to write a command.
func Use(c *cobra.Command) string {
	use := c.CommandPath()
	if _, arguments, has := strings.Cut(c.Use, " "); has {
		use += " " + arguments
	}
	if c.HasAvailableSubCommands() {
		if c.HasParent() {
			return use + " ORDEN"
		}
		return use + " [ORDEN]"
	}
	return use + " [opciones]"
}

// Orders returns the commands below c that are shown to people.
func Orders(c *cobra.Command) []*cobra.Command {
	var children []*cobra.Command
	for _, child := range c.Commands() {
		if child.IsAvailableCommand() {
			children = append(children, child)
		}
	}
	return children
}

// Options returns a command's options: how to write each, and what it does.
func Options(c *cobra.Command) [][2]string {
	var rows [][2]string
	c.Flags().VisitAll(func(f *pflag.Flag) {
		value, text := pflag.UnquoteUsage(f)
		if f.Value.Type() == "bool" {
			value = ""
		}
		text = strings.TrimPrefix(text, value+": ")
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		if value != "" {
			name += " " + value
		}
		if d := strings.Trim(f.DefValue, "[]"); d != "" && d != "false" && d != "0" && d != "0s" {
			text += " (si falta, " + d + ")"
		}
		rows = append(rows, [2]string{name, text})
	})
	return rows
}

// widthMax is the largest width of the first column; longer names move their text to the
// next line.
const widthMax = 26

func columns(b *strings.Builder, rows [][2]string) {
	width := 0
	for _, f := range rows {
		if n := len([]rune(f[0])); n <= widthMax {
			width = max(width, n)
		}
	}
	for _, f := range rows {
		if len([]rune(f[0])) > width {
			fmt.Fprintf(b, "  %s\n  %s  %s\n", f[0], strings.Repeat(" ", width), f[1])
			continue
		}
		fmt.Fprintf(b, "  %s%s  %s\n", f[0], strings.Repeat(" ", width-len([]rune(f[0]))), f[1])
	}
}

// inSpanish translates the errors of the options library.
func inSpanish(err error) string {
	var unknown *pflag.NotExistError
	var withoutValue *pflag.ValueRequiredError
	var invalid *pflag.InvalidValueError
	var syntax *pflag.InvalidSyntaxError
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() == "":
		return "No hay la opción --" + unknown.GetSpecifiedName() + "."
	case errors.As(err, &unknown):
		text := "No hay la opción -" + unknown.GetSpecifiedName() + "."
		if all := unknown.GetSpecifiedShortnames(); len(all) > 1 {
			text = "No hay la opción -" + all + ". Las de más de una letra llevan dos guiones: --" + all + "."
		}
		return text
	case errors.As(err, &withoutValue):
		return "Falta el valor de " + canonicalForm(withoutValue.GetFlag()) + "."
	case errors.As(err, &invalid):
		return fmt.Sprintf("%s: %s no es %s.", canonicalForm(invalid.GetFlag()), strconv.Quote(invalid.GetValue()), ofTipo(invalid.GetFlag().Value.Type()))
	case errors.As(err, &syntax):
		return "«" + syntax.GetSpecifiedFlag() + "» no es una opción bien escrita."
	}
	return err.Error()
}

func canonicalForm(f *pflag.Flag) string { return "--" + f.Name }

func ofTipo(tipo string) string {
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
