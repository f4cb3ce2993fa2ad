package clusters

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestProfilesBoot switches on a cluster of each profile that the other tests do not, as small as its example can be made.
func TestProfilesBoot(t *testing.T) {
	for profile, smaller := range map[string]*strings.Replacer{
		"binary":  strings.NewReplacer(),
		"centos":  strings.NewReplacer(),
		"kubeadm": strings.NewReplacer(),
	} {
		t.Run(profile, func(t *testing.T) {
			file, images := nodekiln.Lab(t, smaller.Replace(nodekiln.Example(t, profile)))
			table := nodekiln.Run(t, "test", file, "--out", filepath.Dir(images), "--timeout", "30m")
			if !strings.Contains(table, "every check has passed") {
				t.Errorf("the verdict:\n%s", table)
			}
			t.Log("\n" + table)
		})
	}
}
