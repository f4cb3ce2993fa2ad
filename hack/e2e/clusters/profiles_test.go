package clusters

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestProfilesBoot switches on the example of each profile that no other test does. Its keys are ECDSA's instead of RSA's,
// whose hundreds of handshakes when a control plane starts take emulated processors minutes.
func TestProfilesBoot(t *testing.T) {
	for _, profile := range []string{"binary", "centos", "kubeadm"} {
		t.Run(profile, func(t *testing.T) {
			example := strings.ReplaceAll(nodekiln.Example(t, profile), "rsa-2048", "ecdsa-p256")
			file, images := nodekiln.Lab(t, example)
			table := nodekiln.Run(t, "test", file, "--out", filepath.Dir(images), "--timeout", "30m")
			if !strings.Contains(table, "every check has passed") {
				t.Errorf("the verdict:\n%s", table)
			}
			t.Log("\n" + table)
		})
	}
}
