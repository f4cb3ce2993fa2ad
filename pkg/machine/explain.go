package machine

import (
	"path"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/nodekiln/nodekiln/pkg/plan"
)

// Explain tells where a path of a machine comes from: the parts of its configuration that write it, the lowest first.
// The last is the one that is in effect, and with directories and units the others are merged below it. There are none
// where the machine's configuration does not write the path, and it is the base's if it is there at all.
func (c *Configurer) Explain(m plan.Machine, file string) ([]string, error) {
	layers, err := c.layers(m)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, l := range layers {
		if what := writes(l.config, path.Clean(file)); what != "" {
			out = append(out, l.origin+": "+what)
		}
	}
	return out, nil
}

// unitDir is where Ignition puts units.
const unitDir = "/etc/systemd/system"

// writes tells as what a config writes a path, "" if it does not.
func writes(cfg types.Config, file string) string {
	for _, f := range cfg.Storage.Files {
		if f.Path == file {
			return "file"
		}
	}
	for _, d := range cfg.Storage.Directories {
		if d.Path == file {
			return "directory"
		}
	}
	for _, l := range cfg.Storage.Links {
		if l.Path == file {
			return "link"
		}
	}
	for _, u := range cfg.Systemd.Units {
		if what := unitWrites(u, file); what != "" {
			return what
		}
	}
	return ""
}

func unitWrites(u types.Unit, file string) string {
	at := path.Join(unitDir, u.Name)
	switch {
	case file == at && u.Mask != nil && *u.Mask:
		return "masked unit"
	case file == at && u.Contents != nil:
		return "unit"
	case strings.HasSuffix(file, ".wants/"+u.Name) && u.Enabled != nil:
		return "state of a unit"
	}
	for _, d := range u.Dropins {
		if file == path.Join(at+".d", d.Name) {
			return "drop-in"
		}
	}
	return ""
}
