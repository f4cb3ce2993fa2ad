package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodekiln/nodekiln/hack/e2e/frame"
)

// raw gives a file of the bytes of the image's disk.
func raw(t *testing.T, image string) string {
	t.Helper()
	if strings.HasSuffix(image, ".raw") {
		return image
	}
	whole := filepath.Join(t.TempDir(), "disk.raw")
	frame.Command(t, nil, "qemu-img", "convert", "-O", "raw", image, whole)
	return whole
}

// judge holds an image against the programs that know its formats best.
func judge(t *testing.T, image string) {
	t.Helper()
	if strings.HasSuffix(image, ".qcow2") {
		frame.Command(t, nil, "qemu-img", "check", image)
	}
	whole := raw(t, image)
	if said := frame.Command(t, nil, "sgdisk", "-v", whole); !strings.Contains(said, "No problems found") {
		t.Errorf("sgdisk: %s", said)
	}
	var table struct {
		PartitionTable struct {
			Partitions []struct{ Start, Size int64 }
		}
	}
	if err := json.Unmarshal([]byte(frame.Command(t, nil, "sfdisk", "--json", whole)), &table); err != nil {
		t.Fatal(err)
	}
	parts := table.PartitionTable.Partitions
	if len(parts) != 3 {
		t.Fatalf("%s has %d partitions, not 3", image, len(parts))
	}
	esp, root := parts[1], parts[2]
	cut := filepath.Join(t.TempDir(), "esp")
	frame.Command(t, nil, "dd", "if="+whole, "of="+cut, "bs=1M", "iflag=skip_bytes,count_bytes", "status=none",
		fmt.Sprintf("skip=%d", esp.Start*512), fmt.Sprintf("count=%d", esp.Size*512))
	frame.Command(t, nil, "fsck.vfat", "-n", cut)
	frame.Command(t, nil, "e2fsck", "-fn", fmt.Sprintf("%s?offset=%d", whole, root.Start*512))
}

func TestImagesAreClean(t *testing.T) {
	cluster := small(t)
	for _, form := range []string{"", "raw", "qcow2"} {
		t.Run("standalone="+form, func(t *testing.T) {
			var args []string
			if form != "" {
				args = []string{"--standalone", form}
			}
			_, images := nodekiln.Lab(t, cluster, args...)
			frame.Command(t, nil, "sh", "-c", "cd '"+images+"' && sha256sum --check --strict SHA256SUMS")
			files, err := filepath.Glob(filepath.Join(images, "*.*"))
			if err != nil {
				t.Fatal(err)
			}
			judged := 0
			for _, f := range files {
				if strings.HasSuffix(f, ".qcow2") || strings.HasSuffix(f, ".raw") {
					judge(t, f)
					judged++
				}
			}
			if want := 3; judged < want {
				t.Errorf("%d images were judged, fewer than %d", judged, want)
			}
		})
	}
}

func TestStandaloneEqualsOverlay(t *testing.T) {
	cluster := small(t)
	file, images := nodekiln.Lab(t, cluster)
	for _, form := range []string{"raw", "qcow2"} {
		out := t.TempDir()
		nodekiln.Run(t, "build", file, "--out", out, "--standalone", form)
		alone := filepath.Join(out, filepath.Base(images), "linux-node2."+form)
		frame.Command(t, nil, "qemu-img", "compare", filepath.Join(images, "linux-node2.qcow2"), alone)
		if leftover, _ := filepath.Glob(filepath.Join(out, "*", "golden*")); len(leftover) > 0 {
			t.Errorf("standalone images come with %v", leftover)
		}
		if _, err := os.Stat(alone); err != nil {
			t.Error(err)
		}
	}
}
