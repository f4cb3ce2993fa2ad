package plan_test

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/nodekiln/nodekiln/pkg/cluster"
	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/profile"
)

// load reads a cluster file of the etcd profile, and plans it if it is valid.
func load(t *testing.T, file string) (*plan.Plan, error) {
	t.Helper()
	prof, err := profile.Load("etcd")
	if err != nil {
		t.Fatal(err)
	}
	spec, err := cluster.Parse("c.yaml", []byte(file), nil, func(s *cluster.Spec, p *cluster.Problems) { plan.Check(s, prof, p) })
	if err != nil {
		return nil, err
	}
	return plan.New(spec, prof), nil
}

func example(t *testing.T) string {
	t.Helper()
	prof, err := profile.Load("etcd")
	if err != nil {
		t.Fatal(err)
	}
	b, err := prof.Example()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestExample(t *testing.T) {
	p, err := load(t, example(t))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range p.WithRole("etcd") {
		names = append(names, m.Name)
	}
	if want := []string{"linux-node1", "linux-node2", "linux-node3"}; !slices.Equal(names, want) {
		t.Errorf("members are %v, want %v", names, want)
	}
	m := p.Machines[1]
	if m.MAC != "52:54:00:a8:38:78" || m.Address != netip.MustParseAddr("192.168.56.120") || m.Ports["etcd"] != 2379 || m.Ports["ssh"] != 22 {
		t.Errorf("linux-node2 is %+v", m)
	}
	if p.Settings["electionTimeout"] != "5000" {
		t.Errorf("settings are %v", p.Settings)
	}
	if !slices.IsSorted(p.Base.Packages) || !slices.Contains(p.Base.Packages, "etcd-server") {
		t.Errorf("packages are %v", p.Base.Packages)
	}
}

func TestCertificates(t *testing.T) {
	p, err := load(t, example(t))
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(p.PKI.Certificates, func(c plan.Certificate) bool { return c.Machine == "linux-node1" && c.Name == "etcd" })
	if i < 0 {
		t.Fatal("linux-node1 holds no certificate called etcd")
	}
	c := p.PKI.Certificates[i]
	if !c.Server || !c.Client || c.CommonName != "linux-node1" || c.Authority != "etcd" {
		t.Errorf("got %+v", c)
	}
	if want := []string{"linux-node1", "linux-node1.example.com", "localhost"}; !slices.Equal(c.DNSNames, want) {
		t.Errorf("names are %v, want %v", c.DNSNames, want)
	}
	if want := []netip.Addr{netip.MustParseAddr("192.168.56.110"), netip.MustParseAddr("127.0.0.1")}; !slices.Equal(c.Addresses, want) {
		t.Errorf("addresses are %v, want %v", c.Addresses, want)
	}
	if first := p.PKI.Certificates[0]; first.Machine != "" || first.CommonName != "operator" || first.Server || len(first.Addresses) > 0 {
		t.Errorf("the operator's certificate is %+v", first)
	}
}

func TestCheck(t *testing.T) {
	ok := example(t)
	for name, c := range map[string]struct{ old, new, want string }{
		"even quorum":     {"linux-node[1-3]\n    address: 192.168.56.[110,120,130]", "linux-node[1-2]\n    address: 192.168.56.[110,120]", "machines: 2 machines have the role etcd: an odd number is needed for a quorum, 1 or 3"},
		"unknown role":    {"disk: 8G", "roles: [etcd, master]", "machines[0].roles[1]: profile etcd has no role \"master\"; it has etcd"},
		"unknown setting": {"machines:\n  -", "settings: {speed: fast}\nmachines:\n  -", "settings.speed: profile etcd has no such setting"},
		"bad setting":     {"machines:\n  -", "settings: {electionTimeout: soon}\nmachines:\n  -", `settings.electionTimeout: "soon" does not match`},
	} {
		t.Run(name, func(t *testing.T) {
			file := strings.Replace(ok, c.old, c.new, 1)
			if file == ok {
				t.Fatal("the example does not hold what is to be replaced")
			}
			_, err := load(t, file)
			var invalid *cluster.InvalidError
			if !errors.As(err, &invalid) {
				t.Fatalf("got %v", err)
			}
			if len(invalid.Problems) != 1 || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestPlansDoNotShowSecrets(t *testing.T) {
	file := strings.Replace(example(t), "machines:\n  -", "users: [{name: ann, passwordHash: \"$6$saltsalt$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}]\nmachines:\n  -", 1)
	file += "    files: [{path: /etc/token, contents: hidden}]\n"
	p, err := load(t, file)
	if err != nil {
		t.Fatal(err)
	}
	for name, write := range map[string]func(*bytes.Buffer) error{
		"table": func(b *bytes.Buffer) error { return p.WriteTable(b) },
		"json":  func(b *bytes.Buffer) error { return p.WriteJSON(b) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), "linux-node3") || strings.Contains(b.String(), "saltsalt") || strings.Contains(b.String(), "hidden") {
			t.Errorf("%s:\n%s", name, b.String())
		}
	}
}
