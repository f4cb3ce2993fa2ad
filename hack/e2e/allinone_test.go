package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestAllinoneBoots switches on one machine that is a whole cluster of Kubernetes, which is judged as its users would.
func TestAllinoneBoots(t *testing.T) {
	file, images := nodekiln.Lab(t, nodekiln.Example(t, "allinone"))
	for _, firmware := range []string{"bios", "uefi"} {
		t.Run(firmware, func(t *testing.T) {
			table := nodekiln.Run(t, "test", file, "--out", filepath.Dir(images), "--firmware", firmware)
			if !strings.Contains(table, "every check has passed") {
				t.Errorf("the verdict:\n%s", table)
			}
			t.Log("\n" + table)
		})
	}
}
