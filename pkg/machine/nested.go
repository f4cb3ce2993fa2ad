package machine

import (
	"errors"
	"fmt"
	"path"

	"github.com/coreos/ignition/v2/config/v3_4/types"
)

// checkNested reports paths that are no directories although something would be below them, each with the first that is:
// on the machine the one or the other would be missing.
func checkNested(cfg types.Config, layers []layer) error {
	kinds, paths := map[string]string{}, []string(nil)
	for _, f := range cfg.Storage.Files {
		kinds[f.Path], paths = "file", append(paths, f.Path)
	}
	for _, l := range cfg.Storage.Links {
		kinds[l.Path], paths = "link", append(paths, l.Path)
	}
	for _, d := range cfg.Storage.Directories {
		paths = append(paths, d.Path)
	}
	for _, u := range cfg.Systemd.Units {
		paths = append(paths, path.Join(unitDir, u.Name))
	}
	var errs []error
	reported := map[string]bool{}
	for _, p := range paths {
		for dir := path.Dir(p); dir != "/" && dir != "."; dir = path.Dir(dir) {
			if kind := kinds[dir]; kind != "" && !reported[dir] {
				reported[dir] = true
				errs = append(errs, fmt.Errorf("%s is a %s (%s), and %s (%s) would be below it", dir, kind, origin(layers, dir), p, origin(layers, p)))
			}
		}
	}
	return errors.Join(errs...)
}

// origin tells which layer has the last word on a path.
func origin(layers []layer, file string) string {
	last := ""
	for _, l := range layers {
		if writes(l.config, file) != "" {
			last = l.origin
		}
	}
	return last
}
