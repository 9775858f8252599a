// Package config is the only reader of the environment. One struct holds every setting.
// Every fault is reported at once, with its variable and the valid values. Secrets are
// given as paths of files, never as values.
package config

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/kelseyhightower/envconfig"
)

const (
	// minPaquete is a usual size of a metadata package.
	minPaquete = 1 << 20
	// minDiskFree is what SQLite writes for a few messages.
	minDiskFree = 1 << 20
)

// Prefix is the prefix of every variable.
const Prefix = "GATEWAY"

// Config holds every setting. docs/configuration.md is generated from the desc tags;
// upstreams.go explains upstream and sandbox.
type Config struct {
	Listen      string `default:"127.0.0.1:8080" desc:"Address of the API. Beyond loopback it needs GATEWAY_API_KEYS_FILE."`
	AdminListen string `split_words:"true" default:"127.0.0.1:9090" desc:"Address of /livez, /readyz, /metrics and the page /descargas. Not authenticated: keep it private."`
	// AdminNombres distinguish a proxy from DNS rebinding.
	AdminNombres []string `split_words:"true" desc:"Host names by which a proxy or Prometheus calls the admin listener, separated by commas. IP addresses, localhost, names without a dot, and those below .svc, .cluster.local and .internal need no mention."`
	DataDir      string   `split_words:"true" default:"./data" desc:"Directory of the ledger and the packages. One gateway at a time, also where gateways share a database."`
	DiscoLibre   Bytes    `split_words:"true" desc:"What stays free on the disk of the data directory, for the ledger (500MB, 2GiB): below it no package is fetched and no file is taken. Empty for 16MiB, or the sixteenth part of a smaller disk."`
	// DatabaseURL may contain a password; DatabasePasswordFile makes that unnecessary.
	DatabaseURL          Secret `split_words:"true" desc:"postgres://user@host:5432/database?sslmode=verify-full, to keep the ledger in PostgreSQL and share it among gateways. Empty for SQLite in the data directory."`
	DatabasePasswordFile string `split_words:"true" desc:"File that holds the database's password and nothing else."`
	BlobURL              string `split_words:"true" upstream:"-" desc:"Where whole packages are kept: file:///folder, which must exist, or s3://bucket?region=…; empty for the folder paquetes of GATEWAY_DATA_DIR, but with GATEWAY_DATABASE_URL, which needs it: a start without it is refused."`
	APIKeysFile          string `split_words:"true" desc:"File of the API keys, made by 'gateway keys create'. Without it only a loopback listener starts."`
	EfirmaDir            string `split_words:"true" desc:"Directory of the e.firmas: one folder per RFC with its .cer, .key and password.txt (or .p12/.pfx and password.txt)."`
	// EfirmaCAFile is not downloaded by the gateway: the operator decides whom to trust.
	EfirmaCAFile string `split_words:"true" desc:"File with the certificates of the authorities that issue e.firmas (those that the SAT publishes), in PEM or DER, one after the other. With it, an e.firma that none of them issued is refused; without it, the issuer is not checked."`
	CAFile       string `split_words:"true" desc:"PEM file of certificate authorities to trust, beside the system's, for upstream https."`
	LogLevel     string `split_words:"true" default:"info" desc:"debug, info, warn or error."`
	LogFormat    string `split_words:"true" default:"json" desc:"json, or console for people."`
	// ShutdownTimeout bounds the running requests and downloads at the end.
	ShutdownTimeout Duration `split_words:"true" default:"5m" desc:"How long running requests and downloads may take to finish when the gateway is told to stop."`
	Descargas       Descargas
	SinSalida       string `split_words:"true" desc:"Address on this machine that stands for all the systems, for trials and restores: http://127.0.0.1:8081 of a sandbox, or https://127.0.0.1:9, where nobody listens. With it nothing is sent to a system elsewhere, and an address that is elsewhere keeps the gateway from starting. Empty in production."`
	SAT             SAT
	SEP             SEP
	PADE            PADE
	SecretsKeyFile  string `split_words:"true" desc:"File of the key that seals what callers entrust to the gateway, as webhook secrets: 32 bytes in base64 (openssl rand -base64 32). Without it, secretos.key is made in GATEWAY_DATA_DIR."`
	Webhooks        Webhooks
}

// Webhooks holds the settings of the messages to callers' own systems.
type Webhooks struct {
	CAFile   string   `split_words:"true" desc:"PEM file of certificate authorities to trust, beside the system's, for receivers."`
	Puertos  []uint16 `default:"443" desc:"Ports of receivers, separated by commas."`
	Privados bool     `default:"false" desc:"true lets webhooks go to this machine and to private networks, by http and on any port: for tests and for receivers in your own network. Whoever holds an API key with the scope webhooks can then reach them."`
}

// Descargas holds the settings of durable downloads.
type Descargas struct {
	SondeoMinimo Duration `split_words:"true" default:"1m" desc:"First wait between two questions to the SAT about a solicitud; it grows by half each time."`
	SondeoMaximo Duration `split_words:"true" default:"15m" desc:"Longest wait between two questions to the SAT."`
	Retencion    Duration `default:"0s" desc:"How long the packages of a descarga are kept after its end; 0s for ever. The SAT does not serve them again."`
}

// PADE holds the settings of the PAC Prodigia's services. The first is documented without
// TLS and given here with it, like the second (pade.md §2.1).
type PADE struct {
	Addendas PADEServicio `upstream:"https://timbrado.pade.mx/PadeServ/IntegracionAddendas" sandbox:"/pade/addendas"`
	Firmado  PADEServicio `upstream:"https://facturacion.pade.mx/PadeFirmadoApp-war/FirmarContrato" sandbox:"/pade/firmado"`
	Contrato string       `desc:"Contract code with Prodigia."`
	Usuario  string       `desc:"User of the account with Prodigia."`
	// PasswordFile and Ambiente complete the account.
	PasswordFile string `split_words:"true" desc:"File that holds the account's password and nothing else."`
	Ambiente     string `default:"pruebas" desc:"pruebas, or produccion: without it no real signature (modoPrueba false) leaves."`
}

// PADEServicio is one of the PAC's services.
type PADEServicio struct {
	URL       string `upstream:"{}" sandbox:"{}" desc:"Address of the service."`
	Namespace string `desc:"Its target namespace; empty to read it from the service's own WSDL at first use."`
}

// SEP holds the settings of the SEP's title service. Its account is used unless a caller
// sends its own.
type SEP struct {
	URL          string `upstream:"https://met.sep.gob.mx/met-ws/services/" sandbox:"/sep/services/" desc:"Address of the title service. For tests with the SEP: https://metqa.siged.sep.gob.mx/met-ws/services/"`
	Usuario      string `desc:"User of the account."`
	PasswordFile string `split_words:"true" desc:"File that holds the account's password and nothing else."`
	CatalogosDir string `split_words:"true" desc:"Directory of cargos.csv and others, whose entries (id,texto) are added to the catalogues of titles or replace theirs."`
}

// SAT holds the settings of the SAT's services.
type SAT struct {
	Firma       string   `default:"sobre" desc:"What the signature covers: sobre (the wrapper, family A) or solicitud (the request node, family B)."`
	CFDI        Servicio `upstream:"cfdi" sandbox:"/cfdi"`
	Retenciones Servicio `upstream:"reten" sandbox:"/retenciones"`
	// PaqueteMaximo is the operator's own limit, not the SAT's.
	PaqueteMaximo Bytes `split_words:"true" default:"4GiB" desc:"How large a package may be (500MB, 4GiB). Of a larger one nothing is kept, and it is not asked for a second time until the limit is raised."`
}

// Servicio holds the addresses of one family (document 0 of v1.5).
type Servicio struct {
	AutenticaURL string `split_words:"true" upstream:"https://{}descargamasivasolicitud.clouda.sat.gob.mx/Autenticacion/Autenticacion.svc" sandbox:"{}/Autenticacion/Autenticacion.svc" desc:"Address of Autentica."`
	SolicitaURL  string `split_words:"true" upstream:"https://{}descargamasivasolicitud.clouda.sat.gob.mx/SolicitaDescargaService.svc" sandbox:"{}/SolicitaDescargaService.svc" desc:"Address of SolicitaDescarga*."`
	VerificaURL  string `split_words:"true" upstream:"https://{}descargamasivasolicitud.clouda.sat.gob.mx/VerificaSolicitudDescargaService.svc" sandbox:"{}/VerificaSolicitudDescargaService.svc" desc:"Address of VerificaSolicitudDescarga."`
	DescargaURL  string `split_words:"true" upstream:"https://{}descargamasiva.clouda.sat.gob.mx/DescargaMasivaService.svc" sandbox:"{}/DescargaMasivaService.svc" desc:"Address of Descargar."`
}

// Load reads the environment. The error lists every fault.
func Load() (Config, error) {
	var c Config
	err := errors.Join(unknown(os.Environ()), envconfig.Process(Prefix, &c))
	c, errAddressed := c.Addressed()
	return c, errors.Join(err, errAddressed, c.Check())
}

// Check returns every fault of c, joined.
func (c Config) Check() error {
	return errors.Join(
		address("GATEWAY_LISTEN", c.Listen),
		address("GATEWAY_ADMIN_LISTEN", c.AdminListen),
		hostNames("GATEWAY_ADMIN_NOMBRES", c.AdminNombres),
		oneOf("GATEWAY_LOG_LEVEL", c.LogLevel, "debug", "info", "warn", "error"),
		oneOf("GATEWAY_LOG_FORMAT", c.LogFormat, "json", "console"),
		oneOf("GATEWAY_SAT_FIRMA", c.SAT.Firma, "sobre", "solicitud"),
		size("GATEWAY_DISCO_LIBRE", c.DiscoLibre, minDiskFree),
		size("GATEWAY_SAT_PAQUETE_MAXIMO", c.SAT.PaqueteMaximo, minPaquete),
		c.exposed(),
		required("GATEWAY_DATA_DIR", c.DataDir),
		c.database(),
		shared(c.DatabaseURL != "", c.BlobURL),
		storage("GATEWAY_BLOB_URL", c.BlobURL),
		directory("GATEWAY_EFIRMA_DIR", c.EfirmaDir),
		positive("GATEWAY_SHUTDOWN_TIMEOUT", c.ShutdownTimeout),
		positive("GATEWAY_DESCARGAS_SONDEO_MINIMO", c.Descargas.SondeoMinimo),
		positive("GATEWAY_DESCARGAS_SONDEO_MAXIMO", c.Descargas.SondeoMaximo),
		c.Descargas.check(),
		directory("GATEWAY_SEP_CATALOGOS_DIR", c.SEP.CatalogosDir),
		together("GATEWAY_SEP_USUARIO", c.SEP.Usuario, "GATEWAY_SEP_PASSWORD_FILE", c.SEP.PasswordFile),
		together("GATEWAY_PADE_USUARIO", c.PADE.Usuario, "GATEWAY_PADE_PASSWORD_FILE", c.PADE.PasswordFile),
		oneOf("GATEWAY_PADE_AMBIENTE", c.PADE.Ambiente, "pruebas", "produccion"),
		ports("GATEWAY_WEBHOOKS_PUERTOS", c.Webhooks.Puertos),
		c.upstreams(),
	)
}

// exposed refuses to listen where others can reach the gateway if there are no keys.
func (c Config) exposed() error {
	if c.APIKeysFile != "" || Loopback(c.Listen) {
		return nil
	}
	return fmt.Errorf("GATEWAY_LISTEN: %s is reachable from beyond this machine and there are no API keys: "+
		"create some with 'gateway keys create' and set GATEWAY_API_KEYS_FILE, or listen on 127.0.0.1", c.Listen)
}

// Loopback reports whether addr, as host:port, is reachable from this machine only.
func Loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func address(name, value string) error {
	if _, _, err := net.SplitHostPort(value); err != nil {
		return fmt.Errorf("%s: %q is not host:port", name, value)
	}
	return nil
}

// hostNames requires plain names: with a wrong one, people would be locked out.
func hostNames(name string, values []string) error {
	for _, v := range values {
		if v == "" || strings.ContainsAny(v, "/:* \t") {
			return fmt.Errorf("%s: %q is not a host name, without scheme, port or path", name, v)
		}
	}
	return nil
}

func oneOf(name, value string, valid ...string) error {
	if slices.Contains(valid, value) {
		return nil
	}
	return fmt.Errorf("%s: %q is not one of %s", name, value, strings.Join(valid, ", "))
}

func required(name, value string) error {
	if value == "" {
		return fmt.Errorf("%s: must not be empty", name)
	}
	return nil
}

// Duration is a time.Duration that keeps its fault for Check, because envconfig stops at
// the first fault.
type Duration struct {
	time.Duration
	fault bool
}

// Decode implements envconfig.Decoder.
func (d *Duration) Decode(value string) error {
	var err error
	d.Duration, err = time.ParseDuration(value)
	d.fault = err != nil
	return nil
}

func (d Descargas) check() error {
	var faults []error
	if d.SondeoMaximo.Duration < d.SondeoMinimo.Duration {
		faults = append(faults, errors.New("GATEWAY_DESCARGAS_SONDEO_MAXIMO: shorter than GATEWAY_DESCARGAS_SONDEO_MINIMO"))
	}
	if d.Retencion.fault || d.Retencion.Duration < 0 {
		faults = append(faults, errors.New("GATEWAY_DESCARGAS_RETENCION: not a duration such as 0s or 2160h"))
	}
	return errors.Join(faults...)
}

func together(name, value, other, otherValue string) error {
	if (value == "") != (otherValue == "") {
		return fmt.Errorf("%s and %s: set both or neither", name, other)
	}
	return nil
}

func positive(name string, value Duration) error {
	if value.fault || value.Duration <= 0 {
		return fmt.Errorf("%s: not a positive duration such as 90s or 5m", name)
	}
	return nil
}

func ports(name string, values []uint16) error {
	if slices.Contains(values, 0) {
		return fmt.Errorf("%s: 0 is no port", name)
	}
	return nil
}

func directory(name, value string) error {
	if value == "" {
		return nil
	}
	if info, err := os.Stat(value); err != nil || !info.IsDir() {
		return fmt.Errorf("%s: %s is not a directory that can be read", name, value)
	}
	return nil
}
