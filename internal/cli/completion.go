package cli

import (
	"io"

	"github.com/spf13/cobra"
)

func completionOrder(s Streams) *cobra.Command {
	c := group("completion", "Completa órdenes y opciones con el tabulador, en su shell", `Escribe el guion con que su shell completa las órdenes, las opciones y sus valores de «gateway».`)
	c.Example = `  # En esta sesión de bash
  source <(gateway completion bash)

  # En todas, para todos los usuarios
  gateway completion bash > /etc/bash_completion.d/gateway`
	codigos := []codigo{{ExitOK, "siempre"}, {ExitUsage, "la orden está mal escrita"}}
	for _, shell := range []struct {
		name, example string
		write         func(*cobra.Command, io.Writer) error
	}{
		{"bash", `  source <(gateway completion bash)
  gateway completion bash > /etc/bash_completion.d/gateway`,
			func(root *cobra.Command, w io.Writer) error { return root.GenBashCompletionV2(w, true) }},
		{"zsh", `  gateway completion zsh > "${fpath[1]}/_gateway"`,
			func(root *cobra.Command, w io.Writer) error { return root.GenZshCompletion(w) }},
		{"fish", `  gateway completion fish > ~/.config/fish/completions/gateway.fish`,
			func(root *cobra.Command, w io.Writer) error { return root.GenFishCompletion(w, true) }},
		{"powershell", `  gateway completion powershell | Out-String | Invoke-Expression`,
			func(root *cobra.Command, w io.Writer) error { return root.GenPowerShellCompletionWithDesc(w) }},
	} {
		c.AddCommand(withCodigos(&cobra.Command{
			Use: shell.name, Short: "El guion para " + shell.name, Example: shell.example, Args: withoutArguments,
			RunE: func(c *cobra.Command, _ []string) error { return shell.write(c.Root(), s.Out) },
		}, codigos))
	}
	return withCodigos(c, codigos)
}

// helpOrder replaces the library's, which is in English.
func helpOrder() *cobra.Command {
	return withCodigos(&cobra.Command{
		Use:               "help [ORDEN]",
		Short:             "Muestra la ayuda de una orden",
		Example:           `  gateway help efirma check`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, args []string) error {
			order, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return badUse("No hay la orden «%s».", args[len(args)-max(1, len(rest))])
			}
			help(c.OutOrStdout(), order)
			return nil
		},
	}, []codigo{{ExitOK, "siempre"}, {ExitUsage, "no hay tal orden"}})
}

// ofList completes an option from a closed list; each value's meaning follows after a
// tab.
func ofList(c *cobra.Command, option string, values ...string) {
	// It fails only for an unknown option, which the completion tests would show.
	_ = c.RegisterFlagCompletionFunc(option, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return values, cobra.ShellCompDirectiveNoFileComp
	})
}
