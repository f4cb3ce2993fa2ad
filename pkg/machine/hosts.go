package machine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/profile"
)

// hosts is the content of hosts(5) by which machines find each other without a name server.
type hosts struct {
	// common names all machines but workers.
	common string
	domain string
	// workers have a line in their own file alone, unless the cluster file wants all everywhere: what is baked into one
	// machine then says nothing of the workers that there are, and one can be added without a change to any other machine.
	workers map[string]bool
}

func newHosts(p *plan.Plan, prof *profile.Profile) hosts {
	h := hosts{domain: p.Network.Domain, workers: map[string]bool{}}
	var b strings.Builder
	b.WriteString("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n")
	for _, m := range p.Machines {
		if p.Network.Hosts == "all" || slices.ContainsFunc(m.Roles, func(role string) bool { return !prof.Roles[role].Worker }) {
			b.WriteString(h.line(m))
		} else {
			h.workers[m.Name] = true
		}
	}
	h.common = b.String()
	return h
}

func (h hosts) line(m plan.Machine) string {
	if h.domain != "" {
		return fmt.Sprintf("%s %s.%s %s\n", m.Address, m.Name, h.domain, m.Name)
	}
	return fmt.Sprintf("%s %s\n", m.Address, m.Name)
}

// of gives the file of one machine.
func (h hosts) of(m plan.Machine) layer {
	content := h.common
	if h.workers[m.Name] {
		content += h.line(m)
	}
	cfg := types.Config{Ignition: types.Ignition{Version: types.MaxVersion.String()}}
	cfg.Storage.Files = []types.File{newFile(types.Node{Path: "/etc/hosts", Overwrite: new(true)}, []byte(content), 0o644)}
	return layer{everyMachine, cfg}
}
