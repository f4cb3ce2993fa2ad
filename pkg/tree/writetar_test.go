package tree

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What is written is what FromTar reads, and what tar(1) does.
func TestWriteTar(t *testing.T) {
	modTime := time.Unix(1700000000, 0).UTC()
	capable := File("usr/bin/ping", 0o755, modTime, []byte("program"), "")
	capable.Xattrs = map[string][]byte{"security.capability": {1, 0, 0, 2, 0xff}}
	owned := File("var/mail", 0o640|fs.ModeSetgid, modTime, []byte("mail"), "")
	owned.Owner = Owner{UID: 5000000, GID: 8}
	null := Node{Path: "dev/null", Mode: fs.ModeDevice | fs.ModeCharDevice | 0o666, ModTime: modTime, Major: 1, Minor: 3}
	link := Node{Path: "usr/bin/ping4", HardLink: "usr/bin/ping"}
	long := File(strings.Repeat("long/", 60)+"name", 0o644, modTime, nil, "")
	made, err := New(capable, owned, null, link, long, Dir("tmp", 0o777|fs.ModeSticky, modTime, ""), Symlink("bin", "usr/bin", modTime, ""))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := WriteTar(&b, made); err != nil {
		t.Fatal(err)
	}
	read, err := FromTar(bytes.NewReader(b.Bytes()), int64(b.Len()), "")
	if err != nil {
		t.Fatal(err)
	}
	var want, got bytes.Buffer
	if err := WriteManifest(&want, made); err != nil {
		t.Fatal(err)
	}
	if err := WriteManifest(&got, read); err != nil {
		t.Fatal(err)
	}
	if got.String() != want.String() {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want.String())
	}
	name := filepath.Join(t.TempDir(), "a.tar")
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	said, err := exec.Command("tar", "-tvf", name).CombinedOutput()
	if err != nil || !strings.Contains(string(said), "usr/bin/ping4 link to usr/bin/ping") || !strings.Contains(string(said), "drwxrwxrwt") {
		t.Errorf("tar says %v\n%s", err, said)
	}
}

func TestWriteTarRefuses(t *testing.T) {
	modTime := time.Unix(0, 0)
	named, short := File("a", 0o644, modTime, nil, ""), File("a", 0o644, modTime, []byte("text"), "")
	named.Owner.User = "etcd"
	short.Size = 5
	for complaint, n := range map[string]Node{
		"owner":     named,
		"announced": short,
		"sockets":   {Path: "s", Mode: fs.ModeSocket},
	} {
		made, err := New(n)
		if err != nil {
			t.Fatal(err)
		}
		if err := WriteTar(&bytes.Buffer{}, made); err == nil || !strings.Contains(err.Error(), complaint) {
			t.Errorf("%s: got %v", complaint, err)
		}
	}
}
