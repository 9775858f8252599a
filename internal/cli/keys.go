package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/pasarela-mx/pasarela/internal/apikeys"
	"github.com/pasarela-mx/pasarela/internal/config"
)

// ajusteClaves names the file of the API keys when --file does not.
const ajusteClaves = "GATEWAY_API_KEYS_FILE"

func ordenKeys(s Streams) *cobra.Command {
	c := grupo("keys", "Crea, lista y retira claves de API", `Las claves de API dicen quién puede llamar a la pasarela, por qué RFC y para qué. El archivo guarda
de cada una su SHA-256 y nunca la clave. La pasarela sigue los cambios del archivo sin reiniciarse.`)
	c.Example = `  gateway keys create --file keys.json --name erp --rfc PRU010101AB1
  gateway keys list --file keys.json
  gateway keys revoke --file keys.json --name erp`
	c.AddCommand(ordenKeysCreate(s), ordenKeysList(s), ordenKeysRevoke(s))
	return conCodigos(c, codigosKeys())
}

func codigosKeys() []codigo {
	return []codigo{{ExitOK, "hecho"}, {ExitFailed, "no se pudo; dice por qué"}, {ExitUsage, "la orden está mal escrita"}}
}

func conArchivo(c *cobra.Command, archivo *string) {
	c.Flags().StringVar(archivo, "file", "", "`ARCHIVO` de las claves; si falta, el de "+ajusteClaves)
}

func archivoDeClaves(dado string) (string, error) {
	if dado != "" {
		return dado, nil
	}
	if archivo, err := config.One(ajusteClaves); err != nil || archivo != "" {
		return archivo, err
	}
	return "", malUso("Falta --file, el archivo de las claves; o configure %s.", ajusteClaves)
}

func ordenKeysCreate(s Streams) *cobra.Command {
	var archivo, nombre string
	var rfcs, alcances []string
	c := conCodigos(&cobra.Command{
		Use:   "create",
		Short: "Crea una clave: se muestra esta vez y ninguna más",
		Long: `Crea una clave de API y la escribe en la salida estándar, esta vez y ninguna más; el archivo, que
nace si no existe, guarda su SHA-256. Sin --scope la clave puede todo lo que hay; los alcances son:

  ` + strings.Join(apikeys.Scopes()[:6], ", ") + `,
  ` + strings.Join(apikeys.Scopes()[6:], ", ") + `.`,
		Example: `  # Para un ERP que pide y baja facturas de un RFC
  gateway keys create --file keys.json --name erp --rfc PRU010101AB1 \
    --scope sat:solicitudes,sat:paquetes

  # Para «gateway descargar», directo a su archivo, que nadie más puede leer
  (umask 077; gateway keys create --file keys.json --name terminal --rfc PRU010101AB1 \
    --scope sat:descargas,sat:paquetes > terminal.key)`,
		Args: sinArgumentos,
		RunE: func(*cobra.Command, []string) error {
			archivo, err := archivoDeClaves(archivo)
			if err == nil {
				err = revisaClave(nombre, rfcs, alcances)
			}
			if err != nil {
				return err
			}
			return creaClave(s, archivo, apikeys.Key{Name: nombre, RFCs: rfcs, Scopes: alcances})
		},
	}, codigosKeys())
	conArchivo(c, &archivo)
	c.Flags().StringVar(&nombre, "name", "", "quién usa la clave; `NOMBRE` único en el archivo")
	c.Flags().StringSliceVar(&rfcs, "rfc", nil, "los `RFC` que alcanza, separados por comas, o *")
	c.Flags().StringSliceVar(&alcances, "scope", []string{apikeys.Todo}, "lo que puede: `ALCANCES` separados por comas, o *")
	deLista(c, "scope", append(apikeys.Scopes(), apikeys.Todo)...)
	return c
}

// revisaClave says in terms of the options what the file would refuse.
func revisaClave(nombre string, rfcs, alcances []string) error {
	switch {
	case nombre == "":
		return malUso("Falta --name, quién usa la clave.")
	case len(rfcs) == 0:
		return malUso("Falta --rfc, los RFC que alcanza la clave, o *.")
	case len(alcances) == 0:
		return malUso("--scope no dice ningún alcance.")
	}
	for _, rfc := range rfcs {
		if err := esRFC("--rfc", rfc, true); rfc != apikeys.Todo && err != nil {
			return err
		}
	}
	for _, alcance := range alcances {
		if err := unoDe("--scope", alcance, append(apikeys.Scopes(), apikeys.Todo)...); err != nil {
			return err
		}
	}
	return nil
}

func creaClave(s Streams, archivo string, k apikeys.Key) error {
	clave, digest, err := apikeys.Generate()
	if err != nil {
		return err
	}
	k.SHA256 = digest
	switch err := apikeys.Add(archivo, k); {
	case errors.Is(err, apikeys.ErrNameTaken):
		return fmt.Errorf("en %s ya hay una clave llamada «%s»; use otro --name, o retírela con «gateway keys revoke»", archivo, k.Name)
	case err != nil:
		return err
	}
	fmt.Fprintf(s.Err, "La clave de %s, que se muestra esta única vez; %s guarda solo su SHA-256:\n", k.Name, archivo) //nolint:errcheck // the key matters
	if _, err = fmt.Fprintln(s.Out, clave); err != nil {
		// Nobody has seen it, and its name would be taken.
		return errors.Join(fmt.Errorf("la clave no se pudo escribir, y no se creó: %w", err), apikeys.Remove(archivo, k.Name))
	}
	return nil
}

func ordenKeysList(s Streams) *cobra.Command {
	var archivo string
	var enJSON bool
	c := conCodigos(&cobra.Command{
		Use:   "list",
		Short: "Dice qué claves hay, de quién son y qué pueden",
		Long:  `Dice qué claves hay en el archivo: de quién es cada una, qué RFC alcanza y para qué. Las claves no se muestran: el archivo no las tiene.`,
		Example: `  gateway keys list --file keys.json
  gateway keys list --file keys.json --json`,
		Args: sinArgumentos,
		RunE: func(*cobra.Command, []string) error {
			archivo, err := archivoDeClaves(archivo)
			if err != nil {
				return err
			}
			claves, err := apikeys.List(archivo)
			if err != nil {
				return noHayArchivo(err, archivo)
			}
			if enJSON {
				return escribeClaves(s, claves)
			}
			w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "NOMBRE\tRFC\tALCANCES") //nolint:errcheck // Flush tells
			for _, k := range claves {
				fmt.Fprintf(w, "%s\t%s\t%s\n", k.Name, strings.Join(k.RFCs, ","), strings.Join(k.Scopes, ",")) //nolint:errcheck // Flush tells
			}
			return w.Flush()
		},
	}, codigosKeys())
	conArchivo(c, &archivo)
	c.Flags().BoolVar(&enJSON, "json", false, "en JSON, para programas")
	return c
}

// escribeClaves leaves the digests out: who can read a list needs none of them.
func escribeClaves(s Streams, claves []apikeys.Key) error {
	type fila struct {
		Nombre   string   `json:"nombre"`
		RFCs     []string `json:"rfcs"`
		Alcances []string `json:"alcances"`
	}
	filas := make([]fila, len(claves))
	for i, k := range claves {
		filas[i] = fila{k.Name, k.RFCs, k.Scopes}
	}
	return escribeJSON(s.Out, struct {
		Claves []fila `json:"claves"`
	}{filas})
}

func noHayArchivo(err error, archivo string) error {
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("no hay tal archivo de claves: %s", archivo)
	}
	var sintaxis *json.SyntaxError
	if errors.As(err, &sintaxis) {
		return fmt.Errorf("%s no es un archivo de claves: %w", archivo, err)
	}
	return err
}

func ordenKeysRevoke(s Streams) *cobra.Command {
	var archivo, nombre string
	c := conCodigos(&cobra.Command{
		Use:     "revoke",
		Short:   "Retira una clave: deja de servir",
		Long:    `Quita del archivo la clave de ese nombre. La pasarela que lo usa la rechaza desde la siguiente petición, sin reiniciarse.`,
		Example: `  gateway keys revoke --file keys.json --name erp`,
		Args:    sinArgumentos,
		RunE: func(*cobra.Command, []string) error {
			archivo, err := archivoDeClaves(archivo)
			switch {
			case err != nil:
				return err
			case nombre == "":
				return malUso("Falta --name, el nombre de la clave; «gateway keys list» dice cuáles hay.")
			}
			switch err := apikeys.Remove(archivo, nombre); {
			case errors.Is(err, apikeys.ErrNoSuchKey):
				return fmt.Errorf("en %s no hay una clave llamada «%s»; «gateway keys list» dice cuáles hay", archivo, nombre)
			case err != nil:
				return noHayArchivo(err, archivo)
			}
			_, err = fmt.Fprintf(s.Out, "La clave de %s ya no sirve.\n", nombre)
			return err
		},
	}, codigosKeys())
	conArchivo(c, &archivo)
	c.Flags().StringVar(&nombre, "name", "", "`NOMBRE` de la clave")
	return c
}
