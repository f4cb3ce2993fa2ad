package e2e

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nodekiln/nodekiln/pkg/build"
	"github.com/nodekiln/nodekiln/pkg/oci"
)

// TestAllinoneBoots switches on one machine that is a whole cluster of Kubernetes, which is judged as its users would.
func TestAllinoneBoots(t *testing.T) {
	file, images := nodekiln.Lab(t, nodekiln.Example(t, "allinone"))
	manifest, err := build.ReadManifest(images)
	if err != nil {
		t.Fatal(err)
	}
	pause := func(i oci.Image) bool {
		return strings.Contains(i.Reference, "/pause:") && strings.HasPrefix(i.Digest, "sha256:")
	}
	if !slices.ContainsFunc(manifest.Images, pause) {
		t.Errorf("the manifest lists no pause image: %+v", manifest.Images)
	}
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
