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

// settingKeys names the file of API keys if --file does not.
const settingKeys = "GATEWAY_API_KEYS_FILE"

func keysOrder(s Streams) *cobra.Command {
	c := group("keys", "Crea, lista y retira claves de API", `Las claves de API dicen quién puede llamar a la pasarela, por qué RFC y para qué. El archivo guarda
de cada una su SHA-256 y nunca la clave. La pasarela sigue los cambios del archivo sin reiniciarse.`)
	c.Example = `  gateway keys create --file keys.json --name erp --rfc PRU010101AB1
  gateway keys list --file keys.json
  gateway keys revoke --file keys.json --name erp`
	c.AddCommand(keysCreateOrder(s), keysListOrder(s), keysRevokeOrder(s))
	return withCodigos(c, codigosKeys())
}

func codigosKeys() []codigo {
	return []codigo{{ExitOK, "hecho"}, {ExitFailed, "no se pudo; dice por qué"}, {ExitUsage, "la orden está mal escrita"}}
}

func withFile(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, "file", "", "`ARCHIVO` de las claves; si falta, el de "+settingKeys)
}

func keysFile(given string) (string, error) {
	if given != "" {
		return given, nil
	}
	if file, err := config.One(settingKeys); err != nil || file != "" {
		return file, err
	}
	return "", badUse("Falta --file, el archivo de las claves; o configure %s.", settingKeys)
}

func keysCreateOrder(s Streams) *cobra.Command {
	var file string
	var p newKey
	c := withCodigos(&cobra.Command{
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
		Args: withoutArguments,
		RunE: func(*cobra.Command, []string) error {
			file, err := keysFile(file)
			if err != nil {
				return err
			}
			k, err := p.entry(file)
			if err != nil {
				return err
			}
			return createKey(s, file, k)
		},
	}, codigosKeys())
	withFile(c, &file)
	c.Flags().StringVar(&p.name, "name", "", "quién usa la clave; `NOMBRE` único en el archivo")
	c.Flags().StringSliceVar(&p.rfcs, "rfc", nil, "los `RFC` que alcanza, separados por comas, o *")
	c.Flags().StringSliceVar(&p.alcances, "scope", []string{apikeys.All}, "lo que puede: `ALCANCES` separados por comas, o *")
	c.Flags().StringVar(&p.expire, "expires", "", "el último `DÍA` en que vale, 2026-12-31, o su último instante; si falta, no vence")
	c.Flags().StringSliceVar(&p.networks, "network", nil, "las `REDES` desde las que vale, 192.0.2.0/24; cuenta la dirección que se conecta, que detrás de un proxy es la suya")
	c.Flags().StringVar(&p.share, "shares", "", "`NOMBRE` de la clave con la que comparte webhooks, lotes, títulos y respuestas")
	ofList(c, "scope", append(apikeys.Scopes(), apikeys.All)...)
	return c
}

// newKey is a key as the options describe it.
type newKey struct {
	name, expire, share      string
	rfcs, alcances, networks []string
}

// entry returns the file's entry, or a fault in terms of the options.
func (p newKey) entry(file string) (apikeys.Key, error) {
	if err := p.check(); err != nil {
		return apikeys.Key{}, err
	}
	k := apikeys.Key{Name: p.name, RFCs: p.rfcs, Scopes: p.alcances}
	if p.expire != "" {
		last, err := fecha("--expires", p.expire, true)
		if err != nil {
			return k, err
		}
		k.Expires = last.Add(time.Second)
		if !k.Expires.After(time.Now()) {
			return k, badUse("--expires: %s ya pasó.", p.expire)
		}
	}
	for _, text := range p.networks {
		red, err := netip.ParsePrefix(text)
		if err != nil || red.Addr().Is4In6() {
			return k, badUse("--network: «%s» no es una red, como 192.0.2.0/24, 192.0.2.7/32 o 2001:db8::/48.", text)
		}
		k.Networks = append(k.Networks, red.Masked())
	}
	if p.share == "" {
		return k, nil
	}
	keys, err := apikeys.List(file)
	if err != nil {
		return k, noFile(err, file)
	}
	for _, other := range keys {
		if other.Name == p.share {
			k.Shares = other.Owner()
			return k, nil
		}
	}
	return k, fmt.Errorf("en %s no hay una clave llamada «%s»; «gateway keys list» dice cuáles hay", file, p.share)
}

func (p newKey) check() error {
	name, rfcs, alcances := p.name, p.rfcs, p.alcances
	switch {
	case name == "":
		return badUse("Falta --name, quién usa la clave.")
	case len(rfcs) == 0:
		return badUse("Falta --rfc, los RFC que alcanza la clave, o *.")
	case len(alcances) == 0:
		return badUse("--scope no dice ningún alcance.")
	}
	for _, rfc := range rfcs {
		if err := isRFC("--rfc", rfc, true); rfc != apikeys.All && err != nil {
			return err
		}
	}
	for _, alcance := range alcances {
		if err := oneOf("--scope", alcance, append(apikeys.Scopes(), apikeys.All)...); err != nil {
			return err
		}
	}
	return nil
}

func createKey(s Streams, file string, k apikeys.Key) error {
	key, digest, err := apikeys.Generate()
	if err != nil {
		return err
	}
	k.SHA256 = digest
	switch err := apikeys.Add(file, k); {
	case errors.Is(err, apikeys.ErrNameTaken):
		return fmt.Errorf("en %s ya hay una clave llamada «%s»; use otro --name, o retírela con «gateway keys revoke»", file, k.Name)
	case err != nil:
		return err
	}
	fmt.Fprintf(s.Err, "La clave de %s, que se muestra esta única vez; %s guarda solo su SHA-256:\n", k.Name, file) //nolint:errcheck // the key matters
	if _, err = fmt.Fprintln(s.Out, key); err != nil {
		// Nobody has seen the key, and its name would be taken.
		return errors.Join(fmt.Errorf("la clave no se pudo escribir, y no se creó: %w", err), apikeys.Remove(file, k.Name))
	}
	return nil
}

func keysListOrder(s Streams) *cobra.Command {
	var file string
	var inJSON bool
	c := withCodigos(&cobra.Command{
		Use:   "list",
		Short: "Dice qué claves hay, de quién son y qué pueden",
		Long:  `Dice qué claves hay en el archivo: de quién es cada una, qué RFC alcanza y para qué. Las claves no se muestran: el archivo no las tiene.`,
		Example: `  gateway keys list --file keys.json
  gateway keys list --file keys.json --json`,
		Args: withoutArguments,
		RunE: func(*cobra.Command, []string) error {
			file, err := keysFile(file)
			if err != nil {
				return err
			}
			keys, err := apikeys.List(file)
			if err != nil {
				return noFile(err, file)
			}
			if inJSON {
				return writeKeys(s, keys)
			}
			w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "NOMBRE\tRFC\tALCANCES\tVENCE\tREDES\tID\tCOMPARTE CON") //nolint:errcheck // Flush tells
			for _, f := range keysRows(keys) {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", f.Nombre, strings.Join(f.RFCs, ","), strings.Join(f.Alcances, ","), //nolint:errcheck // Flush tells
					cmp.Or(f.Vence, "-"), cmp.Or(strings.Join(f.Redes, ","), "-"), f.ID, cmp.Or(f.ComparteCon, "-"))
			}
			return w.Flush()
		},
	}, codigosKeys())
	withFile(c, &file)
	c.Flags().BoolVar(&inJSON, "json", false, "en JSON, para programas")
	return c
}

// keyRow is a key in a list. It omits the digest, which readers of a list do not need.
type keyRow struct {
	ID       string   `json:"id"`
	Nombre   string   `json:"nombre"`
	RFCs     []string `json:"rfcs"`
	Alcances []string `json:"alcances"`
	Vence    string   `json:"vence,omitempty"`
	Redes    []string `json:"redes,omitempty"`
	// ComparteCon is another key's id.
	ComparteCon string `json:"comparteCon,omitempty"`
}

func keysRows(keys []apikeys.Key) []keyRow {
	rows := make([]keyRow, len(keys))
	for i, k := range keys {
		rows[i] = keyRow{ID: k.ID, Nombre: k.Name, RFCs: k.RFCs, Alcances: k.Scopes, ComparteCon: k.Shares}
		if !k.Expires.IsZero() {
			rows[i].Vence = gateway.InMexico(k.Expires).Format(time.RFC3339)
		}
		for _, red := range k.Networks {
			rows[i].Redes = append(rows[i].Redes, red.String())
		}
	}
	return rows
}

func writeKeys(s Streams, keys []apikeys.Key) error {
	return writeJSON(s.Out, struct {
		Claves []keyRow `json:"claves"`
	}{keysRows(keys)})
}

func noFile(err error, file string) error {
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("no hay tal archivo de claves: %s", file)
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("%s no es un archivo de claves: %w", file, err)
	}
	return err
}

func keysRevokeOrder(s Streams) *cobra.Command {
	var file, name string
	c := withCodigos(&cobra.Command{
		Use:   "revoke",
		Short: "Retira una clave: deja de servir",
		Long: `Quita del archivo la clave de ese nombre. La pasarela que lo usa la rechaza desde la siguiente petición, sin reiniciarse, y
corta las respuestas que le esté mandando. Sus webhooks dejan de avisar. Las descargas que pidió siguen, también las
recurrentes, hasta que las cancele otra clave que alcance a su RFC. Lo suyo no pasa a otra clave, salvo a las que se crearon
con --shares.`,
		Example: `  gateway keys revoke --file keys.json --name erp`,
		Args:    withoutArguments,
		RunE: func(*cobra.Command, []string) error {
			file, err := keysFile(file)
			switch {
			case err != nil:
				return err
			case name == "":
				return badUse("Falta --name, el nombre de la clave; «gateway keys list» dice cuáles hay.")
			}
			switch err := apikeys.Remove(file, name); {
			case errors.Is(err, apikeys.ErrNoSuchKey):
				return fmt.Errorf("en %s no hay una clave llamada «%s»; «gateway keys list» dice cuáles hay", file, name)
			case err != nil:
				return noFile(err, file)
			}
			_, err = fmt.Fprintf(s.Out, "La clave de %s ya no sirve.\n", name)
			return err
		},
	}, codigosKeys())
	withFile(c, &file)
	c.Flags().StringVar(&name, "name", "", "`NOMBRE` de la clave")
	return c
}
