package tree

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"
)

func epoch() time.Time { return time.Unix(1700000000, 0).UTC() }

func TestFromFS(t *testing.T) {
	fsys := fstest.MapFS{
		"usr/sbin/hello": {Data: []byte("#!/bin/sh\n"), Mode: 0o444},
		"etc/plain":      {Data: []byte("x")},
		ManifestName: {Data: []byte(`
files:
  usr/sbin/hello: {mode: "4755", user: daemon}
directories:
  usr/sbin: {mode: "0700"}
  var/log/hello: {mode: "2755", group: adm}
links:
  etc/off.timer: /dev/null
`)},
	}
	tr, err := FromFS(fsys, epoch(), "overlay test")
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	if err := WriteManifest(&got, tr); err != nil {
		t.Fatal(err)
	}
	want := `#mtree
./etc type=dir mode=0755 uid=0 gid=0 time=1700000000.0
./etc/off.timer type=link mode=0777 uid=0 gid=0 time=1700000000.0 link=/dev/null
./etc/plain type=file mode=0644 uid=0 gid=0 time=1700000000.0 size=1 sha256digest=2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881
./usr type=dir mode=0755 uid=0 gid=0 time=1700000000.0
./usr/sbin type=dir mode=0700 uid=0 gid=0 time=1700000000.0
./usr/sbin/hello type=file mode=4755 uname=daemon gid=0 time=1700000000.0 size=10 sha256digest=a8076d3d28d21e02012b20eaf7dbf75409a6277134439025f282e368e3305abf
./var/log/hello type=dir mode=2755 uid=0 gname=adm time=1700000000.0
`
	if got.String() != want {
		t.Errorf("got\n%swant\n%s", got.String(), want)
	}
}

func TestFromFSRefusals(t *testing.T) {
	for name, c := range map[string]struct{ manifest, says string }{
		"unknown file":       {"files: {etc/none: {mode: \"0644\"}}", "there is no file etc/none"},
		"directory as file":  {"files: {etc: {}}", "there is no file etc"},
		"file as directory":  {"directories: {etc/plain: {}}", "etc/plain is a file"},
		"link over file":     {"links: {etc/plain: /dev/null}", "etc/plain exists already"},
		"mode not octal":     {"files: {etc/plain: {mode: \"0888\"}}", "0888"},
		"mode too large":     {"files: {etc/plain: {mode: \"17777\"}}", "17777"},
		"unknown key":        {"files: {etc/plain: {owner: root}}", "owner"},
		"unknown section":    {"devices: {}", "devices"},
		"path not clean":     {"directories: {/var: {}}", "/var"},
		"link out of ground": {"links: {../x: y}", "../x"},
	} {
		fsys := fstest.MapFS{"etc/plain": {Data: []byte("x")}, ManifestName: {Data: []byte(c.manifest)}}
		if _, err := FromFS(fsys, epoch(), "test"); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestFromFSOfADirectory(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"bin/run": 0o700, "etc/conf": 0o600} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755), os.WriteFile(filepath.Join(dir, name), nil, mode)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Symlink("../bin/run", filepath.Join(dir, "etc/run")), os.Symlink("/usr/bin/env", filepath.Join(dir, "bin/env"))); err != nil {
		t.Fatal(err)
	}
	got, err := FromFS(os.DirFS(dir), time.Unix(0, 0), "site")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]fs.FileMode{"bin/run": 0o755, "etc/conf": 0o644} {
		if n, _ := got.Get(path); n.Mode != want {
			t.Errorf("%s has mode %v, want %v", path, n.Mode, want)
		}
	}
	for path, want := range map[string]string{"etc/run": "../bin/run", "bin/env": "/usr/bin/env"} {
		if n, _ := got.Get(path); n.Target != want {
			t.Errorf("%s leads to %q, want %q", path, n.Target, want)
		}
	}
}

func TestFromFSRefusesAllAtOnce(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(
		os.Mkdir(filepath.Join(dir, "etc"), 0o755),
		os.Symlink("../../secrets", filepath.Join(dir, "etc/out")),
		os.WriteFile(filepath.Join(dir, "su"), nil, 0o755), os.Chmod(filepath.Join(dir, "su"), 0o755|fs.ModeSetuid),
		syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644),
	); err != nil {
		t.Fatal(err)
	}
	_, err := FromFS(os.DirFS(dir), time.Unix(0, 0), "site")
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"etc/out leads out", "su is setuid", "pipe is a device, a pipe"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in:\n%v", want, err)
		}
	}
}
