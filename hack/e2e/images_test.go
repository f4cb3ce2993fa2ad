package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// disk gives the parts of an image as raw files: the whole disk, its ESP and its root file system.
func disk(t *testing.T, image string) (whole, esp, root string) {
	t.Helper()
	dir := t.TempDir()
	whole = filepath.Join(dir, "disk.raw")
	command(t, nil, "qemu-img", "convert", "-O", "raw", image, whole)
	var table struct {
		PartitionTable struct {
			Partitions []struct{ Start, Size int64 }
		}
	}
	if err := json.Unmarshal([]byte(command(t, nil, "sfdisk", "--json", whole)), &table); err != nil {
		t.Fatal(err)
	}
	parts := table.PartitionTable.Partitions
	if len(parts) != 3 {
		t.Fatalf("%s has %d partitions, not 3", image, len(parts))
	}
	cut := func(name string, i int) string {
		file := filepath.Join(dir, name)
		command(t, nil, "dd", "if="+whole, "of="+file, "bs=1M", "iflag=skip_bytes,count_bytes", "conv=sparse", "status=none",
			"skip="+jsonNumber(parts[i].Start*512), "count="+jsonNumber(parts[i].Size*512))
		return file
	}
	return whole, cut("esp", 1), cut("root", 2)
}

func jsonNumber(n int64) string {
	b, _ := json.Marshal(n)
	return string(b)
}

// judge holds an image against the programs that know its formats best.
func judge(t *testing.T, image string) {
	t.Helper()
	if strings.HasSuffix(image, ".qcow2") {
		command(t, nil, "qemu-img", "check", image)
	}
	whole, esp, root := disk(t, image)
	if said := command(t, nil, "sgdisk", "-v", whole); !strings.Contains(said, "No problems found") {
		t.Errorf("sgdisk: %s", said)
	}
	command(t, nil, "fsck.vfat", "-n", esp)
	command(t, nil, "e2fsck", "-fn", root)
}

func TestImagesAreClean(t *testing.T) {
	cluster := small(t)
	for _, form := range []string{"", "raw", "qcow2"} {
		t.Run("standalone="+form, func(t *testing.T) {
			var args []string
			if form != "" {
				args = []string{"--standalone", form}
			}
			_, images := lab(t, cluster, args...)
			command(t, nil, "sh", "-c", "cd '"+images+"' && sha256sum --check --strict SHA256SUMS")
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
	file, images := lab(t, cluster)
	for _, form := range []string{"raw", "qcow2"} {
		out := t.TempDir()
		run(t, "build", file, "--out", out, "--standalone", form)
		alone := filepath.Join(out, filepath.Base(images), "linux-node2."+form)
		command(t, nil, "qemu-img", "compare", filepath.Join(images, "linux-node2.qcow2"), alone)
		if leftover, _ := filepath.Glob(filepath.Join(out, "*", "golden*")); len(leftover) > 0 {
			t.Errorf("standalone images come with %v", leftover)
		}
		if _, err := os.Stat(alone); err != nil {
			t.Error(err)
		}
	}
}
