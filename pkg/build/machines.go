package build

import (
	"maps"
	"path/filepath"
	"slices"

	"github.com/nodekiln/nodekiln/pkg/lab"
)

// Machines gives what a lab needs to boot the images that a manifest in the directory describes.
func Machines(dir string, m *Manifest) []lab.Machine {
	var out []lab.Machine
	for _, i := range m.Machines {
		machine := lab.Machine{
			Name: i.Name, Disk: filepath.Join(dir, i.File), Format: i.Format, Digest: i.SHA256,
			MAC: i.MAC, Memory: i.Memory, CPUs: i.CPUs,
		}
		for _, name := range slices.Sorted(maps.Keys(i.Ports)) {
			machine.Forwards = append(machine.Forwards, lab.Forward{Name: name, GuestPort: i.Ports[name]})
		}
		out = append(out, machine)
	}
	return out
}
