// Package app wires the gateway together and runs it. It is the only place that
// knows every part; it holds no logic of theirs.
package app

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/pasarela-mx/pasarela/api"
	"github.com/pasarela-mx/pasarela/internal/apikeys"
	"github.com/pasarela-mx/pasarela/internal/blobs"
	"github.com/pasarela-mx/pasarela/internal/clock"
	"github.com/pasarela-mx/pasarela/internal/cluster"
	"github.com/pasarela-mx/pasarela/internal/config"
	"github.com/pasarela-mx/pasarela/internal/efirma"
	"github.com/pasarela-mx/pasarela/internal/gateway"
	"github.com/pasarela-mx/pasarela/internal/handlers"
	"github.com/pasarela-mx/pasarela/internal/ledger"
	"github.com/pasarela-mx/pasarela/internal/pade"
	"github.com/pasarela-mx/pasarela/internal/pade/firmado"
	"github.com/pasarela-mx/pasarela/internal/queue"
	"github.com/pasarela-mx/pasarela/internal/sat"
	"github.com/pasarela-mx/pasarela/internal/sat/descargas"
	"github.com/pasarela-mx/pasarela/internal/sat/paquetes"
	"github.com/pasarela-mx/pasarela/internal/secretfile"
	"github.com/pasarela-mx/pasarela/internal/sep"
	"github.com/pasarela-mx/pasarela/internal/sep/lotes"
	"github.com/pasarela-mx/pasarela/internal/sep/titulo"
	"github.com/pasarela-mx/pasarela/internal/signing"
	"github.com/pasarela-mx/pasarela/internal/soap/transport"
	"github.com/pasarela-mx/pasarela/internal/store"
	"github.com/pasarela-mx/pasarela/internal/telemetry"
	"github.com/pasarela-mx/pasarela/internal/webhooks"
)

// Options is what Run takes beside the configuration.
type Options struct {
	Log     zerolog.Logger
	Version string
	Now     func() time.Time
	// Monotonic counts on when Now is set; nil takes the reading that Now's times carry.
	Monotonic func() time.Duration
	// Cluster varies the pace at which gateways on one database watch each other;
	// the zero value is the usual one. Its clock is not Now: it has to be monotonic.
	Cluster cluster.Options
	// Queue varies the pace of the job queue; the zero value is the usual one.
	Queue Queue
	// Step is called at named points of a durable download; tests stop the process
	// there. Nil in production.
	Step func(point string)
	// Key is the one key that opens the API, in place of those of the file, which
	// go on saying whom webhooks may tell; nil for those of the file.
	Key *apikeys.Key
	// Started is called once both listeners accept connections.
	Started func(api, admin net.Addr)
}

// Queue is the pace of the job queue: how often it is looked into, and the time
// between the rounds that take over what was left.
type Queue struct{ Poll, EveryRonda time.Duration }

// App is the wired gateway.
type App struct {
	cfg      config.Config
	opts     Options
	store    *store.Store
	clock    *clock.Clock
	present  *cluster.Cluster
	ledger   *ledger.Ledger
	depot    *blobs.Depot
	paquetes *paquetes.Vault
	metrics  *telemetry.Metrics
	efirmas  *efirma.Keyring
	webhooks *webhooks.Servicio
	base     http.RoundTripper
	api      http.Handler
	// keys is nil where no file is configured.
	keys *apikeys.Ring

	descargas *descargas.Engine
	view      *descargas.View
	reading   *descargas.Reading
	jobQueue  *queue.Queue
	// stopped is closed when the gateway stops, so that streams end and nothing begins.
	stopped chan struct{}
}

// Run serves until ctx ends, then lets running requests and downloads finish
// for as long as the configuration allows.
func Run(ctx context.Context, cfg config.Config, opts Options) (err error) {
	a, err := New(ctx, cfg, opts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	// Until nothing is under way any more, others must see that this one lives.
	defer a.escort(ctx)()
	a.work()
	// It has stopped with the listeners, unless they did not come about.
	cut, cancel := context.WithCancel(context.Background())
	cancel()
	return errors.Join(a.serve(ctx), a.jobQueue.Stop(cut))
}

// saldo is the time between attempts to write outcomes that the database did not
// take when they came.
const saldo = 5 * time.Second

// escort runs what goes on beside the requests, until the returned function is
// called.
func (a *App) escort(ctx context.Context) func() {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() { a.present.Run(ctx) })
	wg.Go(func() { a.asksTheTime(ctx) })
	wg.Go(func() { a.watchKeys(ctx) })
	wg.Go(func() {
		a.store.Run(ctx, func(err error) { a.opts.Log.Error().Err(err).Msg("the mark beside the database stays behind") })
	})
	wg.Go(func() {
		ticker := time.NewTicker(saldo)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				a.ledger.Settle(ctx)
			}
		}
	})
	return func() {
		// The last moment for what the database would not take and now may: without it
		// what the system answered is unknown to the next start.
		last, end := context.WithTimeout(ctx, saldo)
		a.ledger.Settle(last)
		end()
		cancel()
		wg.Wait()
	}
}

// close releases what New has opened. What is under way was waited for before,
// or is cut.
func (a *App) close() error {
	cut, cancel := context.WithCancel(context.Background())
	cancel()
	var err error
	if a.paquetes != nil {
		// It says that something was cut only where nothing was waited for.
		_ = a.paquetes.Close(cut)
	}
	if a.depot != nil {
		err = a.depot.Close()
	}
	if a.store != nil {
		err = errors.Join(err, a.store.Close())
	}
	return err
}

// contract is read once, however many gateways a process starts; tests start
// hundreds.
var contract = sync.OnceValues(func() (*handlers.Spec, error) { return handlers.LoadSpec(api.Spec) })

// sepCatalogos are the SEP's, with the operator's entries if dir has any.
func sepCatalogos(dir string) ([]titulo.Catalogo, error) {
	if dir == "" {
		return titulo.Catalogos(), nil
	}
	all, err := titulo.CatalogosWith(os.DirFS(dir))
	if err != nil {
		return nil, fmt.Errorf("GATEWAY_SEP_CATALOGOS_DIR: %w", err)
	}
	return all, nil
}

// New wires the parts. Close what it returns.
func New(ctx context.Context, cfg config.Config, opts Options) (_ *App, err error) {
	// Half of a start is the reading of the contract: it goes on beside the database's
	// opening, and published waits for it.
	go contract() //nolint:errcheck // publicado gets the error
	keys, efirmas, err := identities(cfg, opts)
	if err != nil {
		return nil, err
	}
	base, err := upstream(cfg.CAFile, cfg.SinSalida != "")
	catalogos, errCatalogos := sepCatalogos(cfg.SEP.CatalogosDir)
	place, errPlace := storeConfig(cfg, opts)
	if err := errors.Join(err, errCatalogos, errPlace); err != nil {
		return nil, err
	}
	a := &App{
		cfg:     cfg,
		opts:    opts,
		efirmas: efirmas,
		keys:    keys,
		metrics: telemetry.NewMetrics(opts.Version),
		stopped: make(chan struct{}),
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close())
		}
	}()
	if err := a.openStore(ctx, place); err != nil {
		return nil, err
	}
	cuenta, cuentaPAC, err := accounts(cfg)
	if err != nil {
		return nil, err
	}
	if err := a.openClock(ctx, base); err != nil {
		return nil, err
	}
	doer := transport.New(base, "pasarela/"+opts.Version, opts.Now, a.metrics.Upstream(opts.Log))
	doer.OnDate(a.hears)
	backend := sat.New(satConfig(cfg, opts, a.metrics), doer, efirmas)
	opts.Cluster.Log = opts.Log
	a.present = cluster.New(a.store, opts.Cluster)
	if err := a.present.Enter(ctx); err != nil {
		return nil, err
	}
	if err := a.openPaquetes(ctx, backend); err != nil {
		return nil, err
	}
	a.ledger = ledger.New(a.store.Attempts, a.store.Titulos, a.present)
	pac := pade.New(pade.Config{Addendas: pade.Endpoint(cfg.PADE.Addendas), Signed: pade.Endpoint(cfg.PADE.Firmado)}, doer, base)
	a.jobQueue = queue.New(opts.Log)
	if err := a.openWebhooks(); err != nil {
		return nil, err
	}
	spec, pages, err := published()
	if err != nil {
		return nil, err
	}
	solicitudes := descargas.NewSolicitudes(backend, a.ledger, opts.Now)
	a.openDescargas(backend, solicitudes)
	a.watch(pac)
	criterio := titulo.NewCriterio(catalogos, opts.Now)
	a.api = handlers.New(handlers.Config{
		SAT:         backend,
		Solicitudes: solicitudes,
		Paquetes:    a.paquetes,
		Stopping:    a.stopped,
		Engine:      a.descargas,
		Descargas:   a.view,
		Reading:     a.reading,
		Lotes:       lotes.New(sep.New(cfg.SEP.URL, doer), a.ledger, efirmas, criterio, a.store.Folder),
		CuentaSEP:   cuenta,
		Addendas:    pac,
		Signed:      firmado.New(pac, a.ledger, cfg.PADE.Ambiente == "produccion"),
		Keyring:     efirmas,
		CuentaPADE:  cuentaPAC,
		CuentasPADE: pac,
		Webhooks:    a.webhooks,
		EFirmas:     efirmas.List,
		Keys:        a.findKey(),
		Spec:        spec,
		Docs:        pages,
		Log:         opts.Log,
		Now:         opts.Now,
		Observe:     a.metrics.Request,
	})
	return a, nil
}

// storeConfig says where the store is, for serve and migrate alike.
func storeConfig(cfg config.Config, opts Options) (store.Config, error) {
	key, err := password("GATEWAY_DATABASE_PASSWORD_FILE", cfg.DatabasePasswordFile)
	return store.Config{Dir: cfg.DataDir, Free: cfg.DiscoLibre.N, DatabaseURL: cfg.Database(key), Now: opts.Now,
		Notify: func(text string) { opts.Log.Warn().Msg(text) }}, err
}

// openStore opens the storage of packages, and the ledger, whose second mark may be there.
func (a *App) openStore(ctx context.Context, place store.Config) (err error) {
	if a.depot, err = openDepot(ctx, a.cfg); err != nil {
		return err
	}
	place.Outside = outside(a.cfg, a.depot)
	if a.store, err = store.Open(ctx, place); err != nil {
		return err
	}
	if from, to := a.store.Version(); from != to {
		a.opts.Log.Info().Int64("from", from).Int64("to", to).Bool("postgres", a.store.Postgres()).Msg("the database was brought up to date")
	}
	return nil
}

// openDepot opens the storage of packages.
func openDepot(ctx context.Context, cfg config.Config) (*blobs.Depot, error) {
	setting := "GATEWAY_BLOB_URL"
	if cfg.BlobURL == "" {
		setting = "GATEWAY_DATA_DIR"
	}
	depot, err := blobs.Open(ctx, cfg.BlobURL, filepath.Join(cfg.DataDir, "paquetes"))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", setting, err)
	}
	return depot, nil
}

// outside is where the ledger has a second mark: the storage of packages, where that is
// not the data directory itself.
func outside(cfg config.Config, d *blobs.Depot) store.Outside {
	if cfg.BlobURL == "" {
		return nil
	}
	return d
}

// openPaquetes opens what fetches packages into their storage.
func (a *App) openPaquetes(ctx context.Context, sat gateway.Downloader) (err error) {
	a.paquetes, err = paquetes.Open(ctx, paquetes.Config{
		SAT: sat,
		Store: paquetes.Rows{
			Paquetes: a.store.Paquetes,
			Blobs:    a.store.Blobs,
			Folder:   a.store.Folder,
		},
		Depot:    a.depot,
		Max:      a.cfg.SAT.PaqueteMaximo.N,
		Cluster:  a.present,
		Log:      a.opts.Log,
		Readable: descargas.Readable,
		Step:     a.opts.Step,
	})
	return err
}

func satConfig(cfg config.Config, opts Options, metrics *telemetry.Metrics) sat.Config {
	endpoints := func(s config.Servicio) sat.Endpoints {
		return sat.Endpoints{Authenticate: s.AutenticaURL, Request: s.SolicitaURL, Verify: s.VerificaURL, Descarga: s.DescargaURL}
	}
	family := signing.FamilyEnvelope
	if cfg.SAT.Firma == "solicitud" {
		family = signing.FamilySolicitud
	}
	return sat.Config{Family: family, Now: opts.Now, OnToken: metrics.Token, Endpoints: map[gateway.Servicio]sat.Endpoints{
		gateway.CFDI: endpoints(cfg.SAT.CFDI), gateway.Retenciones: endpoints(cfg.SAT.Retenciones),
	}}
}

// accounts reads the passwords of the configured accounts.
func accounts(cfg config.Config) (gateway.CuentaSEP, gateway.CuentaPADE, error) {
	sepPassword, err1 := password("GATEWAY_SEP_PASSWORD_FILE", cfg.SEP.PasswordFile)
	padePassword, err2 := password("GATEWAY_PADE_PASSWORD_FILE", cfg.PADE.PasswordFile)
	return gateway.CuentaSEP{User: cfg.SEP.Usuario, Password: sepPassword},
		gateway.CuentaPADE{Contrato: cfg.PADE.Contrato, User: cfg.PADE.Usuario, Password: padePassword}, errors.Join(err1, err2)
}

func password(setting, file string) (string, error) {
	if file == "" {
		return "", nil
	}
	text, err := secretfile.Read(file)
	if err != nil {
		return "", fmt.Errorf("%s: %w", setting, err)
	}
	return text, nil
}

// identities returns who may call and who is signed for.
func identities(cfg config.Config, opts Options) (*apikeys.Ring, *efirma.Keyring, error) {
	keys, err := openKeys(cfg, opts)
	if err != nil {
		return nil, nil, err
	}
	autoridades, err := efirma.ReadAutoridades(cfg.EfirmaCAFile)
	if err != nil {
		return nil, nil, fmt.Errorf("GATEWAY_EFIRMA_CA_FILE: %w", err)
	}
	return keys, efirma.NewKeyring(cfg.EfirmaDir, autoridades, opts.Now), nil
}

// openKeys returns the API keys, nil where no file is configured.
func openKeys(cfg config.Config, opts Options) (*apikeys.Ring, error) {
	if cfg.APIKeysFile == "" {
		return nil, nil
	}
	ring, err := apikeys.Open(cfg.APIKeysFile, opts.Now, func(f apikeys.Fault) {
		if f.Err == nil {
			opts.Log.Info().Msg("the file of API keys is good again")
			return
		}
		opts.Log.Error().Err(f.Err).Dur("since", f.Since).Bool("closed", f.Closed).Msg("the file of API keys is at fault")
	})
	if err != nil {
		return nil, fmt.Errorf("GATEWAY_API_KEYS_FILE: %w", err)
	}
	return ring, nil
}

// The connections to the systems: kept alive, many per host, no proxy surprises
// beyond the environment's.
const (
	dialTimeout  = 10 * time.Second
	tlsTimeout   = 10 * time.Second
	idleTimeout  = 90 * time.Second
	idlePerHost  = 64
	writeBuffer  = 16 << 10
	readBuffer   = 64 << 10
	headerBounds = 64 << 10
)

// authorities are the system's and those of a file, if there is one.
func authorities(setting, caFile string) (*x509.CertPool, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if caFile != "" {
		pem, err := os.ReadFile(caFile) //nolint:gosec // the operator's own setting
		if err != nil {
			return nil, fmt.Errorf("%s: %w", setting, err)
		}
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: %s holds no PEM certificate", setting, caFile)
		}
	}
	return roots, nil
}

// upstream connects to the systems; withoutOutput, to those on this machine alone.
func upstream(caFile string, withoutOutput bool) (http.RoundTripper, error) {
	roots, err := authorities("GATEWAY_CA_FILE", caFile)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	proxy := http.ProxyFromEnvironment
	if withoutOutput {
		// The settings were checked already. This is for what they do not show: where a
		// name leads to, and a proxy on this machine that goes further.
		dialer.Control, proxy = stays, nil
	}
	return &http.Transport{
		Proxy:                  proxy,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    tlsTimeout,
		MaxIdleConns:           4 * idlePerHost,
		MaxIdleConnsPerHost:    idlePerHost,
		IdleConnTimeout:        idleTimeout,
		WriteBufferSize:        writeBuffer,
		ReadBufferSize:         readBuffer,
		MaxResponseHeaderBytes: headerBounds,
	}, nil
}

// stays refuses to connect beyond this machine; address is what a name was resolved to.
func stays(_, address string, _ syscall.RawConn) error {
	if config.Loopback(address) {
		return nil
	}
	return fmt.Errorf("GATEWAY_SIN_SALIDA: %s is not on this machine", address)
}
