package machine

import (
	"net/netip"
	"testing"

	"github.com/vincent-petithory/dataurl"

	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/profile"
)

func TestAddedWorkerChangesNoOtherMachine(t *testing.T) {
	prof := &profile.Profile{Roles: map[string]profile.Role{"master": {}, "etcd": {Quorum: true}, "node": {Worker: true}}}
	machines := []plan.Machine{
		{Name: "a", Roles: []string{"master"}, Address: netip.MustParseAddr("10.0.0.1")},
		{Name: "b", Roles: []string{"node"}, Address: netip.MustParseAddr("10.0.0.2")},
		{Name: "c", Roles: []string{"etcd", "node"}, Address: netip.MustParseAddr("10.0.0.3")},
		{Name: "d", Roles: []string{"node"}, Address: netip.MustParseAddr("10.0.0.4")},
	}
	named := "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n10.0.0.1 a.example.com a\n10.0.0.3 c.example.com c\n"
	want := map[string]string{"a": named, "b": named + "10.0.0.2 b.example.com b\n", "c": named, "d": named + "10.0.0.4 d.example.com d\n"}
	for _, count := range []int{3, 4} {
		p := &plan.Plan{Network: plan.Network{Domain: "example.com", Hosts: "servers"}, Machines: machines[:count]}
		h := newHosts(p, prof)
		for _, m := range p.Machines {
			if got := hostsOf(t, h, m); got != want[m.Name] {
				t.Errorf("%s of %d machines has\n%s", m.Name, count, got)
			}
		}
	}
}

func TestAllMachinesAreNamedEverywhere(t *testing.T) {
	p := &plan.Plan{Network: plan.Network{Hosts: "all"}, Machines: []plan.Machine{
		{Name: "a", Roles: []string{"node"}, Address: netip.MustParseAddr("10.0.0.1")},
		{Name: "b", Roles: []string{"node"}, Address: netip.MustParseAddr("10.0.0.2")},
	}}
	h := newHosts(p, &profile.Profile{Roles: map[string]profile.Role{"node": {Worker: true}}})
	for _, m := range p.Machines {
		if got := hostsOf(t, h, m); got != "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n10.0.0.1 a\n10.0.0.2 b\n" {
			t.Errorf("%s has\n%s", m.Name, got)
		}
	}
}

func hostsOf(t *testing.T, h hosts, m plan.Machine) string {
	t.Helper()
	content, err := dataurl.DecodeString(*h.of(m).config.Storage.Files[0].Contents.Source)
	if err != nil {
		t.Fatal(err)
	}
	return string(content.Data)
}
