package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/config"
)

func TestExposures_WhenSomethingIsOpenToOthers(t *testing.T) {
	t.Parallel()
	folder := func(mode os.FileMode) string {
		path := filepath.Join(t.TempDir(), "folder")
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	closed := func() config.Config {
		return config.Config{Listen: "127.0.0.1:8080", AdminListen: "[::1]:9090", DataDir: folder(0o700), EfirmaDir: folder(0o750)}
	}
	for name, c := range map[string]struct {
		change func(*config.Config)
		want   string
	}{
		"nothing":             {func(*config.Config) {}, ""},
		"a folder to be made": {func(c *config.Config) { c.DataDir += "/none" }, ""},
		"a bucket":            {func(c *config.Config) { c.BlobURL = "s3://paquetes" }, ""},
		"the admin listener":  {func(c *config.Config) { c.AdminListen = "0.0.0.0:9090" }, "GATEWAY_ADMIN_LISTEN: the admin"},
		"the API":             {func(c *config.Config) { c.Listen = ":8080" }, "GATEWAY_LISTEN: the gateway ends no TLS"},
		"data, to read":       {func(c *config.Config) { c.DataDir = folder(0o755) }, "GATEWAY_DATA_DIR: others of this machine may enter"},
		"data, to write":      {func(c *config.Config) { c.DataDir = folder(0o777) }, "GATEWAY_DATA_DIR: others of this machine may write"},
		"e.firmas":            {func(c *config.Config) { c.EfirmaDir = folder(0o751) }, "GATEWAY_EFIRMA_DIR: others of this machine may enter"},
		"packages":            {func(c *config.Config) { c.BlobURL = "file://" + folder(0o705) }, "GATEWAY_BLOB_URL: others of this machine may enter"},
	} {
		cfg := closed()
		c.change(&cfg)
		got := exposures(cfg)
		if c.want == "" && len(got) != 0 || c.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], c.want)) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
