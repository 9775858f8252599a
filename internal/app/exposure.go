package app

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/pasarela-mx/pasarela/internal/config"
)

// exposures says what a configuration leaves open to others that is legal, and that
// whoever operates it should know at the start.
func exposures(cfg config.Config) []string {
	var all []string
	if !config.Loopback(cfg.AdminListen) {
		all = append(all, "GATEWAY_ADMIN_LISTEN: the admin listener asks nobody who they are and is reachable beyond this machine: let only Prometheus and operators reach "+cfg.AdminListen)
	}
	if !config.Loopback(cfg.Listen) {
		all = append(all, "GATEWAY_LISTEN: the gateway ends no TLS and is reachable beyond this machine: API keys and invoices cross the network in the clear unless a proxy in front of "+cfg.Listen+" encrypts them")
	}
	folders := []struct{ setting, path string }{{"GATEWAY_DATA_DIR", cfg.DataDir}, {"GATEWAY_EFIRMA_DIR", cfg.EfirmaDir}}
	if path, ok := strings.CutPrefix(cfg.BlobURL, "file://"); ok {
		folders = append(folders, struct{ setting, path string }{"GATEWAY_BLOB_URL", path})
	}
	for _, f := range folders {
		if text := loose(f.path); text != "" {
			all = append(all, f.setting+": "+text)
		}
	}
	return all
}

// loose says what others of this machine may do in a folder; nothing of one that is not there.
func loose(folder string) string {
	info, err := os.Stat(folder)
	if folder == "" || err != nil || runtime.GOOS == "windows" { // whose modes say nothing
		return ""
	}
	mode := info.Mode().Perm()
	switch {
	case mode&0o002 != 0:
		return fmt.Sprintf("others of this machine may write to %s (mode %04o): use 0700, or 0750 for a group that reads it", folder, mode)
	case mode&0o007 != 0:
		return fmt.Sprintf("others of this machine may enter %s (mode %04o): use 0700, or 0750 for a group that reads it", folder, mode)
	}
	return ""
}
