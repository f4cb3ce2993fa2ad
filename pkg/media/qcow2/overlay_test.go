package qcow2

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// scribble writes random pieces into the overlay and into a copy of what it should then hold.
func scribble(t *testing.T, o *Overlay, want []byte, times int) {
	t.Helper()
	r := rand.New(rand.NewPCG(9, 0))
	for i := range times {
		at := r.IntN(len(want))
		piece := make([]byte, min(r.IntN(70<<10), len(want)-at))
		if i%4 != 0 {
			for j := range piece {
				piece[j] = byte(r.Uint32())
			}
		}
		if _, err := o.WriteAt(piece, int64(at)); err != nil {
			t.Fatal(err)
		}
		copy(want[at:], piece)
	}
}

func TestOverlay(t *testing.T) {
	for _, bits := range []uint{12, 14, 16} {
		for _, grow := range []int{0, 512, 7<<20 + 512} {
			t.Run(fmt.Sprint(1<<bits, " +", grow), func(t *testing.T) {
				dir := t.TempDir()
				base := pattern(5<<20+1024, 10)
				golden := filepath.Join(dir, "golden.qcow2")
				if err := os.WriteFile(golden, written(t, None, memory(base)), 0o600); err != nil {
					t.Fatal(err)
				}
				want := append(bytes.Clone(base), make([]byte, grow)...)
				o, err := newOverlay(mustOpen(t, golden), int64(len(want)), bits)
				if err != nil {
					t.Fatal(err)
				}
				equal(t, o, want, true)
				scribble(t, o, want, 40)
				equal(t, o, want, grow > 1<<20)

				path := filepath.Join(dir, "machine.qcow2")
				writeOverlay(t, path, o, "golden.qcow2", "qcow2")
				check(t, path)
				run(t, "qemu-img", "compare", "-f", "raw", "-F", "qcow2", writeRaw(t, "want.raw", want), path)
				equal(t, mustOpen(t, path), want, grow > 1<<20)
			})
		}
	}
}

func writeOverlay(t testing.TB, path string, o *Overlay, backing, format string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := WriteOverlay(&b, o, backing, format); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestOverlayKeepsOnlyChanges writes what the base already has, and zeros over data, and wants neither to take place.
func TestOverlayKeepsOnlyChanges(t *testing.T) {
	dir := t.TempDir()
	base := bytes.Repeat([]byte{5}, 1<<20)
	if err := os.WriteFile(filepath.Join(dir, "golden.raw"), base, 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := NewOverlay(memory(base), 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []struct {
		at      int64
		content []byte
	}{{1000, base[:200<<10]}, {1 << 39, make([]byte, 100<<10)}, {512 << 10, make([]byte, 128<<10)}} {
		if _, err := o.WriteAt(w.content, w.at); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "machine.qcow2")
	image := writeOverlay(t, path, o, "golden.raw", "raw")
	check(t, path)
	want := make([]byte, 1<<20)
	copy(want, base)
	clear(want[512<<10 : 640<<10])
	got := make([]byte, 1<<20)
	if _, err := mustOpen(t, path).ReadAt(got, 0); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the content differs, %v", err)
	}
	// Header, one L2 table, an L1 table of 256 KiB for 1 TiB, a refcount block and the refcount table.
	if want := (1 + 1 + 16 + 1 + 1) << 14; len(image) != want {
		t.Errorf("an image of %d bytes instead of %d", len(image), want)
	}
}

// TestOverlayOfLargeDisk wants a disk of the largest kind to take little room.
func TestOverlayOfLargeDisk(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "golden.raw"), make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := NewOverlay(memory(make([]byte, 1<<20)), 16<<40)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.WriteAt([]byte("the end"), 16<<40-7); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "machine.qcow2")
	if image := writeOverlay(t, path, o, "golden.raw", "raw"); len(image) > 1<<20 {
		t.Errorf("an image of %d bytes", len(image))
	}
	check(t, path)
	got := make([]byte, 7)
	if _, err := mustOpen(t, path).ReadAt(got, 16<<40-7); err != nil || string(got) != "the end" {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestOverlayRefuses(t *testing.T) {
	base := memory(make([]byte, 1<<20))
	if _, err := NewOverlay(base, 1<<20-512); err == nil {
		t.Error("an overlay can be smaller than its base")
	}
	if _, err := NewOverlay(base, 1<<20+1); err == nil {
		t.Error("an overlay can end within a sector")
	}
	o, err := NewOverlay(base, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.WriteAt(make([]byte, 2), 1<<20-1); err == nil {
		t.Error("a write beyond the end works")
	}
	if err := WriteOverlay(io.Discard, o, "", "qcow2"); err == nil {
		t.Error("an overlay without a backing file can be written")
	}
	if err := WriteOverlay(io.Discard, o, string(make([]byte, 2000)), "qcow2"); err == nil {
		t.Error("an overlay with a very long backing name can be written")
	}
}

// TestLocate reads an overlay's unchanged bytes where they lie in the base's file.
func TestLocate(t *testing.T) {
	want := pattern(6<<20, 11)
	o, err := NewOverlay(mustOpen(t, writeRaw(t, "golden.qcow2", written(t, None, memory(want)))), 8<<20)
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, make([]byte, 2<<20)...)
	scribble(t, o, want, 5)
	located, longest := int64(0), int64(0)
	for off := int64(0); off < o.Size(); {
		f, pos, n, err := o.Locate(off)
		if err != nil || n <= 0 {
			t.Fatalf("locate %d: %d bytes, %v", off, n, err)
		}
		if f != nil {
			got := make([]byte, n)
			if _, err := f.ReadAt(got, pos); err != nil || !bytes.Equal(got, want[off:off+n]) {
				t.Fatalf("%d bytes at %d are not at %d of the file, %v", n, off, pos, err)
			}
			located, longest = located+n, max(longest, n)
		}
		off += n
	}
	if located < 1<<20 || longest <= 64<<10 {
		t.Errorf("located %d bytes, at most %d in a piece", located, longest)
	}
}
