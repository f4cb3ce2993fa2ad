package machine

import (
	"fmt"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/nodekiln/nodekiln/pkg/plan"
)

// hosts gives every machine the names of all (hosts(5)): no machine needs a name server to find another.
func hosts(p *plan.Plan) layer {
	var b strings.Builder
	b.WriteString("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n")
	for _, m := range p.Machines {
		fmt.Fprintf(&b, "%s ", m.Address)
		if p.Network.Domain != "" {
			fmt.Fprintf(&b, "%s.%s ", m.Name, p.Network.Domain)
		}
		b.WriteString(m.Name + "\n")
	}
	cfg := types.Config{Ignition: types.Ignition{Version: types.MaxVersion.String()}}
	cfg.Storage.Files = []types.File{newFile(types.Node{Path: "/etc/hosts", Overwrite: new(true)}, []byte(b.String()), 0o644)}
	return layer{everyMachine, cfg}
}
