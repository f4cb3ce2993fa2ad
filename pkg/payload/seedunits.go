package payload

import (
	"path"
	"slices"
	"strings"

	"github.com/coreos/ignition/v2/config/util"
	"github.com/coreos/ignition/v2/config/v3_4/types"
)

// readersOf names the units that read what is below a directory once, when they start. They have done so when the
// seed's files come.
func readersOf() [5]struct{ dir, unit string } {
	return [...]struct{ dir, unit string }{
		{"/etc/modules-load.d/", "systemd-modules-load.service"},
		{"/etc/sysctl.d/", "systemd-sysctl.service"},
		{"/etc/systemd/journald.conf.d/", "systemd-journald.service"},
		{"/etc/systemd/resolved.conf.d/", "systemd-resolved.service"},
		{"/etc/systemd/timesyncd.conf.d/", "systemd-timesyncd.service"},
	}
}

// noteReader remembers the unit that has to read a file of that path.
func (s *seed) noteReader(p string) {
	for _, r := range readersOf() {
		if strings.HasPrefix(p, r.dir) && !slices.Contains(s.readers, r.unit) {
			s.readers = append(s.readers, r.unit)
		}
	}
}

// each gives the command that has systemctl(1) do something to each unit, whether the image has it or not.
func each(command string, units []string) []string {
	return shell("for unit; do systemctl "+command+` "$unit" || :; done`, units...)
}

// unitSets are units by what systemctl(1) is to do with them.
type unitSets struct {
	masked, unmasked, enabled, disabled []string
	// changed are units that are written or extended, and not enabled.
	changed []string
}

// units writes units and brings them into their state: in runcmd, when all files are there.
func (s *seed) units(cfg types.Config) error {
	var sets unitSets
	for _, u := range cfg.Systemd.Units {
		s.writeUnit(u)
		switch written := str(u.Contents) != "" || len(u.Dropins) > 0; {
		case util.IsTrue(u.Mask):
			sets.masked = append(sets.masked, u.Name)
			// Unlike systemctl this replaces a unit file, too.
			s.run("ln", "-sfT", maskTarget, "/"+path.Join(unitDir, u.Name))
		case util.IsTrue(u.Enabled):
			sets.enabled = append(sets.enabled, u.Name)
		case util.IsFalse(u.Enabled):
			sets.disabled = append(sets.disabled, u.Name)
		case written:
			sets.changed = append(sets.changed, u.Name)
		}
		if util.IsFalse(u.Mask) {
			sets.unmasked = append(sets.unmasked, u.Name)
		}
	}
	s.held = slices.Concat(sets.masked, sets.disabled, sets.enabled)
	s.apply(sets)
	return nil
}

// writeUnit writes a unit and its drop-ins, but not those without contents.
func (s *seed) writeUnit(u types.Unit) {
	at := "/" + path.Join(unitDir, u.Name)
	if str(u.Contents) != "" && !util.IsTrue(u.Mask) {
		s.write(types.File{Node: types.Node{Path: at, Overwrite: util.BoolToPtr(true)}}, []byte(*u.Contents))
	}
	for _, d := range u.Dropins {
		if d.Contents != nil {
			s.write(types.File{Node: types.Node{Path: path.Join(at+".d", d.Name)}}, []byte(*d.Contents))
		}
	}
}

func (s *seed) apply(sets unitSets) {
	if len(s.readers) > 0 {
		s.run(each("try-restart", s.readers)...)
	}
	if len(sets.unmasked) > 0 {
		s.run(append([]string{"systemctl", "unmask"}, sets.unmasked...)...)
	}
	s.run("systemctl", "daemon-reload")
	if len(sets.masked) > 0 {
		s.run(each("stop", sets.masked)...)
	}
	if len(sets.disabled) > 0 {
		s.run(each("disable --now", sets.disabled)...)
	}
	// Nothing waits for a unit here: one may be ready only when its peers are, or be ordered after cloud-init. A unit that
	// the image started with other files is restarted, any other is started.
	if len(sets.changed) > 0 {
		s.run(each("--no-block try-restart", sets.changed)...)
	}
	if len(sets.enabled) > 0 {
		s.run(append([]string{"systemctl", "enable"}, sets.enabled...)...)
		s.run(append([]string{"systemctl", "--no-block", "restart"}, sets.enabled...)...)
	}
}
