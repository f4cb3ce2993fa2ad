package cluster_test

import (
	"errors"
	"io/fs"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/nodekiln/nodekiln/pkg/cluster"
)

// FuzzParse holds every text to what is promised of any: a Spec or an *InvalidError, the same each time, whose
// problems are sorted, in lines that the text has, and one line each.
func FuzzParse(f *testing.F) {
	for _, dir := range []string{"valid", "broken"} {
		for _, file := range files(f, dir) {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Add(documented(f))
	for _, more := range additionalSeeds {
		f.Add([]byte(laboratory + more))
	}
	dir := sources()
	f.Fuzz(func(t *testing.T, data []byte) {
		spec, err := cluster.Parse("cluster.yaml", data, dir)
		_, again := cluster.Parse("cluster.yaml", data, dir)
		if err == nil {
			checkSpec(t, spec)
			return
		}
		var invalid *cluster.InvalidError
		if !errors.As(err, &invalid) || spec != nil || len(invalid.Problems) == 0 {
			t.Fatalf("got %v, %v", spec, err)
		}
		if again == nil || again.Error() != err.Error() {
			t.Errorf("once:\n%v\nand once:\n%v", err, again)
		}
		sorted := slices.IsSortedFunc(invalid.Problems, func(a, b cluster.Problem) int {
			if a.Line != b.Line {
				return a.Line - b.Line
			}
			return a.Column - b.Column
		})
		if !sorted {
			t.Errorf("not sorted:\n%v", err)
		}
		// YAML has line ends beside the newline.
		lines := 1 + strings.Count(string(data), "\n") + strings.Count(string(data), "\r") +
			strings.Count(string(data), "\u0085") + strings.Count(string(data), "\u2028") + strings.Count(string(data), "\u2029")
		for _, p := range invalid.Problems {
			if p.Line < 1 || p.Line > lines || p.Column < 1 || strings.ContainsAny(p.String(), "\n\r\x1b") {
				t.Errorf("%q, in a file of %d lines", p, lines)
			}
		}
	})
}

// additionalSeeds are keys that the other files do not have, to be mutated from what is right and from what is nearly so.
var additionalSeeds = []string{
	"addons: []\n",
	"units: [{name: a@b.service, source: units/backup.service, dropins: [{name: a.conf, contents: \"[Unit]\\n\"}]}]\n",
	"pki: {authorities: {a: {certificate: ca.pem, key: ca-key.pem}}, config: ca-config.json, request: ca-csr.json}\n",
	"registries: {mirrors: ['http://a:1/b'], insecure: ['a:1', 10.0.0.0/8]}\n",
	"overlays: [site, units]\nbutane: [extra.bu]\nargs: {kubelet: {v: 1, -v: ''}}\nroles: {node: {overlays: [./site]}}\n",
}

// checkSpec holds a Spec to what the stages after it rely on.
func checkSpec(t *testing.T, spec *cluster.Spec) {
	names, addresses, macs := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, m := range spec.Machines {
		if !spec.Network.Machines.Contains(m.Address) || len(m.Name) > 63 || m.Disk <= 0 || m.Memory <= 0 || m.CPUs <= 0 || len(m.MAC) != 17 {
			t.Errorf("machine %+v", m)
		}
		if names[m.Name] || addresses[m.Address.String()] || macs[m.MAC] {
			t.Errorf("%s, %s or %s is used twice", m.Name, m.Address, m.MAC)
		}
		names[m.Name], addresses[m.Address.String()], macs[m.MAC] = true, true, true
	}
	for _, a := range append(slices.Collect(maps.Values(spec.RoleAdditions)), spec.Additions, spec.Machines[0].Additions) {
		checkAdditions(t, a)
	}
	for i, a := range []netip.Prefix{spec.Network.Machines, spec.Network.Pods, spec.Network.Services} {
		for _, b := range []netip.Prefix{spec.Network.Machines, spec.Network.Pods, spec.Network.Services}[:i] {
			if a.IsValid() && b.IsValid() && a.Overlaps(b) {
				t.Errorf("%s overlaps %s", a, b)
			}
		}
	}
	for name, a := range spec.PKI.Authorities {
		if len(a.Certificate) == 0 || len(a.Key) == 0 {
			t.Errorf("authority %q has no certificate or key", name)
		}
	}
	if len(spec.Machines) == 0 || spec.Name == "" || spec.PKI.Expiry <= 0 || spec.PKI.Expiry > spec.PKI.CAExpiry {
		t.Errorf("spec %+v", spec)
	}
}

func checkAdditions(t *testing.T, a cluster.Additions) {
	for _, o := range a.Overlays {
		if _, err := fs.ReadDir(o.FS, "."); err != nil {
			t.Errorf("overlay %q: %v", o.Name, err)
		}
	}
	for _, b := range a.Butane {
		if b.Content == nil {
			t.Errorf("Butane %q has no content", b.Name)
		}
	}
	names := map[string]bool{}
	for _, u := range a.Units {
		if names[u.Name] || !strings.Contains(u.Name, ".") || strings.Contains(u.Name, "/") || u.Mask && u.Content != "" {
			t.Errorf("unit %+v", u)
		}
		names[u.Name] = true
	}
	for component, args := range a.Args {
		for _, arg := range args {
			if arg.Name == "" || arg.Name[0] == '-' || strings.ContainsAny(arg.Name, " =\n") {
				t.Errorf("argument %q of %q", arg.Name, component)
			}
		}
	}
}
