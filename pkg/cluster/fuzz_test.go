package cluster_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

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
	dir := fstest.MapFS{"motd.txt": {Data: []byte("hello\n")}}
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
	if len(spec.Machines) == 0 || spec.Name == "" || spec.PKI.Expiry <= 0 || spec.PKI.Expiry > spec.PKI.CAExpiry {
		t.Errorf("spec %+v", spec)
	}
}
