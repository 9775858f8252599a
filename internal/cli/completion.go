package cli

import (
	"io"

	"github.com/spf13/cobra"
)

func ordenCompletion(s Streams) *cobra.Command {
	c := grupo("completion", "Completa órdenes y opciones con el tabulador, en su shell", `Escribe el guion con que su shell completa las órdenes, las opciones y sus valores de «gateway».`)
	c.Example = `  # En esta sesión de bash
  source <(gateway completion bash)

  # En todas, para todos los usuarios
  gateway completion bash > /etc/bash_completion.d/gateway`
	codigos := []codigo{{ExitOK, "siempre"}, {ExitUsage, "la orden está mal escrita"}}
	for _, shell := range []struct {
		nombre, ejemplo string
		escribe         func(*cobra.Command, io.Writer) error
	}{
		{"bash", `  source <(gateway completion bash)
  gateway completion bash > /etc/bash_completion.d/gateway`,
			func(raiz *cobra.Command, w io.Writer) error { return raiz.GenBashCompletionV2(w, true) }},
		{"zsh", `  gateway completion zsh > "${fpath[1]}/_gateway"`,
			func(raiz *cobra.Command, w io.Writer) error { return raiz.GenZshCompletion(w) }},
		{"fish", `  gateway completion fish > ~/.config/fish/completions/gateway.fish`,
			func(raiz *cobra.Command, w io.Writer) error { return raiz.GenFishCompletion(w, true) }},
		{"powershell", `  gateway completion powershell | Out-String | Invoke-Expression`,
			func(raiz *cobra.Command, w io.Writer) error { return raiz.GenPowerShellCompletionWithDesc(w) }},
	} {
		c.AddCommand(conCodigos(&cobra.Command{
			Use: shell.nombre, Short: "El guion para " + shell.nombre, Example: shell.ejemplo, Args: sinArgumentos,
			RunE: func(c *cobra.Command, _ []string) error { return shell.escribe(c.Root(), s.Out) },
		}, codigos))
	}
	return conCodigos(c, codigos)
}

// ordenHelp takes the place of the library's, which speaks English.
func ordenHelp() *cobra.Command {
	return conCodigos(&cobra.Command{
		Use:               "help [ORDEN]",
		Short:             "Muestra la ayuda de una orden",
		Example:           `  gateway help efirma check`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, args []string) error {
			orden, resto, err := c.Root().Find(args)
			if err != nil || len(resto) > 0 {
				return malUso("No hay la orden «%s».", args[len(args)-max(1, len(resto))])
			}
			ayuda(c.OutOrStdout(), orden)
			return nil
		},
	}, []codigo{{ExitOK, "siempre"}, {ExitUsage, "no hay tal orden"}})
}

// deLista completes an option out of a closed list; each value has its meaning
// behind a tabulator.
func deLista(c *cobra.Command, opcion string, valores ...string) {
	// It fails only for an option that is not there, which the tests of completion see.
	_ = c.RegisterFlagCompletionFunc(opcion, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return valores, cobra.ShellCompDirectiveNoFileComp
	})
}
