package media

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// machineSize is large enough for several L2 tables, and small enough to be hashed.
const machineSize = 3 << 30

// machine describes the disk of a machine with as many files as a machine has.
func machine(t testing.TB, name string, extra ...tree.Node) MachineDisk {
	t.Helper()
	nodes := []tree.Node{
		tree.Dir("etc", 0o755, epoch, ""), tree.Dir("etc/ssh", 0o755, epoch, ""), tree.Dir("etc/etcd", 0o750, epoch, ""),
		tree.File("etc/hostname", 0o644, epoch, []byte(name+"\n"), ""),
		tree.File("etc/passwd", 0o644, epoch, []byte("root:x:0:0:"+name+":/root:/bin/sh\n"), ""),
		tree.Symlink("etc/localtime", "/usr/share/zoneinfo/UTC", epoch, ""),
	}
	for i := range 36 {
		content := bytes.Repeat(fmt.Appendf(nil, "%s %d ", name, i), 150)
		nodes = append(nodes, tree.File(fmt.Sprintf("etc/etcd/file%02d.pem", i), 0o600, epoch, content, ""))
	}
	root, err := tree.New(append(nodes, extra...)...)
	if err != nil {
		t.Fatal(err)
	}
	return MachineDisk{Root: root, Size: machineSize, DiskGUID: machineDiskGUID, RootPartGUID: machineRootGUID}
}

func bake(t testing.TB, g *Golden, m MachineDisk) *Baked {
	t.Helper()
	b, err := Bake(g, m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// overlayFile writes a baked disk beside its golden one.
func overlayFile(t testing.TB, b *Baked, golden, name string) (string, Written) {
	t.Helper()
	path := filepath.Join(filepath.Dir(golden), name)
	w, err := b.WriteOverlay(path, filepath.Base(golden))
	if err != nil {
		t.Fatal(err)
	}
	return path, w
}

func TestBake(t *testing.T) {
	golden, _ := writeTestGolden(t, spec(t))
	g := openGolden(t, golden)
	b := bake(t, g, machine(t, "node1"))
	path, w := overlayFile(t, b, golden, "node1.qcow2")
	run(t, "qemu-img", "check", path)
	if w.Size > 1<<20 {
		t.Errorf("an overlay of %d bytes", w.Size)
	}
	if out := run(t, "sha256sum", path); !strings.HasPrefix(out, w.Digest) {
		t.Errorf("the digest is %s, sha256sum says %s", w.Digest, out)
	}
	if st, err := os.Stat(path); err != nil || st.Mode() != 0o600 {
		t.Errorf("a file with private keys has mode %v, %v", st.Mode(), err)
	}
	raw := rawCopy(t, path)
	checkDisk(t, raw, w.Layout)
	for name, want := range map[string]string{"/etc/hostname": "node1\n", "/etc/etcd/file07.pem": strings.Repeat("node1 7 ", 150)} {
		if got := inRoot(t, raw, w.Layout, name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
	if end := w.Layout.Root.Start + w.Layout.Root.Size; end != machineSize-mebibyte {
		t.Errorf("the root partition ends at %d", end)
	}
	for name, c := range map[string]struct {
		format      Format
		compression Compression
	}{"raw": {Raw, NoCompression}, "plain": {Qcow2, NoCompression}, "zlib": {Qcow2, Zlib}, "zstd": {Qcow2, Zstd}} {
		t.Run(name, func(t *testing.T) { standalone(t, b, path, c.format, c.compression) })
	}
}

// standalone writes the disk as one file elsewhere and compares it with the overlay.
func standalone(t *testing.T, b *Baked, overlay string, format Format, c Compression) {
	alone := filepath.Join(t.TempDir(), "alone")
	w, err := b.WriteStandalone(context.Background(), alone, format, c)
	if err != nil {
		t.Fatal(err)
	}
	run(t, "qemu-img", "compare", "-F", string(format), "-f", "qcow2", overlay, alone)
	if format == Qcow2 {
		run(t, "qemu-img", "check", alone)
	}
	st, err := os.Stat(alone)
	if err != nil {
		t.Fatal(err)
	}
	if used := st.Sys().(*syscall.Stat_t).Blocks * 512; used > 40<<20 || st.Size() != w.Size || st.Mode() != 0o600 {
		t.Errorf("a file of %d bytes, %d of them used, mode %v", st.Size(), used, st.Mode())
	}
	// Hashing all of a large raw disk is what the digest of one avoids.
	if format == Qcow2 {
		if out := run(t, "sha256sum", alone); !strings.HasPrefix(out, w.Digest) {
			t.Errorf("the digest is %s, sha256sum says %s", w.Digest, out)
		}
	}
}

// TestRawDigest compares the digest of a raw disk with another program's.
func TestRawDigest(t *testing.T) {
	golden, gw := writeTestGolden(t, spec(t))
	m := machine(t, "node1")
	m.Size = gw.Layout.Size
	raw := filepath.Join(t.TempDir(), "raw")
	w, err := bake(t, openGolden(t, golden), m).WriteStandalone(context.Background(), raw, Raw, NoCompression)
	if err != nil {
		t.Fatal(err)
	}
	if out := run(t, "sha256sum", raw); !strings.HasPrefix(out, w.Digest) {
		t.Errorf("the digest is %s, sha256sum says %s", w.Digest, out)
	}
	checkDisk(t, raw, w.Layout)
}

// TestBakeIsReproducible bakes the same and other machines at once, from two files of the same golden disk.
func TestBakeIsReproducible(t *testing.T) {
	golden, _ := writeTestGolden(t, spec(t))
	other := filepath.Join(t.TempDir(), filepath.Base(golden))
	content, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other, content, 0o600); err != nil {
		t.Fatal(err)
	}
	machines := []MachineDisk{machine(t, "node1"), machine(t, "node1"), machine(t, "node2"), machine(t, "node1")}
	machines[3].Size += 512
	digests := make([]string, 2*len(machines))
	var wg sync.WaitGroup
	for i, g := range []*Golden{openGolden(t, golden), openGolden(t, other)} {
		for j, m := range machines {
			wg.Go(func() {
				b, err := Bake(g, m)
				if err != nil {
					t.Error(err)
					return
				}
				k := i*len(machines) + j
				w, err := b.WriteOverlay(filepath.Join(t.TempDir(), fmt.Sprint(k)), "golden.qcow2")
				if err != nil {
					t.Error(err)
				}
				digests[k] = w.Digest
			})
		}
	}
	wg.Wait()
	for i, same := range []int{0, 0, 2, 3, 0, 0, 2, 3} {
		if digests[i] != digests[same] {
			t.Errorf("machine %d differs from %d", i, same)
		}
	}
	if digests[0] == digests[2] || digests[0] == digests[3] {
		t.Error("another machine does not show")
	}
}

func TestBakeRefuses(t *testing.T) {
	golden, w := writeTestGolden(t, spec(t))
	g := openGolden(t, golden)
	small := machine(t, "node1")
	small.Size = w.Layout.Size - 512
	if _, err := Bake(g, small); err == nil || !strings.Contains(err.Error(), fmt.Sprint(small.Size)) || !strings.Contains(err.Error(), fmt.Sprint(w.Layout.Size)) {
		t.Errorf("a small disk gives %v", err)
	}
	full := machine(t, "node1", tree.File("etc/large", 0o644, epoch, make([]byte, goldenRootSize), ""))
	if _, err := Bake(g, full); err == nil {
		t.Error("more fits into the golden root than it has room for")
	}
	// Whatever failed, the golden disk is as it was.
	root, err := g.Root()
	if err != nil {
		t.Fatal(err)
	}
	if b, err := fs.ReadFile(root, "etc/passwd"); err != nil || !strings.Contains(string(b), ":root:") {
		t.Errorf("etc/passwd is %q, %v", b, err)
	}
	if _, err := bake(t, g, machine(t, "node1")).WriteStandalone(context.Background(), filepath.Join(t.TempDir(), "x"), Raw, Zstd); err == nil {
		t.Error("a raw disk can be compressed")
	}
}

func BenchmarkBake(b *testing.B) {
	golden, _ := writeTestGolden(b, spec(b))
	g := openGolden(b, golden)
	m := machine(b, "node1")
	m.Size = 20 << 30
	path := filepath.Join(b.TempDir(), "node1.qcow2")
	var w Written
	var before, after syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	for b.Loop() {
		baked, err := Bake(g, m)
		if err != nil {
			b.Fatal(err)
		}
		if w, err = baked.WriteOverlay(path, "golden.qcow2"); err != nil {
			b.Fatal(err)
		}
	}
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	cpu := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
	b.ReportMetric(float64(cpu)/1e6/float64(b.N), "cpu-ms/op")
	b.ReportMetric(float64(w.Size)/1024, "KiB/machine")
}
