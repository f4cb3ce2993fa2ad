package cluster_test

import (
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/nodekiln/nodekiln/pkg/cluster"
)

// documented gives the file that doc.go shows.
func documented(t testing.TB) []byte {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(f.Doc.Text(), "\n\tapiVersion:")
	text, _, end := strings.Cut("\tapiVersion:"+text, "\n# ")
	if !found || !end {
		t.Fatal("doc.go shows no cluster file")
	}
	return []byte(strings.ReplaceAll("\n"+text, "\n\t", "\n"))
}

// same compares two Specs by what they say, wherever it is written.
func same(a, b *cluster.Spec) string {
	return cmp.Diff(a, b, cmpopts.IgnoreUnexported(cluster.Spec{}), cmpopts.IgnoreInterfaces(struct{ fs.FS }{}), cmpopts.EquateComparable(a.Network.Machines, a.Network.Gateway))
}

func TestDocumentedFile(t *testing.T) {
	if _, err := cluster.Parse("doc.go", documented(t), sources()); err != nil {
		t.Error(err)
	}
}

func TestDocumentedDefaults(t *testing.T) {
	full := documented(t)
	withDefaults := regexp.MustCompile(`(?m)^ +(key|expiry|caExpiry|debian|kernel|mac|disk|memory|cpus|mode|user|group):.*\n`)
	short := withDefaults.ReplaceAll(full, nil)
	if n := len(withDefaults.FindAll(full, -1)); n != 12 {
		t.Fatalf("doc.go shows %d of the 12 keys with a default", n)
	}
	long, err := cluster.Parse("doc.go", full, sources())
	if err != nil {
		t.Fatal(err)
	}
	brief, err := cluster.Parse("doc.go", short, sources())
	if err != nil {
		t.Fatal(err)
	}
	if diff := same(long, brief); diff != "" {
		t.Errorf("what doc.go shows is not what is taken when it is left out (-shown +left out):\n%s", diff)
	}
}

func ExampleParse() {
	spec, err := cluster.Parse("cluster.yaml", []byte(`
apiVersion: nodekiln.dev/v1
kind: Cluster
metadata: {name: lab}
profile: etcd
network: {machines: 10.1.10.0/24, gateway: 10.1.10.1}
machines:
  - {name: "node[1-3]", address: "10.1.10.[102-104]", disk: 20G}
`), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range spec.Machines {
		fmt.Println(m.Name, m.Address, m.MAC, m.Disk>>30, "GiB")
	}
	// Output:
	// node1 10.1.10.102 52:54:00:01:0a:66 20 GiB
	// node2 10.1.10.103 52:54:00:01:0a:67 20 GiB
	// node3 10.1.10.104 52:54:00:01:0a:68 20 GiB
}

func ExampleInvalidError() {
	_, err := cluster.Parse("cluster.yaml", []byte(`
apiVersion: nodekiln.dev/v1
kind: Cluster
metadata: {name: My Lab}
profile: etcd
network: {machines: 10.1.10.0/24, gatway: 10.1.10.1}
machines:
  - {name: "node[1-3]", address: "10.1.10.[102-105]"}
`), nil)
	var invalid *cluster.InvalidError
	if errors.As(err, &invalid) {
		for _, p := range invalid.Problems {
			fmt.Println(p)
		}
	}
	// Output:
	// cluster.yaml:4:18: metadata.name: "My Lab" has characters other than a-z, 0-9 and hyphens; try my-lab
	// cluster.yaml:6:35: network.gatway: unknown key; did you mean gateway?
	// cluster.yaml:8:34: machines[0].address: 10.1.10.[102-105] stands for 4, but the name node[1-3] for 3
}
