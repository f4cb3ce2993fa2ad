package build

import (
	"fmt"
	"net/netip"
	"os"
	"path"
	"path/filepath"

	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/nodekiln/nodekiln/pkg/payload"
	"github.com/nodekiln/nodekiln/pkg/plan"
)

// Names in the directory of a rendered machine of the payloads by which a stock system makes itself the machine. The
// last three are what the data source NoCloud of cloud-init looks for.
const (
	ignitionName      = "ignition.json"
	userDataName      = "user-data"
	metaDataName      = "meta-data"
	networkConfigName = "network-config"
)

// writePayloads writes the machine's config for Ignition and for cloud-init, as the target takes it. Both hold its private
// keys.
func writePayloads(dir string, cfg types.Config, host payload.Host, target payload.Target) error {
	ignition, err := payload.Ignition(cfg)
	if err != nil {
		return err
	}
	seed, err := payload.CloudInit(cfg, host, target)
	if err != nil {
		return err
	}
	type file struct {
		name    string
		content []byte
	}
	files := []file{
		{ignitionName, ignition},
		{userDataName, seed.UserData},
		{metaDataName, seed.MetaData},
		{networkConfigName, seed.NetworkConfig},
	}
	for _, p := range seed.Parts {
		files = append(files, file{path.Base(p.Path), p.Content})
	}
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f.name), f.content, 0o600); err != nil {
			return fmt.Errorf("write %s: %w", f.name, err)
		}
	}
	return nil
}

// target gives what the plan's target takes.
func target(p *plan.Plan) payload.Target {
	switch p.UserDataTarget {
	case "openstack":
		return payload.OpenStack()
	case "ec2":
		return payload.EC2()
	}
	return payload.Target{}
}

// host gives what cloud-init is told of a machine beside its config.
func host(p *plan.Plan, m plan.Machine) payload.Host {
	return payload.Host{
		Name: m.Name, Domain: p.Network.Domain, MAC: m.MAC,
		Address: netip.PrefixFrom(m.Address, p.Network.Machines.Bits()),
		Gateway: p.Network.Gateway, DNS: p.Network.DNS,
	}
}
