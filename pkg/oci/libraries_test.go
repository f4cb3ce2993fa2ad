package oci

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// hostFiles gives files of this computer, which has to be a Debian, as a base has them.
func hostFiles(t *testing.T, patterns ...string) *tree.Tree {
	t.Helper()
	out := &tree.Tree{}
	for _, p := range patterns {
		names, err := filepath.Glob("/" + p)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			info, err := os.Lstat(name)
			if err != nil {
				t.Fatal(err)
			}
			n := tree.Node{Path: name[1:], Mode: info.Mode(), Size: info.Size(), Open: func() (io.ReadCloser, error) { return os.Open(name) }}
			if info.Mode().Type() == fs.ModeSymlink {
				if n.Target, err = os.Readlink(name); err != nil {
					t.Fatal(err)
				}
			}
			if err := out.Add(n); err != nil {
				t.Fatal(err)
			}
		}
	}
	return out
}

// A program of the base runs where there is nothing but what was put in with it.
func TestLinked(t *testing.T) {
	root := hostFiles(t, "lib", "lib64", "bin", "usr/lib64/*", "usr/bin/cp", "usr/lib/x86_64-linux-gnu/*.so*", "usr/lib/x86_64-linux-gnu/gconv/UTF-16.so")
	if _, err := root.Resolve("lib64/ld-linux-x86-64.so.2"); err != nil {
		if os.Getenv("NODEKILN_CONFORMANCE") == "1" {
			t.Fatal(err)
		}
		t.Skipf("this is no Debian for x86-64: %v", err)
	}
	const dir = "usr/lib/x86_64-linux-gnu"
	made, err := layer{linked("bin/cp"), linkedDir(path.Join(dir, "gconv")), linkedIfThere("usr/sbin/none")}.tree(pantry{root: root, modTime: time.Unix(0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"bin/cp", "lib64/ld-linux-x86-64.so.2", dir + "/libc.so.6", dir + "/libselinux.so.1", dir + "/libpcre2-8.so.0", dir + "/gconv/UTF-16.so"} {
		if n, ok := made.Get(name); !ok || !n.Mode.IsRegular() {
			t.Errorf("/%s is not there", name)
		}
	}
	if made.Len() > 20 {
		t.Errorf("%d files for two", made.Len())
	}
	to := t.TempDir()
	if err := tree.WriteDir(filepath.Join(to, "root"), made); err != nil {
		t.Fatal(err)
	}
	said, err := exec.Command("unshare", "--user", "--map-root-user", "chroot", filepath.Join(to, "root"), "/bin/cp", "--version").CombinedOutput()
	if err != nil || !bytes.Contains(said, []byte("coreutils")) {
		t.Errorf("it says %s, %v", said, err)
	}
}

func TestLinkedWithoutItsLibraries(t *testing.T) {
	root := hostFiles(t, "lib", "lib64", "bin", "usr/lib64/*", "usr/bin/cp")
	_, err := layer{linked("usr/bin/cp")}.tree(pantry{root: root})
	if err == nil || !strings.Contains(err.Error(), "/usr/bin/cp: ") {
		t.Errorf("got %v", err)
	}
	if _, err := (layer{linked("usr/bin/none")}).tree(pantry{root: root}); !isAbsent(err) {
		t.Errorf("got %v", err)
	}
}

// Where one file is all programs, each image has the same layer; else each has its own program.
func TestKubernetes(t *testing.T) {
	certificates := tree.File("etc/ssl/certs/ca-certificates.crt", 0o644, time.Time{}, []byte("x"), "base")
	root, err := tree.New(certificates)
	if err != nil {
		t.Fatal(err)
	}
	program := func(name string) tree.Node { return tree.File("usr/bin/"+name, 0o755, time.Time{}, []byte(name), "") }
	names := []string{"kube-apiserver", "kube-proxy"}
	one, err := tree.New(program("hyperkube"), tree.Symlink("usr/bin/kube-apiserver", "hyperkube", time.Time{}, ""), tree.Symlink("usr/bin/kube-proxy", "hyperkube", time.Time{}, ""))
	if err != nil {
		t.Fatal(err)
	}
	each, err := tree.New(program(names[0]), program(names[1]))
	if err != nil {
		t.Fatal(err)
	}
	digests := func(programs *tree.Tree) (out []string) {
		for _, name := range names {
			made, err := kubernetes(name).tree(pantry{root: root, programs: programs})
			if err != nil {
				t.Fatal(err)
			}
			n, err := made.Resolve("usr/local/bin/" + name)
			if err != nil || n.Mode.Perm() != 0o755 {
				t.Errorf("%s: %v, %v", name, n.Mode, err)
			}
			b, err := layerBlob(made)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, b.digest.String())
		}
		return out
	}
	if d := digests(one); d[0] != d[1] {
		t.Errorf("one program gives %v", d)
	}
	if d := digests(each); d[0] == d[1] {
		t.Errorf("two programs give %v", d)
	}
	if _, err := kubernetes("kube-scheduler").tree(pantry{root: root, programs: each}); !isAbsent(err) {
		t.Errorf("a program that is not there: %v", err)
	}
}

func TestLibraryDirsAreTheRuntimes(t *testing.T) {
	said, err := exec.Command("ld.so", "--help").Output()
	if err != nil {
		if os.Getenv("NODEKILN_CONFORMANCE") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	var dirs []string
	for line := range strings.Lines(string(said)) {
		if dir, ok := strings.CutSuffix(strings.TrimSpace(line), " (system search path)"); ok {
			dirs = append(dirs, strings.TrimPrefix(dir, "/"))
		}
	}
	// In another order: on a merged /usr each is another one's link.
	if want := slices.Sorted(slices.Values(libraryDirs())); !slices.Equal(slices.Sorted(slices.Values(dirs)), want) {
		t.Errorf("ld.so looks in %v, not %v", dirs, want)
	}
}
