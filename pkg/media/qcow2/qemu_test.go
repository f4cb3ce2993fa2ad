package qcow2

import (
	"bytes"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// run runs an outside program, and skips the test where it is not installed, unless the environment says that all must
// be there.
func run(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("NODEKILN_CONFORMANCE") == "1" {
			t.Fatalf("%s is not installed", name)
		}
		t.Skipf("%s is not installed", name)
	}
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return out
}

// check has qemu-img look at an image for errors and leaked clusters.
func check(t testing.TB, path string) {
	t.Helper()
	var report struct {
		CheckErrors int `json:"check-errors"`
		Leaks       int
		Corruptions int
	}
	out := run(t, "qemu-img", "check", "--output=json", "-f", "qcow2", path)
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("qemu-img check: %v\n%s", err, out)
	}
	if report.CheckErrors+report.Leaks+report.Corruptions != 0 {
		t.Fatalf("qemu-img check: %s", out)
	}
}

// pattern makes a disk's content in which every 4 KiB are random, repetitive or zeros.
func pattern(size int, seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 0))
	out := make([]byte, size)
	for at := 0; at < size; {
		part := out[at:min(size, at+4096*(1+r.IntN(64)))]
		switch r.IntN(3) {
		case 0:
			for i := range part {
				part[i] = byte(r.Uint32())
			}
		case 1:
			for i := range part {
				part[i] = byte(i/7) | 1
			}
		}
		at += len(part)
	}
	return out
}

func writeRaw(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func mustOpen(t testing.TB, path string) *Image {
	t.Helper()
	im, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { im.Close() })
	return im
}

// readAll reads the source in pieces that fit no cluster.
func readAll(t testing.TB, src Source) []byte {
	t.Helper()
	var out []byte
	piece := make([]byte, 10007)
	for {
		n, err := src.ReadAt(piece, int64(len(out)))
		out = append(out, piece[:n]...)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if int64(len(out)) != src.Size() {
		t.Fatalf("read %d bytes of a disk of %d", len(out), src.Size())
	}
	return out
}

// equal compares the source with what it should hold, read whole and read only where it says that data is. It also
// wants the walk to leave out something when hole is true.
func equal(t testing.TB, src Source, want []byte, hole bool) {
	t.Helper()
	if !bytes.Equal(readAll(t, src), want) {
		t.Fatal("the content differs")
	}
	got := make([]byte, len(want))
	walked := int64(0)
	for off := int64(0); ; {
		start, end, err := src.NextData(off)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if start < off || end <= start || end > src.Size() {
			t.Fatalf("a run from %d to %d after %d", start, end, off)
		}
		if _, err := src.ReadAt(got[start:end], start); err != nil {
			t.Fatal(err)
		}
		walked += end - start
		off = end
	}
	if !bytes.Equal(got, want) {
		t.Fatal("the content outside the runs is not zeros")
	}
	if hole && walked >= int64(len(want)) {
		t.Fatal("the walk found no hole")
	}
}

// memory is a source of bytes that claims to have no holes.
type memory []byte

func (m memory) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(m).ReadAt(p, off)
}
func (m memory) Size() int64 { return int64(len(m)) }
func (m memory) NextData(off int64) (int64, int64, error) {
	if off >= m.Size() {
		return 0, 0, io.EOF
	}
	return off, m.Size(), nil
}
