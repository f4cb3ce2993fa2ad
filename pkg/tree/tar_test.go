package tree

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// outside skips a test whose judge is not installed, unless everything has to be judged.
func outside(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("NODEKILN_CONFORMANCE") == "1" {
		t.Fatalf("%s is not installed", program)
	}
	t.Skipf("%s is not installed", program)
}

func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func TestFromTarOfGNUTar(t *testing.T) {
	outside(t, "tar")
	dir := t.TempDir()
	long := strings.Repeat("long/", 30) + "name"
	for name, text := range map[string]string{"a": "first\n", "sub/b": strings.Repeat("b", 5000), long: "deep", "empty": ""} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Link(filepath.Join(dir, "a"), filepath.Join(dir, "z")), os.Symlink("../a", filepath.Join(dir, "sub/l")),
		os.Chmod(filepath.Join(dir, "a"), 0o755|fs.ModeSetuid), os.Chmod(filepath.Join(dir, "sub"), 0o777|fs.ModeSticky)); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "x.tar")
	run(t, dir, "tar", "--format=pax", "--sort=name", "--numeric-owner", "--owner=:7", "--group=:8", "--mtime=@1000000000", "-cf", file, ".")
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	tr, err := FromTar(f, info.Size(), "test")
	if err != nil {
		t.Fatal(err)
	}
	for p, want := range map[string]string{"a": "first\n", "sub/b": strings.Repeat("b", 5000), long: "deep", "empty": ""} {
		n, ok := tr.Get(p)
		if !ok {
			t.Fatalf("%s is missing", p)
		}
		got, err := n.Content()
		if err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", p, got, err)
		}
		if n.Owner.UID != 7 || n.Owner.GID != 8 || !n.ModTime.Equal(time.Unix(1000000000, 0)) {
			t.Errorf("%s: owner %+v, time %v", p, n.Owner, n.ModTime)
		}
	}
	if n, _ := tr.Get("a"); n.UnixMode() != 0o104755 {
		t.Errorf("a has mode %o", n.UnixMode())
	}
	if n, _ := tr.Get("sub"); n.UnixMode() != 0o041777 {
		t.Errorf("sub has mode %o", n.UnixMode())
	}
	if n, _ := tr.Get("z"); n.HardLink != "a" {
		t.Errorf("z is a hard link to %q", n.HardLink)
	}
	if n, _ := tr.Get("sub/l"); n.Target != "../a" {
		t.Errorf("sub/l links to %q", n.Target)
	}
	if _, ok := tr.Get("."); !ok {
		t.Error("the root is missing")
	}
}

// archive makes a tar of the headers, each file filled with its name.
func archive(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(h.Name))
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := io.WriteString(w, h.Name); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestFromTarDevicesAndXattrs(t *testing.T) {
	b := archive(t,
		tar.Header{Typeflag: tar.TypeChar, Name: "./dev/null", Devmajor: 1, Devminor: 3, Mode: 0o666},
		tar.Header{Typeflag: tar.TypeFifo, Name: "./fifo", Mode: 0o600},
		tar.Header{Typeflag: tar.TypeReg, Name: "./ping", Mode: 0o755, PAXRecords: map[string]string{"SCHILY.xattr.security.capability": "\x01\x00\x00\x02"}},
	)
	tr, err := FromTar(bytes.NewReader(b), int64(len(b)), "test")
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := tr.Get("dev/null"); n.UnixMode() != 0o020666 || n.Major != 1 || n.Minor != 3 {
		t.Errorf("dev/null: %+v", n)
	}
	if n, _ := tr.Get("fifo"); n.Mode.Type() != fs.ModeNamedPipe {
		t.Errorf("fifo: %v", n.Mode)
	}
	if n, _ := tr.Get("ping"); string(n.Xattrs["security.capability"]) != "\x01\x00\x00\x02" {
		t.Errorf("ping: %q", n.Xattrs)
	}
}

func TestFromTarRefusals(t *testing.T) {
	good := archive(t, tar.Header{Typeflag: tar.TypeReg, Name: "file", Mode: 0o644})
	cases := map[string][]byte{
		"leaves the archive": archive(t, tar.Header{Typeflag: tar.TypeReg, Name: "../etc/passwd", Mode: 0o644}),
		"link that leaves":   archive(t, tar.Header{Typeflag: tar.TypeLink, Name: "a", Linkname: "../../b"}),
		"cut in a file":      good[:513],
		"cut in a header":    good[:100],
		"no tar at all":      bytes.Repeat([]byte("x"), 1024),
	}
	for name, b := range cases {
		if _, err := FromTar(bytes.NewReader(b), int64(len(b)), "test"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestFromTarReadsConcurrently(t *testing.T) {
	var headers []tar.Header
	for _, name := range []string{"a", "bb", "ccc", "dddd"} {
		headers = append(headers, tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644})
	}
	b := archive(t, headers...)
	tr, err := FromTar(bytes.NewReader(b), int64(len(b)), "test")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		for _, n := range tr.Nodes() {
			wg.Go(func() {
				if got, err := n.Content(); err != nil || string(got) != n.Path {
					t.Errorf("%s: %q, %v", n.Path, got, err)
				}
			})
		}
	}
	wg.Wait()
}
