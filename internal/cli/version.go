package cli

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/pasarela-mx/pasarela/internal/version"
)

func ordenVersion(s Streams) *cobra.Command {
	var enJSON bool
	c := conCodigos(&cobra.Command{
		Use:   "version",
		Short: "Dice qué versión es y de qué se compiló",
		Example: `  gateway version
  gateway version --json`,
		Args: sinArgumentos,
		RunE: func(*cobra.Command, []string) error {
			i := version.Read()
			if enJSON {
				return escribeJSON(s.Out, i)
			}
			var err error
			for _, fila := range [][2]string{{"pasarela", i.Version}, {"commit", i.Commit}, {"fecha", i.Fecha}, {"go", i.Go}, {"plataforma", i.Plataforma}} {
				if fila[1] != "" && err == nil {
					_, err = fmt.Fprintf(s.Out, "%-10s %s\n", fila[0], fila[1])
				}
			}
			return err
		},
	}, []codigo{{ExitOK, "siempre"}, {ExitUsage, "la orden está mal escrita"}})
	c.Flags().BoolVar(&enJSON, "json", false, "en JSON, para programas")
	return c
}

func escribeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
