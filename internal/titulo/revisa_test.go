package titulo

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// entrada is one entry of a zip made by hand.
type entrada struct {
	nombre    string
	contenido []byte
	cambia    func(*zip.FileHeader)
}

func empaca(t testing.TB, entradas ...entrada) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range entradas {
		h := &zip.FileHeader{Name: e.nombre, Method: zip.Deflate}
		if e.cambia != nil {
			e.cambia(h)
		}
		w, err := z.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(e.contenido); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// revisado reviews content by name, and gives the codes with their entries.
func revisado(t testing.TB, contenido []byte, nombre string) (Revision, []string) {
	t.Helper()
	r, err := RevisaArchivo(bytes.NewReader(contenido), int64(len(contenido)), nombre)
	if err != nil {
		t.Fatal(err)
	}
	var lineas []string
	for _, p := range r.Problemas {
		lineas = append(lineas, fmt.Sprintf("%s %s %s", p.Nivel, p.Archivo, p.Codigo))
	}
	return r, lineas
}

func TestRevisaArchivo_WhenWhole(t *testing.T) {
	xml := conFolio(t, "1").xml
	for name, tt := range map[string]struct {
		contenido []byte
		nombre    string
		want      Revision
	}{
		"one title":        {xml, "t.xml", Revision{Tipo: TipoXML, Titulos: 1, Documentos: []Documento{{"", "1"}}}},
		"with a BOM":       {append([]byte("\xEF\xBB\xBF \n"), xml[bytes.Index(xml, []byte("<Tit")):]...), "t.XML", Revision{Tipo: TipoXML, Titulos: 1, Documentos: []Documento{{"", "1"}}}},
		"three in a zip":   {lote(t, conFolio(t, "1"), conFolio(t, "2"), conFolio(t, "3")), "lote.Zip", Revision{Tipo: TipoZip, Titulos: 3, Documentos: []Documento{{"1.xml", "1"}, {"2.xml", "2"}, {"3.xml", "3"}}}},
		"name of 100":      {xml, strings.Repeat("Ñ", 96) + ".xml", Revision{Tipo: TipoXML, Titulos: 1, Documentos: []Documento{{"", "1"}}}},
		"stored":           {empaca(t, entrada{"a.xml", xml, func(h *zip.FileHeader) { h.Method = zip.Store }}), "l.zip", Revision{Tipo: TipoZip, Titulos: 1, Documentos: []Documento{{"a.xml", "1"}}}},
		"titles that fail": {[]byte("<TituloElectronico/>"), "t.xml", Revision{Tipo: TipoXML, Titulos: 1, Documentos: []Documento{{}}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := revisado(t, tt.contenido, tt.nombre)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRevisaArchivo_WhenNameOrKindIsWrong(t *testing.T) {
	xml := conFolio(t, "1").xml
	cerrado := lote(t, conFolio(t, "1"))
	b64 := func(b []byte) []byte { return []byte(base64.StdEncoding.EncodeToString(b)) }
	lineas := bytes.Join([][]byte{b64(cerrado)[:76], b64(cerrado)[76:]}, []byte("\r\n"))
	for name, tt := range map[string]struct {
		contenido []byte
		nombre    string
		want      []string
	}{
		"zip called xml":            {cerrado, "t.xml", []string{"error  extension_no_corresponde"}},
		"xml called zip":            {xml, "t.zip", []string{"error  extension_no_corresponde"}},
		"no extension":              {xml, "titulo", []string{"error  extension"}},
		"another extension":         {xml, "t.txt", []string{"error  extension"}},
		"no name":                   {xml, "", []string{"error  nombre_longitud", "error  extension"}},
		"name of 101":               {xml, strings.Repeat("a", 97) + ".xml", []string{"error  nombre_longitud"}},
		"name with a folder":        {xml, "a/t.xml", []string{"error  nombre_invalido"}},
		"name with a line":          {xml, "a\n.xml", []string{"error  nombre_invalido"}},
		"empty":                     {nil, "t.xml", []string{"error  archivo_vacio"}},
		"blank":                     {[]byte(" \n"), "t.xml", []string{"error  archivo_vacio"}},
		"PDF":                       {[]byte("%PDF-1.7 ..."), "t.xml", []string{"error  contenido_desconocido"}},
		"words that are base64":     {[]byte("hola"), "t.xml", []string{"error  contenido_desconocido"}},
		"HTML":                      {[]byte("<html><body/></html>"), "t.xml", []string{"error  no_es_titulo"}},
		"broken XML":                {xml[:200], "t.xml", []string{"error  xml_ilegible"}},
		"XML too large":             {append(xml, make([]byte, maxTitulo)...), "t.xml", []string{"error  demasiado_grande"}},
		"UTF-16":                    {[]byte("\xFF\xFE<\x00"), "t.xml", []string{"error  codificacion"}},
		"zip in base64":             {b64(cerrado), "t.zip", []string{"error  en_base64"}},
		"zip in base64, in lines":   {lineas, "t.zip", []string{"error  en_base64"}},
		"xml in base64":             {b64(xml), "t.xml", []string{"error  en_base64"}},
		"xml in a data URL":         {append([]byte("data:text/xml;base64,"), b64(xml)...), "t.xml", []string{"error  en_base64"}},
		"xml in base64url, quoted":  {[]byte(`"` + base64.RawURLEncoding.EncodeToString(xml) + `"`), "t.xml", []string{"error  en_base64"}},
		"small xml in base64":       {b64([]byte("<a/>")), "t.xml", []string{"error  en_base64"}},
		"zip in base64 twice":       {b64(b64(cerrado)), "t.zip", []string{"error  en_base64_doble"}},
		"xml in base64 twice":       {b64(b64(xml)), "t.xml", []string{"error  en_base64_doble"}},
		"lines in base64 once more": {b64(lineas), "t.zip", []string{"error  en_base64_doble"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, got := revisado(t, tt.contenido, tt.nombre)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRevisaArchivo_WhenZipIsWrong(t *testing.T) {
	uno, dos := conFolio(t, "1").xml, conFolio(t, "2").xml
	entero := empaca(t, entrada{"a.xml", uno, nil})
	for name, tt := range map[string]struct {
		contenido []byte
		want      []string
		titulos   int
	}{
		"empty":               {empaca(t), []string{"error  zip_vacio"}, 0},
		"folders only":        {empaca(t, entrada{nombre: "a/"}), []string{"aviso a/ zip_carpetas", "error  zip_vacio"}, 0},
		"titles in folders":   {empaca(t, entrada{"a/1.xml", uno, nil}, entrada{"b/2.xml", dos, nil}), []string{"aviso a/1.xml zip_carpetas"}, 2},
		"entry not XML":       {empaca(t, entrada{"a.xml", uno, nil}, entrada{"b.pdf", dos, nil}), []string{"error b.pdf entrada_no_xml"}, 1},
		"entry called XML":    {empaca(t, entrada{"a.xml", uno, nil}, entrada{"b.xml", []byte("%PDF"), nil}), []string{"error b.xml entrada_no_xml"}, 1},
		"zip in a zip":        {empaca(t, entrada{"a.xml", entero, nil}), []string{"error a.xml entrada_no_xml"}, 0},
		"another document":    {empaca(t, entrada{"a.xml", []byte("<cfdi/>"), nil}), []string{"error a.xml no_es_titulo"}, 0},
		"folio twice":         {empaca(t, entrada{"a.xml", uno, nil}, entrada{"b.xml", uno, nil}), []string{"error b.xml folio_duplicado"}, 2},
		"no folio, twice":     {empaca(t, entrada{"a.xml", []byte("<TituloElectronico/>"), nil}, entrada{"b.xml", []byte("<TituloElectronico/>"), nil}), nil, 2},
		"name twice":          {empaca(t, entrada{"a.xml", uno, nil}, entrada{"a.xml", dos, nil}), []string{"error a.xml entrada_repetida"}, 1},
		"name out of it":      {empaca(t, entrada{"../a.xml", uno, nil}), []string{"aviso ../a.xml zip_carpetas", "error ../a.xml nombre_invalido"}, 1},
		"password":            {marcado(entero, 8, 1), []string{"error a.xml zip_cifrado"}, 0},
		"method":              {marcado(entero, 10, 14), []string{"error a.xml zip_metodo"}, 0},
		"cut":                 {entero[:len(entero)-30], []string{"error  zip_danado"}, 0},
		"damaged":             {danado(entero), []string{"error a.xml zip_danado"}, 0},
		"before the start":    {movido(entero), []string{"error a.xml zip_danado"}, 0},
		"entry too large":     {empaca(t, entrada{"a.xml", revuelto(maxTitulo + 1), nil}, entrada{"b.xml", dos, nil}), []string{"error a.xml demasiado_grande"}, 1},
		"bomb":                {empaca(t, entrada{"a.xml", make([]byte, 10<<20), nil}, entrada{"b.xml", dos, nil}), []string{"error a.xml zip_bomba"}, 0},
		"bomb that lies":      {marcado(empaca(t, entrada{"a.xml", make([]byte, 10<<20), nil}), 24, 100), []string{"error a.xml zip_danado"}, 0},
		"small bombs":         {superpuesto(t, 500), []string{"error 0052.xml zip_bomba"}, 52},
		"too many":            {empaca(t, muchas(maxEntradas+1)...), []string{"error  zip_demasiadas_entradas"}, 0},
		"directory too large": {empaca(t, largas(80)...), []string{"error  zip_demasiadas_entradas"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r, got := revisado(t, tt.contenido, "l.zip")
			if diff := cmp.Diff(tt.want, got); diff != "" || r.Titulos != tt.titulos {
				t.Errorf("%d titles, want %d. %s", r.Titulos, tt.titulos, diff)
			}
		})
	}
}

// marcado overwrites two bytes of the first header of the directory, which
// starts with its signature.
func marcado(z []byte, en int, valor uint16) []byte {
	z = bytes.Clone(z)
	i := bytes.LastIndex(z, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint16(z[i+en:], valor)
	if en == 24 { // the opened size has four bytes
		binary.LittleEndian.PutUint16(z[i+en+2:], 0)
	}
	return z
}

// movido places the directory one byte further than it is, which archive/zip
// puts right by placing the first entry before the start of the file.
func movido(z []byte) []byte {
	z = bytes.Clone(z)
	en := z[bytes.LastIndex(z, []byte("PK\x05\x06"))+16:]
	binary.LittleEndian.PutUint32(en, binary.LittleEndian.Uint32(en)+1)
	return z
}

func danado(z []byte) []byte {
	z = bytes.Clone(z)
	for i := 300; i < 320; i++ {
		z[i] ^= 0x55
	}
	return z
}

// revuelto is what does not compress.
func revuelto(n int) []byte {
	b := make([]byte, n)
	x := uint32(2463534242)
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = byte(x)
	}
	return b
}

// superpuesto has n entries that share the data of one, none of which is over
// any bound by itself.
func superpuesto(t *testing.T, n int) []byte {
	t.Helper()
	comentario := bytes.Repeat([]byte(base64.StdEncoding.EncodeToString(revuelto(1<<10))), 40)
	uno := empaca(t, entrada{"0000.xml", fmt.Appendf(nil, "<TituloElectronico/><!--%s-->", comentario), nil})
	i, fin := bytes.LastIndex(uno, []byte("PK\x01\x02")), bytes.LastIndex(uno, []byte("PK\x05\x06"))
	var b bytes.Buffer
	b.Write(uno[:i])
	for k := range n {
		h := bytes.Clone(uno[i:fin])
		copy(h[46:], fmt.Sprintf("%04d.xml", k))
		b.Write(h)
	}
	cola := bytes.Clone(uno[fin:])
	binary.LittleEndian.PutUint16(cola[8:], uint16(n))
	binary.LittleEndian.PutUint16(cola[10:], uint16(n))
	binary.LittleEndian.PutUint32(cola[12:], uint32(b.Len()-i))
	b.Write(cola)
	return b.Bytes()
}

func muchas(n int) []entrada {
	entradas := make([]entrada, n)
	for i := range entradas {
		entradas[i].cambia = func(h *zip.FileHeader) { h.Method = zip.Store }
	}
	return entradas
}

func largas(n int) []entrada {
	entradas := make([]entrada, n)
	for i := range entradas {
		entradas[i] = entrada{nombre: strings.Repeat("a", 60_000) + fmt.Sprint(i) + ".xml"}
	}
	return entradas
}

func TestVerificaArchivo_WhenTitlesAreWrong(t *testing.T) {
	bueno := documento(t, firmado(t, EscapePlano, func(e *Titulo) { e.FolioControl = "0000001" }))
	malo := bytes.Replace(documento(t, firmado(t, EscapePlano, nil)), []byte("ANTONIO"), []byte("ANTONIA"), 1)
	cerrado := empaca(t, entrada{"a.xml", bueno, nil}, entrada{"b.xml", malo, nil}, entrada{"c.xml", []byte("<a/>"), nil})
	r, err := criterio().VerificaArchivo(bytes.NewReader(cerrado), int64(len(cerrado)), "l.zip")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range sin(r.Problemas, ruido()...) {
		got = append(got, p.Archivo+" "+p.Ruta+" "+string(p.Codigo))
	}
	want := []string{"b.xml firmaResponsables/0/sello sello", "c.xml  no_es_titulo"}
	if diff := cmp.Diff(want, got); diff != "" || r.Titulos != 2 {
		t.Error(r.Titulos, diff)
	}
}

// fallido fails from a certain offset on.
type fallido struct {
	r     io.ReaderAt
	desde int64
}

func (f fallido) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.desde {
		return 0, errRoto
	}
	return f.r.ReadAt(p, off)
}

func TestRevisaArchivo_WhenReaderFails(t *testing.T) {
	for nombre, contenido := range map[string][]byte{
		"t.xml": append(conFolio(t, "1").xml, bytes.Repeat([]byte(" "), 2*cabeza)...),
		"l.zip": empaca(t, entrada{"a.xml", revuelto(1 << 18), nil}, entrada{"b.xml", revuelto(1 << 18), nil}),
	} {
		for _, desde := range []int64{0, cabeza, int64(len(contenido)) - 10} {
			if _, err := RevisaArchivo(fallido{bytes.NewReader(contenido), desde}, int64(len(contenido)), nombre); !errors.Is(err, errRoto) {
				t.Errorf("%s broken from %d: %v", nombre, desde, err)
			}
		}
		// Nor is a failure while reading the entries one of the zip.
		agujero := agujereado{bytes.NewReader(contenido), cabeza, int64(len(contenido)) - 2*cabeza}
		if _, err := RevisaArchivo(agujero, int64(len(contenido)), nombre); !errors.Is(err, errRoto) {
			t.Errorf("%s with a hole: %v", nombre, err)
		}
	}
}

// agujereado fails in the middle.
type agujereado struct {
	r         io.ReaderAt
	de, hasta int64
}

func (a agujereado) ReadAt(p []byte, off int64) (int, error) {
	if off < a.hasta && off+int64(len(p)) > a.de {
		return 0, errRoto
	}
	return a.r.ReadAt(p, off)
}

// TestRevisaArchivo_WhenLarge: memory must not grow with the size of the file,
// be what it holds titles or not.
func TestRevisaArchivo_WhenLarge(t *testing.T) {
	comentario := base64.StdEncoding.EncodeToString(revuelto(700 << 10))
	titulo := fmt.Appendf(conFolio(t, "1").xml, "<!--%s-->", comentario)
	entradas := []entrada{{"a.xml", titulo, nil}, {"b.xml", titulo, nil}}
	sinComprimir := func(h *zip.FileHeader) { h.Method = zip.Store }
	for i := range 64 {
		entradas = append(entradas, entrada{fmt.Sprintf("%d.xml", i), revuelto(1 << 20), sinComprimir})
	}
	contenido := empaca(t, entradas...)
	entradas = entradas[:0:0]
	runtime.GC()
	var antes, despues runtime.MemStats
	runtime.ReadMemStats(&antes)
	r, lineas := revisado(t, contenido, "l.zip")
	runtime.ReadMemStats(&despues)
	if r.Titulos != 2 || len(lineas) != 65 || len(entradas) != 0 {
		t.Fatalf("%d titles, %v", r.Titulos, lineas)
	}
	if subio := int64(despues.TotalAlloc) - int64(antes.TotalAlloc); subio > 32<<20 {
		t.Errorf("a zip of %d MiB took %d MiB", len(contenido)>>20, subio>>20)
	}
}
