package base

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nodekiln/nodekiln/pkg/media"
	"github.com/nodekiln/nodekiln/pkg/plan"
)

// A real bootstrap, which takes the network and most of a minute of CPU, and what it has to hold. Two builders that want
// the same base at the same moment share it.
func TestDebian(t *testing.T) {
	if os.Getenv("NODEKILN_CONFORMANCE") != "1" {
		t.Skip("NODEKILN_CONFORMANCE is not 1")
	}
	cache := t.TempDir()
	b := plan.Base{Debian: "bookworm", Packages: []string{"etcd-client", "etcd-server"}}
	var wg sync.WaitGroup
	golden, heardBy := [2]Golden{}, [2]heard{}
	for i := range golden {
		wg.Go(func() {
			var err error
			if golden[i], err = Ensure(t.Context(), b, Options{CacheDir: cache, Progress: &heardBy[i], ModTime: epoch()}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	first, second := &heardBy[0], &heardBy[1]
	if len(first.stages) < len(second.stages) {
		first, second = second, first
	}
	if !slices.IsSorted(first.done) || first.done[len(first.done)-1] != 1 || len(second.stages) > 1 {
		t.Errorf("one builds and one waits: %v, %v", first.stages, second.stages)
	}
	if golden[0].Digest == "" || golden[0].Digest != golden[1].Digest {
		t.Errorf("digests %s and %s", golden[0].Digest, golden[1].Digest)
	}
	judge(t, "", "qemu-img", "check", golden[0].Path)
	checkEntry(t, cache)
	checkRoot(t, golden[0])
}

// checkEntry finds nothing in the cache but the image, its description and the lock, and nothing elsewhere.
func checkEntry(t *testing.T, cache string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(cache, "base", "*", "*"))
	must(t, err)
	for i := range found {
		found[i] = filepath.Base(found[i])
	}
	if !slices.Equal(found, []string{infoName, imageName, lockName}) {
		t.Errorf("the cache has %v", found)
	}
	dirs, err := filepath.Glob(filepath.Join(cache, "base", "*"))
	must(t, err)
	for _, d := range (entry{dir: dirs[0]}).workdirs() {
		if _, err := os.Lstat(d); err == nil {
			t.Errorf("%s is left", d)
		}
	}
}

func checkRoot(t *testing.T, g Golden) {
	t.Helper()
	disk, err := media.OpenGolden(g.Path)
	must(t, err)
	defer disk.Close()
	root, err := disk.Root()
	must(t, err)
	for _, p := range []string{"etc/hostname", "etc/resolv.conf", "etc/passwd-", "etc/apt/apt.conf.d/99mmdebstrap", "usr/share/perl5/File/Find/Rule.pm", "usr/sbin/update-initramfs"} {
		if _, err := fs.Stat(root, p); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("/%s: %v", p, err)
		}
	}
	keys, err := fs.Glob(root, "etc/ssh/ssh_host_*")
	must(t, err)
	if len(keys) != 0 {
		t.Errorf("host keys: %v", keys)
	}
	for p, want := range map[string]string{
		"etc/machine-id":               `^$`,
		"etc/fstab":                    `^UUID=` + g.RootUUID + ` / ext4 .*x-systemd\.growfs`,
		"etc/passwd":                   `(?m)^etcd:`,
		"etc/shadow":                   `(?m)^root:\*:`,
		"etc/apt/sources.list":         `deb\.debian\.org/debian bookworm main`,
		"boot/grub/grub.cfg":           `root=UUID=` + g.RootUUID,
		"var/lib/dpkg/status":          `(?m)^Package: etcd-server$`,
		"usr/share/doc/bash/copyright": `GPL`,
		"usr/lib/modules/" + g.Kernel + "/modules.dep": `e1000e\.ko:`,
	} {
		text, err := fs.ReadFile(root, p)
		if err != nil || !regexp.MustCompile(want).Match(text) {
			t.Errorf("/%s does not match %s: %v", p, want, err)
		}
	}
	// Zstandard's magic number: RFC 8878, section 3.1.1.
	if ramdisk, err := fs.ReadFile(root, "boot/initrd.img-"+g.Kernel); err != nil || !bytes.HasPrefix(ramdisk, []byte("\x28\xb5\x2f\xfd")) {
		t.Errorf("the initrd is not one: %v", err)
	}
	checkHostName(t, root)
}

// checkHostName looks for the name of the machine that built the image in all that is configuration or state.
func checkHostName(t *testing.T, root fs.FS) {
	t.Helper()
	name, err := os.Hostname()
	must(t, err)
	if len(name) < 6 || name == "localhost" || strings.Contains("debian buildd", name) {
		return
	}
	for _, dir := range []string{"etc", "var"} {
		must(t, fs.WalkDir(root, dir, func(p string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			text, err := fs.ReadFile(root, p)
			if bytes.Contains(text, []byte(name)) {
				t.Errorf("/%s has the host's name", p)
			}
			return err
		}))
	}
}

// A build that is stopped leaves neither an image nor temporary files.
func TestEnsureStopped(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stopped")
	cancel(stop)
	cache := t.TempDir()
	_, err := Ensure(ctx, plan.Base{Debian: "bookworm"}, Options{CacheDir: cache, ModTime: epoch()})
	if err == nil {
		t.Fatal("no error")
	}
	images, err := filepath.Glob(filepath.Join(cache, "base", "*", "golden*"))
	must(t, err)
	if len(images) != 0 {
		t.Errorf("left: %v", images)
	}
}
