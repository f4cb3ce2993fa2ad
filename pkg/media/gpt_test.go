package media

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func testLayout(t *testing.T) Layout {
	t.Helper()
	s := spec(t)
	l, err := newLayout(goldenRootSize, s.DiskGUID, s.BIOSGUID, s.ESPGUID, s.RootGUID)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

const (
	machineDiskGUID = "5eb1b7a8-0000-4000-8000-0000000000a1"
	machineRootGUID = "5eb1b7a8-0000-4000-8000-0000000000a2"
)

func TestGPT(t *testing.T) {
	golden := testLayout(t)
	for _, size := range []int64{golden.Size, golden.Size + 512, 20 << 30, 3 << 40} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "disk")
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			boot := bytes.Repeat([]byte{0xb0}, mbrPartitions)
			if _, err := f.Write(boot); err != nil {
				t.Fatal(err)
			}
			l, err := golden.grow(size, machineDiskGUID, machineRootGUID)
			if err != nil {
				t.Fatal(err)
			}
			// The golden disk's table comes first, as on a baked disk.
			for _, l := range []Layout{golden, l} {
				if err := f.Truncate(l.Size); err != nil {
					t.Fatal(err)
				}
				if err := writeGPT(f, l); err != nil {
					t.Fatal(err)
				}
			}
			if out := run(t, "sgdisk", "-v", path); !strings.Contains(out, "No problems found") || strings.Contains(out, "aution") {
				t.Errorf("sgdisk -v: %s", out)
			}
			out := run(t, "sgdisk", "-p", "-i", "3", path)
			for _, want := range []string{strings.ToUpper(machineDiskGUID), strings.ToUpper(machineRootGUID), "'root'", "Linux x86-64 root"} {
				if !strings.Contains(out, want) {
					t.Errorf("sgdisk shows no %s:\n%s", want, out)
				}
			}
			got := make([]byte, len(boot))
			if _, err := f.ReadAt(got, 0); err != nil || !bytes.Equal(got, boot) {
				t.Errorf("the boot code changed, %v", err)
			}
			if back, err := readLayout(f, size); err != nil || back != l {
				t.Errorf("read back %+v, %v", back, err)
			}
		})
	}
}

func TestLayoutRefuses(t *testing.T) {
	l := testLayout(t)
	for name, err := range map[string]error{
		"is smaller than its golden disk": second(l.grow(l.Size-512, machineDiskGUID, machineRootGUID)),
		"whole sectors":                   second(l.grow(l.Size+1, machineDiskGUID, machineRootGUID)),
		"GUID of the disk":                second(l.grow(l.Size, "disk", machineRootGUID)),
		"GUID of the root partition":      second(l.grow(l.Size, machineDiskGUID, "{"+machineRootGUID+"}")),
	} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v, not %q", err, name)
		}
	}
	if _, err := readLayout(bytes.NewReader(make([]byte, 1<<20)), 1<<20); err == nil {
		t.Error("a disk of zeros has a layout")
	}
}

func second(_ Layout, err error) error { return err }
