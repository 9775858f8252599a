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

// entry is one entry of a zip made by hand.
type entry struct {
	name    string
	content []byte
	change  func(*zip.FileHeader)
}

func pack(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		if e.change != nil {
			e.change(h)
		}
		w, err := z.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(e.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// checked reviews content by name, and gives the codes with their entries.
func checked(t testing.TB, content []byte, name string) (Revision, []string) {
	t.Helper()
	r, err := CheckFile(bytes.NewReader(content), int64(len(content)), name)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, p := range r.Problems {
		lines = append(lines, fmt.Sprintf("%s %s %s", p.Nivel, p.Archivo, p.Codigo))
	}
	return r, lines
}

func TestCheckFile_WhenWhole(t *testing.T) {
	xml := withFolio(t, "1").xml
	for name, tt := range map[string]struct {
		content []byte
		name    string
		want    Revision
	}{
		"one title":        {xml, "t.xml", Revision{Tipo: TipoXML, Titulos: 1, Documents: []Document{{"", "1"}}}},
		"with a BOM":       {append([]byte("\xEF\xBB\xBF \n"), xml[bytes.Index(xml, []byte("<Tit")):]...), "t.XML", Revision{Tipo: TipoXML, Titulos: 1, Documents: []Document{{"", "1"}}}},
		"three in a zip":   {lote(t, withFolio(t, "1"), withFolio(t, "2"), withFolio(t, "3")), "lote.Zip", Revision{Tipo: TipoZip, Titulos: 3, Documents: []Document{{"1.xml", "1"}, {"2.xml", "2"}, {"3.xml", "3"}}}},
		"name of 100":      {xml, strings.Repeat("Ñ", 96) + ".xml", Revision{Tipo: TipoXML, Titulos: 1, Documents: []Document{{"", "1"}}}},
		"stored":           {pack(t, entry{"a.xml", xml, func(h *zip.FileHeader) { h.Method = zip.Store }}), "l.zip", Revision{Tipo: TipoZip, Titulos: 1, Documents: []Document{{"a.xml", "1"}}}},
		"titles that fail": {[]byte("<TituloElectronico/>"), "t.xml", Revision{Tipo: TipoXML, Titulos: 1, Documents: []Document{{}}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := checked(t, tt.content, tt.name)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCheckFile_WhenNameOrKindIsWrong(t *testing.T) {
	xml := withFolio(t, "1").xml
	closed := lote(t, withFolio(t, "1"))
	b64 := func(b []byte) []byte { return []byte(base64.StdEncoding.EncodeToString(b)) }
	lines := bytes.Join([][]byte{b64(closed)[:76], b64(closed)[76:]}, []byte("\r\n"))
	for name, tt := range map[string]struct {
		content []byte
		name    string
		want    []string
	}{
		"zip called xml":            {closed, "t.xml", []string{"error  extension_no_corresponde"}},
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
		"zip in base64":             {b64(closed), "t.zip", []string{"error  en_base64"}},
		"zip in base64, in lines":   {lines, "t.zip", []string{"error  en_base64"}},
		"xml in base64":             {b64(xml), "t.xml", []string{"error  en_base64"}},
		"xml in a data URL":         {append([]byte("data:text/xml;base64,"), b64(xml)...), "t.xml", []string{"error  en_base64"}},
		"xml in base64url, quoted":  {[]byte(`"` + base64.RawURLEncoding.EncodeToString(xml) + `"`), "t.xml", []string{"error  en_base64"}},
		"small xml in base64":       {b64([]byte("<a/>")), "t.xml", []string{"error  en_base64"}},
		"zip in base64 twice":       {b64(b64(closed)), "t.zip", []string{"error  en_base64_doble"}},
		"xml in base64 twice":       {b64(b64(xml)), "t.xml", []string{"error  en_base64_doble"}},
		"lines in base64 once more": {b64(lines), "t.zip", []string{"error  en_base64_doble"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, got := checked(t, tt.content, tt.name)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCheckFile_WhenZipIsWrong(t *testing.T) {
	one, two := withFolio(t, "1").xml, withFolio(t, "2").xml
	whole := pack(t, entry{"a.xml", one, nil})
	for name, tt := range map[string]struct {
		content []byte
		want    []string
		titulos int
	}{
		"empty":               {pack(t), []string{"error  zip_vacio"}, 0},
		"folders only":        {pack(t, entry{name: "a/"}), []string{"aviso a/ zip_carpetas", "error  zip_vacio"}, 0},
		"titles in folders":   {pack(t, entry{"a/1.xml", one, nil}, entry{"b/2.xml", two, nil}), []string{"aviso a/1.xml zip_carpetas"}, 2},
		"entry not XML":       {pack(t, entry{"a.xml", one, nil}, entry{"b.pdf", two, nil}), []string{"error b.pdf entrada_no_xml"}, 1},
		"entry called XML":    {pack(t, entry{"a.xml", one, nil}, entry{"b.xml", []byte("%PDF"), nil}), []string{"error b.xml entrada_no_xml"}, 1},
		"zip in a zip":        {pack(t, entry{"a.xml", whole, nil}), []string{"error a.xml entrada_no_xml"}, 0},
		"another document":    {pack(t, entry{"a.xml", []byte("<cfdi/>"), nil}), []string{"error a.xml no_es_titulo"}, 0},
		"folio twice":         {pack(t, entry{"a.xml", one, nil}, entry{"b.xml", one, nil}), []string{"error b.xml folio_duplicado"}, 2},
		"no folio, twice":     {pack(t, entry{"a.xml", []byte("<TituloElectronico/>"), nil}, entry{"b.xml", []byte("<TituloElectronico/>"), nil}), nil, 2},
		"name twice":          {pack(t, entry{"a.xml", one, nil}, entry{"a.xml", two, nil}), []string{"error a.xml entrada_repetida"}, 1},
		"name out of it":      {pack(t, entry{"../a.xml", one, nil}), []string{"aviso ../a.xml zip_carpetas", "error ../a.xml nombre_invalido"}, 1},
		"password":            {marked(whole, 8, 1), []string{"error a.xml zip_cifrado"}, 0},
		"method":              {marked(whole, 10, 14), []string{"error a.xml zip_metodo"}, 0},
		"cut":                 {whole[:len(whole)-30], []string{"error  zip_danado"}, 0},
		"damaged":             {damaged(whole), []string{"error a.xml zip_danado"}, 0},
		"before the start":    {moved(whole), []string{"error a.xml zip_danado"}, 0},
		"entry too large":     {pack(t, entry{"a.xml", scrambled(maxTitulo + 1), nil}, entry{"b.xml", two, nil}), []string{"error a.xml demasiado_grande"}, 1},
		"bomb":                {pack(t, entry{"a.xml", make([]byte, 10<<20), nil}, entry{"b.xml", two, nil}), []string{"error a.xml zip_bomba"}, 0},
		"bomb that lies":      {marked(pack(t, entry{"a.xml", make([]byte, 10<<20), nil}), 24, 100), []string{"error a.xml zip_danado"}, 0},
		"small bombs":         {overlapping(t, 500), []string{"error 0052.xml zip_bomba"}, 52},
		"too many":            {pack(t, much(maxEntries+1)...), []string{"error  zip_demasiadas_entradas"}, 0},
		"directory too large": {pack(t, long(80)...), []string{"error  zip_demasiadas_entradas"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r, got := checked(t, tt.content, "l.zip")
			if diff := cmp.Diff(tt.want, got); diff != "" || r.Titulos != tt.titulos {
				t.Errorf("%d titles, want %d. %s", r.Titulos, tt.titulos, diff)
			}
		})
	}
}

// marked overwrites two bytes of the first header of the directory, which
// starts with its signature.
func marked(z []byte, en int, value uint16) []byte {
	z = bytes.Clone(z)
	i := bytes.LastIndex(z, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint16(z[i+en:], value)
	if en == 24 { // the opened size has four bytes
		binary.LittleEndian.PutUint16(z[i+en+2:], 0)
	}
	return z
}

// moved places the directory one byte further than it is, which archive/zip
// puts right by placing the first entry before the start of the file.
func moved(z []byte) []byte {
	z = bytes.Clone(z)
	en := z[bytes.LastIndex(z, []byte("PK\x05\x06"))+16:]
	binary.LittleEndian.PutUint32(en, binary.LittleEndian.Uint32(en)+1)
	return z
}

func damaged(z []byte) []byte {
	z = bytes.Clone(z)
	for i := 300; i < 320; i++ {
		z[i] ^= 0x55
	}
	return z
}

// scrambled is what does not compress.
func scrambled(n int) []byte {
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

// overlapping has n entries that share the data of one, none of which is over
// any bound by itself.
func overlapping(t *testing.T, n int) []byte {
	t.Helper()
	comment := bytes.Repeat([]byte(base64.StdEncoding.EncodeToString(scrambled(1<<10))), 40)
	one := pack(t, entry{"0000.xml", fmt.Appendf(nil, "<TituloElectronico/><!--%s-->", comment), nil})
	i, end := bytes.LastIndex(one, []byte("PK\x01\x02")), bytes.LastIndex(one, []byte("PK\x05\x06"))
	var b bytes.Buffer
	b.Write(one[:i])
	for k := range n {
		h := bytes.Clone(one[i:end])
		copy(h[46:], fmt.Sprintf("%04d.xml", k))
		b.Write(h)
	}
	queue := bytes.Clone(one[end:])
	binary.LittleEndian.PutUint16(queue[8:], uint16(n))
	binary.LittleEndian.PutUint16(queue[10:], uint16(n))
	binary.LittleEndian.PutUint32(queue[12:], uint32(b.Len()-i))
	b.Write(queue)
	return b.Bytes()
}

func much(n int) []entry {
	entries := make([]entry, n)
	for i := range entries {
		entries[i].change = func(h *zip.FileHeader) { h.Method = zip.Store }
	}
	return entries
}

func long(n int) []entry {
	entries := make([]entry, n)
	for i := range entries {
		entries[i] = entry{name: strings.Repeat("a", 60_000) + fmt.Sprint(i) + ".xml"}
	}
	return entries
}

func TestVerifyFile_WhenTitlesAreWrong(t *testing.T) {
	good := document(t, signed(t, EscapeFlat, func(e *Titulo) { e.FolioControl = "0000001" }))
	bad := bytes.Replace(document(t, signed(t, EscapeFlat, nil)), []byte("ANTONIO"), []byte("ANTONIA"), 1)
	closed := pack(t, entry{"a.xml", good, nil}, entry{"b.xml", bad, nil}, entry{"c.xml", []byte("<a/>"), nil})
	r, err := criterio().VerifyFile(bytes.NewReader(closed), int64(len(closed)), "l.zip")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range without(r.Problems, noise()...) {
		got = append(got, p.Archivo+" "+p.Ruta+" "+string(p.Codigo))
	}
	want := []string{"b.xml firmaResponsables/0/sello sello", "c.xml  no_es_titulo"}
	if diff := cmp.Diff(want, got); diff != "" || r.Titulos != 2 {
		t.Error(r.Titulos, diff)
	}
}

// failed fails from a certain offset on.
type failed struct {
	r     io.ReaderAt
	since int64
}

func (f failed) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.since {
		return 0, errBroken
	}
	return f.r.ReadAt(p, off)
}

func TestCheckFile_WhenReaderFails(t *testing.T) {
	for name, content := range map[string][]byte{
		"t.xml": append(withFolio(t, "1").xml, bytes.Repeat([]byte(" "), 2*head)...),
		"l.zip": pack(t, entry{"a.xml", scrambled(1 << 18), nil}, entry{"b.xml", scrambled(1 << 18), nil}),
	} {
		for _, since := range []int64{0, head, int64(len(content)) - 10} {
			if _, err := CheckFile(failed{bytes.NewReader(content), since}, int64(len(content)), name); !errors.Is(err, errBroken) {
				t.Errorf("%s broken from %d: %v", name, since, err)
			}
		}
		// Nor is a failure while reading the entries one of the zip.
		hole := holed{bytes.NewReader(content), head, int64(len(content)) - 2*head}
		if _, err := CheckFile(hole, int64(len(content)), name); !errors.Is(err, errBroken) {
			t.Errorf("%s with a hole: %v", name, err)
		}
	}
}

// holed fails in the middle.
type holed struct {
	r         io.ReaderAt
	de, until int64
}

func (a holed) ReadAt(p []byte, off int64) (int, error) {
	if off < a.until && off+int64(len(p)) > a.de {
		return 0, errBroken
	}
	return a.r.ReadAt(p, off)
}

// TestCheckFile_WhenLarge: memory must not grow with the size of the file,
// be what it holds titles or not.
func TestCheckFile_WhenLarge(t *testing.T) {
	comment := base64.StdEncoding.EncodeToString(scrambled(700 << 10))
	titulo := fmt.Appendf(withFolio(t, "1").xml, "<!--%s-->", comment)
	entries := []entry{{"a.xml", titulo, nil}, {"b.xml", titulo, nil}}
	uncompressed := func(h *zip.FileHeader) { h.Method = zip.Store }
	for i := range 64 {
		entries = append(entries, entry{fmt.Sprintf("%d.xml", i), scrambled(1 << 20), uncompressed})
	}
	content := pack(t, entries...)
	entries = entries[:0:0]
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, lines := checked(t, content, "l.zip")
	runtime.ReadMemStats(&after)
	if r.Titulos != 2 || len(lines) != 65 || len(entries) != 0 {
		t.Fatalf("%d titles, %v", r.Titulos, lines)
	}
	if uploaded := int64(after.TotalAlloc) - int64(before.TotalAlloc); uploaded > 32<<20 {
		t.Errorf("a zip of %d MiB took %d MiB", len(content)>>20, uploaded>>20)
	}
}
