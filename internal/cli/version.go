package cli

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/pasarela-mx/pasarela/internal/version"
)

func versionOrder(s Streams) *cobra.Command {
	var inJSON bool
	c := withCodigos(&cobra.Command{
		Use:   "version",
		Short: "Dice qué versión es y de qué se compiló",
		Example: `  gateway version
  gateway version --json`,
		Args: withoutArguments,
		RunE: func(*cobra.Command, []string) error {
			i := version.Read()
			if inJSON {
				return writeJSON(s.Out, i)
			}
			var err error
			for _, row := range [][2]string{{"pasarela", i.Version}, {"commit", i.Commit}, {"fecha", i.Fecha}, {"go", i.Go}, {"plataforma", i.Plataforma}} {
				if row[1] != "" && err == nil {
					_, err = fmt.Fprintf(s.Out, "%-10s %s\n", row[0], row[1])
				}
			}
			return err
		},
	}, []codigo{{ExitOK, "siempre"}, {ExitUsage, "la orden está mal escrita"}})
	c.Flags().BoolVar(&inJSON, "json", false, "en JSON, para programas")
	return c
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
