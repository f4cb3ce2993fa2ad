package clusters

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestProfilesBoot switches on the example of each profile that no other test does.
func TestProfilesBoot(t *testing.T) {
	for _, profile := range []string{"binary", "centos", "kubeadm"} {
		t.Run(profile, func(t *testing.T) {
			file, images := nodekiln.Lab(t, nodekiln.Example(t, profile))
			table := nodekiln.Run(t, "test", file, "--out", filepath.Dir(images), "--timeout", "30m")
			if !strings.Contains(table, "every check has passed") {
				t.Errorf("the verdict:\n%s", table)
			}
			t.Log("\n" + table)
		})
	}
}
