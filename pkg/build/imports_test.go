package build

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/nodekiln/nodekiln/"

// edges are the packages of this module that each may import: the data flows one way. A package that is not listed may
// import none, and nobody but cmd imports build.
var edges = map[string][]string{
	"cmd/nodekiln":   {"pkg/build", "pkg/cluster", "pkg/junit", "pkg/lab", "pkg/pki", "pkg/plan", "pkg/profile", "pkg/tool", "pkg/verdict"},
	"pkg/build":      {"pkg/base", "pkg/cluster", "pkg/component", "pkg/kube", "pkg/lab", "pkg/machine", "pkg/media", "pkg/oci", "pkg/payload", "pkg/pki", "pkg/plan", "pkg/profile", "pkg/tree", "pkg/verdict"},
	"pkg/profile":    {"overlays", "pkg/kube", "profiles"},
	"pkg/plan":       {"pkg/cluster", "pkg/kube", "pkg/profile"},
	"pkg/component":  {"pkg/fetch", "pkg/kube", "pkg/plan", "pkg/profile", "pkg/tool", "pkg/tree"},
	"pkg/oci":        {"pkg/plan", "pkg/profile", "pkg/tree"},
	"pkg/pki":        {"pkg/plan"},
	"pkg/machine":    {"overlays", "pkg/kube", "pkg/pki", "pkg/plan", "pkg/profile", "pkg/tree", "profiles"},
	"pkg/payload":    {"pkg/tree"},
	"pkg/base":       {"overlays", "pkg/media", "pkg/plan", "pkg/tool", "pkg/tree"},
	"pkg/media":      {"pkg/media/ext4", "pkg/media/fat", "pkg/media/qcow2", "pkg/tool", "pkg/tree"},
	"pkg/media/ext4": {"pkg/tree"},
	"pkg/media/fat":  {"pkg/tree"},
	"pkg/lab":        {"pkg/junit", "pkg/media/qcow2", "pkg/tool"},
	"pkg/verdict":    {"pkg/junit", "pkg/kube"},
}

// onlyUsers are the packages that alone may import a library.
var onlyUsers = map[string][]string{
	"github.com/cloudflare/cfssl":            {"pkg/pki"},
	"github.com/diskfs/go-diskfs":            {"pkg/media"},
	"github.com/google/go-containerregistry": {"pkg/oci"},
	"github.com/urfave/cli/v2":               {"cmd/nodekiln"},
	"github.com/coreos/butane":               {"pkg/machine"},
	"gopkg.in/yaml.v3":                       {"pkg/cluster", "pkg/kube", "pkg/payload", "pkg/profile", "pkg/tree"},
	"net/http":                               {"pkg/fetch", "pkg/oci"},
	"k8s.io":                                 {"pkg/verdict"},
}

func TestDataFlowsOneWay(t *testing.T) {
	said, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"cmd/...", module+"pkg/...", module+"overlays/...", module+"profiles/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(said)) {
		words := strings.Fields(line)
		for _, problem := range breaches(strings.TrimPrefix(words[0], module), words[1:]) {
			t.Error(problem)
		}
	}
}

// breaches tells which of the imports the package must not have.
func breaches(pkg string, imports []string) []string {
	var out []string
	for _, imp := range imports {
		if own, ok := strings.CutPrefix(imp, module); ok && !slices.Contains(edges[pkg], own) {
			out = append(out, pkg+" must not import "+own)
		}
		for lib, users := range onlyUsers {
			if (imp == lib || strings.HasPrefix(imp, lib+"/")) && !slices.Contains(users, pkg) {
				out = append(out, pkg+" must not import "+imp+": only "+strings.Join(users, ", ")+" may")
			}
		}
	}
	return out
}

func TestBreachesAreFound(t *testing.T) {
	got := breaches("pkg/media", []string{"fmt", module + "pkg/cluster", "github.com/cloudflare/cfssl/csr", module + "pkg/tree"})
	if len(got) != 2 {
		t.Errorf("got %q", got)
	}
}
