package payload_test

import (
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/coreos/butane/config"
	"github.com/coreos/butane/config/common"
	"github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/nodekiln/nodekiln/pkg/cluster"
	"github.com/nodekiln/nodekiln/pkg/machine"
	"github.com/nodekiln/nodekiln/pkg/payload"
	"github.com/nodekiln/nodekiln/pkg/pki"
	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/profile"
	"github.com/nodekiln/nodekiln/pkg/tool"
)

// need skips the test, or fails it where all judges are to be there, if a program is missing.
func need(t *testing.T, programs ...string) {
	t.Helper()
	err := tool.Need(programs...)
	switch {
	case err == nil:
	case conformance():
		t.Fatal(err)
	default:
		t.Skip(err)
	}
}

// needRoot skips the test unless all judges are to be there and it is root's, who alone can enter another root
// filesystem.
func needRoot(t *testing.T) {
	t.Helper()
	if !conformance() {
		t.Skip("it bootstraps a root filesystem: set NODEKILN_CONFORMANCE=1")
	}
	if os.Getuid() != 0 {
		t.Skip("only root can apply payloads to a root filesystem")
	}
}

func conformance() bool { return os.Getenv("NODEKILN_CONFORMANCE") == "1" }

// etcdMember configures the first machine of the etcd profile's example, with a gateway and DNS.
func etcdMember(t testing.TB) (types.Config, payload.Host) {
	t.Helper()
	prof, err := profile.Load("etcd")
	if err != nil {
		t.Fatal(err)
	}
	example, err := prof.Example()
	if err != nil {
		t.Fatal(err)
	}
	file := strings.Replace(string(example), "  domain:", "  gateway: 192.168.56.1\n  dns: [192.168.56.1, 9.9.9.9]\n  domain:", 1)
	spec, err := cluster.Parse("c.yaml", []byte(file), nil, func(s *cluster.Spec, p *cluster.Problems) { plan.Check(s, prof, p) })
	if err != nil {
		t.Fatal(err)
	}
	p := plan.New(spec, prof)
	m := p.Machines[0]
	bundle, err := pki.Ensure(t.Context(), t.TempDir()+"/c.pki", p.PKI, []string{m.Name, p.Machines[1].Name, p.Machines[2].Name})
	if err != nil {
		t.Fatal(err)
	}
	c, err := machine.NewConfigurer(p, prof, bundle)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := c.Configure(m)
	if err != nil {
		t.Fatal(err)
	}
	return cfg, payload.Host{
		Name: m.Name, Domain: p.Network.Domain, MAC: m.MAC, Address: netip.PrefixFrom(m.Address, p.Network.Machines.Bits()),
		Gateway: p.Network.Gateway, DNS: p.Network.DNS,
	}
}

// butane translates a Butane config without its first two lines.
func butane(t testing.TB, text string) types.Config {
	t.Helper()
	options := common.TranslateBytesOptions{Raw: true}
	options.NoResourceAutoCompression = true
	b, rep, err := config.TranslateBytes([]byte("variant: flatcar\nversion: 1.1.0\n"+text), options)
	if err != nil {
		t.Fatalf("%v: %s", err, rep)
	}
	cfg, rep, err := v3_4.Parse(b)
	if err != nil {
		t.Fatalf("%v: %s", err, rep)
	}
	return cfg
}

// everything is a config with what the etcd profile's has not: all kinds of files, owners, links, accounts and units.
func everything(t testing.TB) types.Config {
	b, err := os.ReadFile("testdata/everything.bu")
	if err != nil {
		t.Fatal(err)
	}
	return butane(t, string(b))
}
