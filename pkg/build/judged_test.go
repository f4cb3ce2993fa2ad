package build

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nodekiln/nodekiln/profiles"
)

// TestExpectedNames: names are expected where the cluster has CoreDNS, whoever brings it.
func TestExpectedNames(t *testing.T) {
	named := 0
	for _, profile := range []string{"deepin", "kubeadm", "allinone", "binary", "centos"} {
		b, err := profiles.FS.ReadFile(profile + "/cluster.yaml")
		if err != nil {
			t.Fatal(err)
		}
		expected := func(text string) bool {
			t.Helper()
			file := filepath.Join(t.TempDir(), "cluster.yaml")
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			p, err := Load(file, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			want, ok := p.Expected()
			if !ok {
				t.Errorf("%s: nothing can be judged", profile)
			}
			return want.DNS
		}
		if !expected(string(b)) {
			t.Errorf("%s: no names are expected", profile)
		}
		// Some examples name the addon, which the others have without that.
		if without := strings.Replace(string(b), "addons: [coredns]", "addons: []", 1); without != string(b) {
			named++
			if expected(without) {
				t.Errorf("%s: names are expected of a cluster without an addon for them", profile)
			}
		}
	}
	if named == 0 {
		t.Error("no example names the addon")
	}
}
