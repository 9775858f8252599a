package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/pasarela-mx/pasarela/internal/apikeys"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/gateway"
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
	var archivo string
	var p claveNueva
	c := conCodigos(&cobra.Command{
		Use:   "create",
		Short: "Crea una clave: se muestra esta vez y ninguna más",
		Long: `Crea una clave de API y la escribe en la salida estándar, esta vez y ninguna más; el archivo, que
nace si no existe, guarda su SHA-256. Sin --scope la clave puede todo lo que hay; los alcances son:

  ` + strings.Join(apikeys.Scopes()[:6], ", ") + `,
  ` + strings.Join(apikeys.Scopes()[6:], ", ") + `.

Cada clave tiene un identificador al azar, y de él es lo que la clave hace: sus webhooks, sus lotes y títulos, sus
Idempotency-Key. El nombre es para las personas y se puede volver a usar: una clave nueva no recibe nada de otra que se
llamó igual. Con --shares lo recibe: para las demás claves de un mismo sistema, o para cambiar de clave sin perder nada.`,
		Example: `  # Para un ERP que pide y baja facturas de un RFC
  gateway keys create --file keys.json --name erp --rfc PRU010101AB1 \
    --scope sat:solicitudes,sat:paquetes

  # Para «gateway descargar», directo a su archivo, que nadie más puede leer
  (umask 077; gateway keys create --file keys.json --name terminal --rfc PRU010101AB1 \
    --scope sat:descargas,sat:paquetes > terminal.key)

  # Otra para el mismo ERP, hasta fin de año y desde su red
  gateway keys create --file keys.json --name erp-2 --shares erp --rfc PRU010101AB1 \
    --expires 2026-12-31 --network 192.0.2.0/24`,
		Args: sinArgumentos,
		RunE: func(*cobra.Command, []string) error {
			archivo, err := archivoDeClaves(archivo)
			if err != nil {
				return err
			}
			k, err := p.entrada(archivo)
			if err != nil {
				return err
			}
			return creaClave(s, archivo, k)
		},
	}, codigosKeys())
	conArchivo(c, &archivo)
	c.Flags().StringVar(&p.nombre, "name", "", "quién usa la clave; `NOMBRE` único en el archivo")
	c.Flags().StringSliceVar(&p.rfcs, "rfc", nil, "los `RFC` que alcanza, separados por comas, o *")
	c.Flags().StringSliceVar(&p.alcances, "scope", []string{apikeys.Todo}, "lo que puede: `ALCANCES` separados por comas, o *")
	c.Flags().StringVar(&p.vence, "expires", "", "el último `DÍA` en que vale, 2026-12-31, o su último instante; si falta, no vence")
	c.Flags().StringSliceVar(&p.redes, "network", nil, "las `REDES` desde las que vale, 192.0.2.0/24; cuenta la dirección que se conecta, que detrás de un proxy es la suya")
	c.Flags().StringVar(&p.comparte, "shares", "", "`NOMBRE` de la clave con la que comparte webhooks, lotes, títulos y respuestas")
	deLista(c, "scope", append(apikeys.Scopes(), apikeys.Todo)...)
	return c
}

// claveNueva is a key as the options describe it.
type claveNueva struct {
	nombre, vence, comparte string
	rfcs, alcances, redes   []string
}

// entrada returns the entry, or says in terms of the options what the file would refuse.
func (p claveNueva) entrada(archivo string) (apikeys.Key, error) {
	if err := p.revisa(); err != nil {
		return apikeys.Key{}, err
	}
	k := apikeys.Key{Name: p.nombre, RFCs: p.rfcs, Scopes: p.alcances}
	if p.vence != "" {
		ultimo, err := fecha("--expires", p.vence, true)
		if err != nil {
			return k, err
		}
		k.Expires = ultimo.Add(time.Second)
		if !k.Expires.After(time.Now()) {
			return k, malUso("--expires: %s ya pasó.", p.vence)
		}
	}
	for _, texto := range p.redes {
		red, err := netip.ParsePrefix(texto)
		if err != nil || red.Addr().Is4In6() {
			return k, malUso("--network: «%s» no es una red, como 192.0.2.0/24, 192.0.2.7/32 o 2001:db8::/48.", texto)
		}
		k.Networks = append(k.Networks, red.Masked())
	}
	if p.comparte == "" {
		return k, nil
	}
	claves, err := apikeys.List(archivo)
	if err != nil {
		return k, noHayArchivo(err, archivo)
	}
	for _, otra := range claves {
		if otra.Name == p.comparte {
			k.Shares = otra.Owner()
			return k, nil
		}
	}
	return k, fmt.Errorf("en %s no hay una clave llamada «%s»; «gateway keys list» dice cuáles hay", archivo, p.comparte)
}

func (p claveNueva) revisa() error {
	nombre, rfcs, alcances := p.nombre, p.rfcs, p.alcances
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
			fmt.Fprintln(w, "NOMBRE\tRFC\tALCANCES\tVENCE\tREDES\tID\tCOMPARTE CON") //nolint:errcheck // Flush tells
			for _, f := range filasDeClaves(claves) {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", f.Nombre, strings.Join(f.RFCs, ","), strings.Join(f.Alcances, ","), //nolint:errcheck // Flush tells
					cmp.Or(f.Vence, "-"), cmp.Or(strings.Join(f.Redes, ","), "-"), f.ID, cmp.Or(f.ComparteCon, "-"))
			}
			return w.Flush()
		},
	}, codigosKeys())
	conArchivo(c, &archivo)
	c.Flags().BoolVar(&enJSON, "json", false, "en JSON, para programas")
	return c
}

// filaDeClave is what a list shows of a key. It leaves the digest out: who can read
// a list needs none.
type filaDeClave struct {
	ID       string   `json:"id"`
	Nombre   string   `json:"nombre"`
	RFCs     []string `json:"rfcs"`
	Alcances []string `json:"alcances"`
	Vence    string   `json:"vence,omitempty"`
	Redes    []string `json:"redes,omitempty"`
	// ComparteCon is another key's id.
	ComparteCon string `json:"comparteCon,omitempty"`
}

func filasDeClaves(claves []apikeys.Key) []filaDeClave {
	filas := make([]filaDeClave, len(claves))
	for i, k := range claves {
		filas[i] = filaDeClave{ID: k.ID, Nombre: k.Name, RFCs: k.RFCs, Alcances: k.Scopes, ComparteCon: k.Shares}
		if !k.Expires.IsZero() {
			filas[i].Vence = gateway.EnMexico(k.Expires).Format(time.RFC3339)
		}
		for _, red := range k.Networks {
			filas[i].Redes = append(filas[i].Redes, red.String())
		}
	}
	return filas
}

func escribeClaves(s Streams, claves []apikeys.Key) error {
	return escribeJSON(s.Out, struct {
		Claves []filaDeClave `json:"claves"`
	}{filasDeClaves(claves)})
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
		Use:   "revoke",
		Short: "Retira una clave: deja de servir",
		Long: `Quita del archivo la clave de ese nombre. La pasarela que lo usa la rechaza desde la siguiente petición, sin reiniciarse, y
corta las respuestas que le esté mandando. Sus webhooks dejan de avisar. Las descargas que pidió siguen, también las
recurrentes, hasta que las cancele otra clave que alcance a su RFC. Lo suyo no pasa a otra clave, salvo a las que se crearon
con --shares.`,
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
