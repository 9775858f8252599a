package cli

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pasarela-mx/pasarela/internal/sandbox/autoridad"
)

// The password is a canary: no output may hold it.
const canary = "Canario-ñ-4711"

var testAutoridad = sync.OnceValues(func() (*autoridad.Autoridad, error) { return autoridad.New(today) })

// RSA keys are slow to make, and which one is certified matters to one row alone.
var testLlave = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func issue(t *testing.T, p autoridad.Request) *autoridad.Emitido {
	t.Helper()
	a, err := testAutoridad()
	if err != nil {
		t.Fatal(err)
	}
	if p.RFC == "" {
		p.RFC, p.Name, p.CURP, p.RFCRepresentante = "PRU010101AB1", "PRUEBAS SA DE CV", "PEPJ800101MDFRRN03", "PEPJ800101AB5"
	}
	if p.Key == nil {
		if p.Key, err = testLlave(); err != nil {
			t.Fatal(err)
		}
	}
	p.Password = canary
	e, err := a.Issue(p)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// write makes a folder with files and returns where each is.
func write(t *testing.T, files map[string][]byte) func(string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return func(name string) string { return filepath.Join(dir, name) }
}

func inPEM(tipo string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: tipo, Bytes: der})
}

func damaged(b []byte) []byte {
	b = append([]byte(nil), b...)
	for i := len(b) / 2; i < len(b)/2+8; i++ {
		b[i] ^= 0xff
	}
	return b
}

// material is one of each thing that people mistake for each other.
type material struct {
	good, other, csd, expired, future, expiredCSD *autoridad.Emitido
	pfx, request, open, weak, weakCer             []byte
}

func newMaterial(t *testing.T) material {
	t.Helper()
	foreign, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	m := material{
		good: issue(t, autoridad.Request{}), other: issue(t, autoridad.Request{Key: foreign}), csd: issue(t, autoridad.Request{Tipo: autoridad.CSD}),
		expired:    issue(t, autoridad.Request{NotBefore: today.AddDate(-5, 0, 0), NotAfter: today.AddDate(0, 0, -3)}),
		expiredCSD: issue(t, autoridad.Request{Tipo: autoridad.CSD, NotBefore: today.AddDate(-5, 0, 0), NotAfter: today.AddDate(0, 0, -3)}),
		future:     issue(t, autoridad.Request{NotBefore: today.AddDate(0, 0, 2)}),
	}
	if m.pfx, err = m.good.PKCS12(); err != nil {
		t.Fatal(err)
	}
	if m.open, err = x509.MarshalPKCS8PrivateKey(m.good.Key); err != nil {
		t.Fatal(err)
	}
	if m.request, err = x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "x"}}, m.good.Key); err != nil {
		t.Fatal(err)
	}
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	weak := issue(t, autoridad.Request{RFC: "PEPJ800101AB5", Key: short})
	m.weakCer, m.weak = weak.CerDER, weak.KeyDER
	return m
}

func TestEFirmaCheck_WhenEachThingIsWrong(t *testing.T) {
	m := newMaterial(t)
	b := m.good
	for name, tt := range map[string]struct {
		cer, key []byte
		password string
		codigos  string // of the problems, in order
		avisos   string
		tipo     string
		want     string // in the text
	}{
		"good":                       {b.CerDER, b.KeyDER, canary, "", "emisor_desconocido emisor_sin_comprobar", "efirma", ": SIRVE\n"},
		"wrong password":             {b.CerDER, b.KeyDER, "otra", "password_incorrecto", "emisor_desconocido emisor_sin_comprobar", "efirma", "su contraseña no es correcta"},
		"no password":                {b.CerDER, b.KeyDER, "", "password_ausente", "emisor_desconocido emisor_sin_comprobar", "efirma", "está cifrada y falta"},
		"password with spaces":       {b.CerDER, b.KeyDER, " " + canary, "", "password_codificacion emisor_desconocido emisor_sin_comprobar", "efirma", "sin los espacios de sus extremos"},
		"files in the other's place": {b.KeyDER, b.CerDER, canary, "cer_ilegible", "emisor_desconocido emisor_sin_comprobar", "efirma", "Los archivos están al revés: e.cer es la llave y e.key el certificado"},
		"swapped, wrong password":    {b.KeyDER, b.CerDER, "otra", "cer_ilegible password_incorrecto", "emisor_desconocido emisor_sin_comprobar", "efirma", "al revés"},
		"key of another":             {b.CerDER, m.other.KeyDER, canary, "llave_no_corresponde", "emisor_desconocido emisor_sin_comprobar", "efirma", "no es la del certificado"},
		"a CSD":                      {m.csd.CerDER, m.csd.KeyDER, canary, "es_csd", "emisor_desconocido emisor_sin_comprobar", "csd", "use el .cer y el .key de la e.firma"},
		"a CSD, expired":             {m.expiredCSD.CerDER, m.expiredCSD.KeyDER, canary, "es_csd vencida", "emisor_desconocido emisor_sin_comprobar", "csd", "El certificado de sello digital (CSD) venció el 2026-02-26"},
		"expired":                    {m.expired.CerDER, m.expired.KeyDER, canary, "vencida", "emisor_desconocido emisor_sin_comprobar", "efirma", "venció el 2026-02-26"},
		"expired, wrong password":    {m.expired.CerDER, m.expired.KeyDER, "otra", "vencida password_incorrecto", "emisor_desconocido emisor_sin_comprobar", "efirma", "Renuévela en el SAT"},
		"not yet valid":              {m.future.CerDER, m.future.KeyDER, canary, "aun_no_vigente", "emisor_desconocido emisor_sin_comprobar", "efirma", "Revise también el reloj"},
		"damaged .cer":               {b.CerDER[:400], b.KeyDER, canary, "cer_ilegible", "", "", "No se puede leer el certificado (e.cer)"},
		"damaged .key":               {b.CerDER, b.KeyDER[:400], canary, "key_ilegible", "emisor_desconocido emisor_sin_comprobar", "efirma", "Use el .key tal como lo entregó el SAT"},
		"changed .key":               {b.CerDER, damaged(b.KeyDER), canary, "key_ilegible", "emisor_desconocido emisor_sin_comprobar", "efirma", "No se puede leer la llave (e.key)"},
		"both in PEM":                {inPEM("CERTIFICATE", b.CerDER), inPEM("ENCRYPTED PRIVATE KEY", b.KeyDER), canary, "", "pem pem emisor_desconocido emisor_sin_comprobar", "efirma", "está en PEM y el SAT lo entrega en DER"},
		"key not encrypted":          {b.CerDER, m.open, "", "", "llave_sin_cifrar emisor_desconocido emisor_sin_comprobar", "efirma", "quien tenga el archivo puede firmar"},
		"certificate twice":          {b.CerDER, b.CerDER, canary, "key_ilegible", "emisor_desconocido emisor_sin_comprobar", "efirma", "e.key es un certificado, y debía ser una llave privada"},
		"key twice":                  {b.KeyDER, b.KeyDER, canary, "cer_ilegible", "", "", "e.cer es una llave privada, y debía ser un certificado"},
		"PKCS#12 as .cer":            {m.pfx, b.KeyDER, canary, "cer_ilegible", "", "", "Dé ese archivo solo"},
		"a request as .cer":          {m.request, b.KeyDER, canary, "cer_ilegible", "", "", "requerimiento de certificado"},
		"empty .key":                 {b.CerDER, nil, canary, "key_ilegible", "emisor_desconocido emisor_sin_comprobar", "efirma", "e.key es un archivo vacío"},
		"too large":                  {make([]byte, 100<<10), b.KeyDER, canary, "demasiado_grande", "", "", "pasa de 64 KiB"},
		"weak":                       {m.weakCer, m.weak, canary, "llave_debil", "emisor_desconocido emisor_sin_comprobar", "efirma", "es de 1024 bits"},
		"an authority's certificate": {b0(t), b.KeyDER, canary, "no_es_efirma", "emisor_desconocido emisor_sin_comprobar", "otro", "autoridad certificadora"},
	} {
		t.Run(name, func(t *testing.T) {
			en := write(t, map[string][]byte{"e.cer": tt.cer, "e.key": tt.key})
			serve := tt.codigos == ""
			text := execute(t, tt.password+"\n", "efirma", "check", en("e.cer"), en("e.key"))
			inJSON := execute(t, tt.password+"\n", "efirma", "check", "--json", en("e.cer"), en("e.key"))
			for _, s := range []output{text, inJSON} {
				if (s.codigo == ExitOK) != serve || s.codigo > ExitFailed {
					t.Errorf("code %d: %+v", s.codigo, s)
				}
				withoutSecrets(t, s)
			}
			if !strings.Contains(text.out, tt.want) {
				t.Errorf("want %q in:\n%s", tt.want, text.out)
			}
			h := hallazgos(t, inJSON)[0]
			if h.Sirve != serve || codigosOf(h.Problemas) != tt.codigos || codigosOf(h.Avisos) != tt.avisos || h.Tipo != tt.tipo {
				t.Errorf("%+v", h)
			}
		})
	}
}

func TestEFirmaCheck_WhenTheAuthoritiesAreGiven(t *testing.T) {
	e := issue(t, autoridad.Request{})
	other, err := autoridad.New(today)
	if err != nil {
		t.Fatal(err)
	}
	en := write(t, map[string][]byte{
		"RFC/e.cer": e.CerDER, "RFC/e.key": e.KeyDER, "RFC/password.txt": []byte(canary),
		"suya.pem": inPEM("CERTIFICATE", b0(t)), "otra.pem": inPEM("CERTIFICATE", other.Certificate.Raw), "texto.pem": []byte("hola"),
	})
	if err := os.Rename(en("RFC"), en("PRU010101AB1")); err != nil {
		t.Fatal(err)
	}
	for file, tt := range map[string]struct {
		codigo int
		say    string // in the output, or in the error
		no     string
	}{
		"":          {ExitOK, "[emisor_sin_comprobar]", "emisor_no_reconocido"},
		"suya.pem":  {ExitOK, ": SIRVE", "emisor_sin_comprobar"},
		"otra.pem":  {ExitFailed, "no lleva su firma", "emisor_sin_comprobar"},
		"texto.pem": {ExitFailed, "GATEWAY_EFIRMA_CA_FILE: " + en("texto.pem") + ": no certificate of an authority", "SIRVE"},
		"no.pem":    {ExitFailed, "GATEWAY_EFIRMA_CA_FILE: open " + en("no.pem"), "SIRVE"},
	} {
		value := ""
		if file != "" {
			value = en(file)
		}
		t.Setenv("GATEWAY_EFIRMA_CA_FILE", value)
		for _, args := range [][]string{{en("PRU010101AB1")}, {en("PRU010101AB1/e.cer"), en("PRU010101AB1/e.key")}} {
			s := execute(t, canary, append([]string{"efirma", "check"}, args...)...)
			if s.codigo != tt.codigo || !strings.Contains(s.out+s.err, tt.say) || strings.Contains(s.out, tt.no) {
				t.Errorf("%q, %v: %+v", file, args, s)
			}
			withoutSecrets(t, s)
		}
	}
}

// PowerShell pipes and writes UTF-16; what reads a line gets half of its last character.
func TestEFirmaCheck_WhenThePasswordIsInUTF16(t *testing.T) {
	e := issue(t, autoridad.Request{})
	inUTF16 := []byte{0xff, 0xfe}
	for _, r := range canary + "\r\n" {
		inUTF16 = append(inUTF16, byte(r), byte(r>>8))
	}
	en := write(t, map[string][]byte{"e.cer": e.CerDER, "e.key": e.KeyDER, "clave.txt": inUTF16})
	for _, s := range []output{
		execute(t, string(inUTF16), "efirma", "check", en("e.cer"), en("e.key")),
		execute(t, "", "efirma", "check", en("e.cer"), en("e.key"), "--password-file", en("clave.txt")),
	} {
		if s.codigo != ExitOK || !strings.Contains(s.out, "el archivo se leyó como UTF-16. Otros programas") {
			t.Errorf("%+v", s)
		}
		withoutSecrets(t, s)
	}
}

// b0 is the authority's own certificate, which nobody signs with.
func b0(t *testing.T) []byte {
	t.Helper()
	a, err := testAutoridad()
	if err != nil {
		t.Fatal(err)
	}
	return a.Certificate.Raw
}

func withoutSecrets(t *testing.T, s output) {
	t.Helper()
	for _, secret := range []string{canary, "PRIVATE KEY", "MII"} {
		if strings.Contains(s.out+s.err, secret) {
			t.Errorf("the output holds %q", secret)
		}
	}
}

func hallazgos(t *testing.T, s output) []hallazgo {
	t.Helper()
	var list struct{ EFirmas []hallazgo }
	if err := json.Unmarshal([]byte(s.out), &list); err != nil || len(list.EFirmas) == 0 {
		t.Fatalf("%v: %+v", err, s)
	}
	return list.EFirmas
}

func codigosOf(notes []note) string {
	var codigos []string
	for _, n := range notes {
		codigos = append(codigos, n.Codigo)
		if n.Detalle == "" {
			codigos = append(codigos, "(unexplained)")
		}
	}
	return strings.Join(codigos, " ")
}

func TestEFirmaCheck_WhenGoodSaysWhoseAndUntilWhen(t *testing.T) {
	e := issue(t, autoridad.Request{RFC: "PRU010101AB1", Name: "PRUEBAS SA DE CV", CURP: "PEPJ800101MDFRRN03", RFCRepresentante: "PEPJ800101AB5",
		NotBefore: today.AddDate(-1, 0, 0), NotAfter: today.AddDate(0, 0, 20).Add(time.Hour)})
	en := write(t, map[string][]byte{"e.cer": e.CerDER, "e.key": e.KeyDER, "clave.txt": []byte("\ufeff" + canary + "\r\n")})
	s := execute(t, "", "efirma", "check", en("e.cer"), en("e.key"), "--password-file", en("clave.txt"))
	want := en("e.cer") + ", " + en("e.key") + `: SIRVE
  tipo           e.firma
  RFC            PRU010101AB1
  nombre         PRUEBAS SA DE CV
  representante  PEPJ800101AB5
  CURP           PEPJ800101MDFRRN03
  certificado    ` + autoridad.Serial(e.Certificate) + `
  emisor         AC SANDBOX PASARELA
  vigente desde  2025-03-01T18:00:00Z
  vigente hasta  2026-03-21T19:00:00Z (quedan 20 días)
  aviso          Lo emitió «AC SANDBOX PASARELA», que no es el SAT. Si no es un simulador, el SAT lo rechazará con 305. [emisor_desconocido]
  aviso          No se comprobó que lo haya emitido el SAT, solo que lo dice. Para comprobarlo sin conexión, configure GATEWAY_EFIRMA_CA_FILE. [emisor_sin_comprobar]
`
	if s.codigo != 0 || s.out != want || s.err != "" {
		t.Errorf("got:\n%s%s\nwant:\n%s", s.out, s.err, want)
	}
	for days, codigo := range map[string]int{"20": ExitOK, "21": ExitExpiresSoon} {
		if s := execute(t, canary, "efirma", "check", "--dias", days, "--json", en("e.cer"), en("e.key")); s.codigo != codigo || hallazgos(t, s)[0].VencePronto != (codigo == ExitExpiresSoon) {
			t.Errorf("--dias %s: %+v", days, s)
		}
	}
}

func TestEFirmaCheck_WhenPKCS12(t *testing.T) {
	m := newMaterial(t)
	en := write(t, map[string][]byte{"e.p12": m.pfx, "e.pfx": m.pfx[:200], "c.p12": m.good.CerDER, "vacio.p12": nil})
	for _, tt := range []struct{ file, password, codigos, want string }{
		{"e.p12", canary, "", ": SIRVE"},
		{"e.p12", "otra", "password_incorrecto", "no es correcta"},
		{"e.p12", "", "password_ausente", "falta su contraseña"},
		{"e.pfx", canary, "key_ilegible", "Expórtelo de nuevo"},
		{"c.p12", canary, "key_ilegible", "c.p12 es un certificado"},
		{"vacio.p12", canary, "key_ilegible", "vacío"},
	} {
		s := execute(t, tt.password, "efirma", "check", en(tt.file))
		j := execute(t, tt.password, "efirma", "check", "--json", en(tt.file))
		if (s.codigo == 0) != (tt.codigos == "") || !strings.Contains(s.out, tt.want) || codigosOf(hallazgos(t, j)[0].Problemas) != tt.codigos {
			t.Errorf("%s with %q: %+v", tt.file, tt.password, s)
		}
		withoutSecrets(t, s)
	}
}

func TestEFirmaCheck_WhenFolders(t *testing.T) {
	m := newMaterial(t)
	key := []byte(canary + "\n")
	en := write(t, map[string][]byte{
		"todas/PRU010101AB1/e.cer": m.good.CerDER, "todas/PRU010101AB1/e.key": m.good.KeyDER, "todas/PRU010101AB1/password.txt": key,
		"todas/PEPJ800101AB5/e.p12": m.pfx, "todas/PEPJ800101AB5/password.txt": key,
		"todas/XAX010101AB1/e.cer": m.good.CerDER,
		"todas/.oculta/e.cer":      nil, "todas/leame.txt": nil,
		"vacia/leame.txt": nil,
	})
	if err := os.Chmod(en("todas/PRU010101AB1/password.txt"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := execute(t, "", "efirma", "check", en("todas"))
	for _, want := range []string{
		en("todas/PRU010101AB1") + ": SIRVE\n", "[permisos]", en("todas/PEPJ800101AB5") + ": NO SIRVE\n", "La carpeta es de PEPJ800101AB5 y la e.firma que contiene es de PRU010101AB1",
		en("todas/XAX010101AB1") + ": NO SIRVE\n", "Falta el .key", "3 e.firmas: sirven 1 y no sirven 2.\n",
	} {
		if !strings.Contains(s.out, want) {
			t.Errorf("want %q in:\n%s", want, s.out)
		}
	}
	if s.codigo != ExitFailed {
		t.Errorf("code %d", s.codigo)
	}
	withoutSecrets(t, s)
	if s := execute(t, "", "efirma", "check", en("todas/PRU010101AB1")); s.codigo != 0 || strings.Count(s.out, "SIRVE") != 1 {
		t.Errorf("one folder: %+v", s)
	}
	t.Setenv("GATEWAY_EFIRMA_DIR", en("todas"))
	if s := execute(t, "", "efirma", "check"); !strings.Contains(s.out, "3 e.firmas") {
		t.Errorf("by the setting: %+v", s)
	}
	if s := execute(t, "", "efirma", "check", en("vacia")); s.codigo != ExitFailed || !strings.Contains(s.err, "no contiene ninguna e.firma") {
		t.Errorf("an empty one: %+v", s)
	}
}

func TestEFirmaCheck_WhenTheFilesAreNotThere(t *testing.T) {
	m := issue(t, autoridad.Request{})
	en := write(t, map[string][]byte{"e.cer": m.CerDER, "e.key": m.KeyDER})
	for _, tt := range []struct {
		codigo int
		want   string
		args   []string
	}{
		{2, "Diga qué revisar", nil},
		{2, "no basta: dé el .cer y el .key", []string{en("e.cer")}},
		{2, "Se dieron 3 archivos", []string{"a", "b", "c"}},
		{2, "--dias: -1 es menos que cero", []string{en("e.cer"), en("e.key"), "--dias", "-1"}},
		{1, "no existe " + en("no.cer"), []string{en("no.cer"), en("e.key")}},
		{1, "no existe " + en("no.key"), []string{en("e.cer"), en("no.key")}},
		{1, "no existe " + en("no"), []string{en("no")}},
		{1, "no existe " + en("clave"), []string{en("e.cer"), en("e.key"), "--password-file", en("clave")}},
	} {
		if s := execute(t, canary, append([]string{"efirma", "check"}, tt.args...)...); s.codigo != tt.codigo || !strings.Contains(s.err, tt.want) {
			t.Errorf("%q: %+v, want code %d and %q", tt.args, s, tt.codigo, tt.want)
		}
	}
}

// A daily task is to hear of the others, whatever one folder is like.
func TestEFirmaCheck_WhenAFolderCannotBeRead(t *testing.T) {
	good := newMaterial(t).good
	en := write(t, map[string][]byte{
		"AAA010101AAA/e.cer":        nil,
		"PRU010101AB1/e.cer":        good.CerDER,
		"PRU010101AB1/e.key":        good.KeyDER,
		"PRU010101AB1/password.txt": []byte(canary),
	})
	// A link to itself cannot be read by root either.
	if err := os.Symlink("bucle.key", en("AAA010101AAA/bucle.key")); err != nil {
		t.Fatal(err)
	}
	s := execute(t, "", "efirma", "check", "--json", en("."))
	h := hallazgos(t, s)
	if s.codigo != ExitFailed || len(h) != 2 || codigosOf(h[0].Problemas) != "no_encontrada" || h[0].Sirve || !h[1].Sirve {
		t.Errorf("%+v", s)
	}
}
