package payload

import (
	"fmt"
	"slices"

	"github.com/clarketm/json"
	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/coreos/ignition/v2/config/validate"
)

// machineIDPath is the machine's ID: machine-id(5).
const machineIDPath = "etc/machine-id"

// CheckIgnition tells what the Ignition specification 3.4 does not allow of a config.
func CheckIgnition(cfg types.Config) error {
	// As v3_4.Parse does, but for reading the JSON twice more to find lines and keys that are not known: it is all of our
	// own making.
	if rep := validate.ValidateWithContext(cfg, nil); rep.IsFatal() {
		return fmt.Errorf("check Ignition config: %s", rep)
	}
	return nil
}

// Ignition gives the config as JSON of the Ignition specification 3.4, for systems that run Ignition themselves: Flatcar
// and Fedora CoreOS. The same config gives the same bytes. It is not checked: of the machines of a rack, which differ in
// names, addresses and keys, one is enough to have CheckIgnition look at.
//
// /etc/machine-id is left out. These systems make one at their first boot, and know by its absence that it is the first:
// only then does systemd heed the presets by which Ignition enables units (machine-id(5), "First Boot Semantics").
func Ignition(cfg types.Config) ([]byte, error) {
	cfg.Storage.Files = slices.DeleteFunc(slices.Clone(cfg.Storage.Files), func(f types.File) bool { return rel(f.Path) == machineIDPath })
	b, err := json.Marshal(cfg)
	if err != nil {
		return nil, fmt.Errorf("encode Ignition config: %w", err)
	}
	return append(b, '\n'), nil
}
