package build

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/nodekiln/nodekiln/pkg/plan"
)

// goldenPattern tells a base by the name that goldenName gives, from a machine that is called so.
var goldenPattern = regexp.MustCompile(`^golden-[0-9a-f]{12}\.qcow2$`)

// tidy removes the bases of earlier builds, and gives the names of images that the manifest does not have: of machines
// that the cluster has no more, or of another form. They are not nodekiln's to remove, and each may be an overlay, so as
// long as there is one all bases stay.
func (s *staging) tidy(m *Manifest) (left []string, err error) {
	var described []string
	for _, machine := range m.Machines {
		described = append(described, machine.File, machine.Backing)
	}
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("look for images of earlier builds: %w", err)
	}
	var bases []string
	for _, e := range entries {
		name := e.Name()
		switch ext := filepath.Ext(name); {
		case ext != ".qcow2" && ext != ".raw" || slices.Contains(described, name):
		case goldenPattern.MatchString(name):
			bases = append(bases, name)
		default:
			left = append(left, name)
		}
	}
	if len(left) > 0 {
		return left, nil
	}
	for _, name := range bases {
		if err := os.Remove(filepath.Join(s.dir, name)); err != nil {
			return nil, fmt.Errorf("remove the base of an earlier build: %w", err)
		}
	}
	return nil, nil
}

// leftRendered gives the names of directories that hold what was rendered for a machine, and for none of these. They are
// not nodekiln's to remove: the directory may be that of several clusters.
func (s *staging) leftRendered(machines []plan.Machine) (left []string, err error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("look for machines that were rendered earlier: %w", err)
	}
	for _, e := range entries {
		if s.rendered(e.Name()) && !slices.ContainsFunc(machines, func(m plan.Machine) bool { return m.Name == e.Name() }) {
			left = append(left, e.Name())
		}
	}
	return left, nil
}
