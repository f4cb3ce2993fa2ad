package base

import (
	"strings"
	"testing"
	"time"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

func TestNormaliseLeavesNothingOfTheHost(t *testing.T) {
	gone := []string{
		"etc/hostname", "etc/hosts", "etc/resolv.conf", "etc/machine-id", "etc/ssh/ssh_host_rsa_key", "etc/ssh/ssh_host_rsa_key.pub",
		"etc/apt/sources.list", "etc/apt/sources.list.d/0000main.sources", "etc/apt/apt.conf.d/99mmdebstrap", "etc/passwd-", "etc/shadow-",
		"etc/systemd/system/multi-user.target.wants/etcd.service", "etc/systemd/system/dbus-org.freedesktop.timesync1.service",
		"var/lib/dpkg/status-old", "var/cache/apt/pkgcache.bin", "var/lib/apt/lists/x_InRelease", "var/log/dpkg.log", "var/log/apt/term.log",
		"vmlinuz", "initrd.img.old", "boot/initrd.img-6.1.0", "usr/share/man/man1/ls.1.gz", "usr/share/doc/bash/README", "run/lock/x", "dev/null",
		"usr/lib/modules/6.1/kernel/sound/core/snd.ko", "usr/lib/udev/hwdb.d/20-OUI.hwdb", "tmp/x", "root/.bash_history",
	}
	kept := []string{
		"etc/passwd", "etc/ssh/sshd_config", "etc/apt/apt.conf.d/01autoremove", "usr/share/doc/bash/copyright", "boot/vmlinuz-6.1.0",
		"usr/lib/modules/6.1/kernel/drivers/net/ethernet/intel/e1000/e1000.ko", "usr/lib/udev/hwdb.d/20-net-ifname.hwdb", "var/lib/dpkg/status",
		"root/.bashrc", "var/log/wtmp", "usr/bin/[",
	}
	in := &tree.Tree{}
	for _, p := range append(append([]string{}, gone...), kept...) {
		must(t, in.Add(tree.File(p, 0o640, epoch().Add(time.Hour), []byte("host"), "")))
	}
	for _, d := range []string{"var/log/apt", "run", "dev", "proc", "usr/share/man"} {
		must(t, in.Add(tree.Dir(d, 0o755, epoch().Add(-time.Hour), "")))
	}
	out, err := normalise(in, epoch())
	must(t, err)
	for _, p := range gone {
		if _, ok := out.Get(p); ok {
			t.Errorf("%s is still there", p)
		}
	}
	for _, p := range kept {
		n, ok := out.Get(p)
		if !ok {
			t.Errorf("%s is gone", p)
			continue
		}
		if !n.ModTime.Equal(epoch()) || n.Mode != 0o640 {
			t.Errorf("%s: time %v, mode %v", p, n.ModTime, n.Mode)
		}
	}
	for _, d := range []string{"var/log/apt", "run", "dev", "usr/share/man"} {
		if n, ok := out.Get(d); !ok || !n.ModTime.Equal(epoch().Add(-time.Hour)) {
			t.Errorf("%s: %+v", d, n)
		}
	}
	if n, _ := out.Get("var/log/wtmp"); n.Size != 0 {
		t.Error("var/log/wtmp has content")
	}
}

func TestNormaliseXattrs(t *testing.T) {
	n := tree.File("usr/bin/ping", 0o755, epoch(), nil, "")
	n.Xattrs = map[string][]byte{"security.capability": {1}, "system.posix_acl_access": {2}, "system.posix_acl_default": {3}}
	in, err := tree.New(n)
	must(t, err)
	out, err := normalise(in, epoch())
	must(t, err)
	if got, _ := out.Get("usr/bin/ping"); len(got.Xattrs) != 1 || got.Xattrs["security.capability"] == nil {
		t.Errorf("got %v", got.Xattrs)
	}
}

func TestWithoutKeepsHardLinkedContent(t *testing.T) {
	in, err := tree.New(tree.File("a/gone", 0o600, epoch(), []byte("content"), ""),
		tree.Node{Path: "b/first", HardLink: "a/gone"}, tree.Node{Path: "c/second", HardLink: "a/gone"}, tree.Node{Path: "a/too", HardLink: "a/gone"})
	must(t, err)
	out, err := without(in, func(n tree.Node) bool { return strings.HasPrefix(n.Path, "a/") })
	must(t, err)
	first, _ := out.Get("b/first")
	if b, err := first.Content(); err != nil || string(b) != "content" || first.Mode != 0o600 {
		t.Errorf("b/first: %q, %v, %v", b, err, first.Mode)
	}
	if second, _ := out.Get("c/second"); second.HardLink != "b/first" || out.Len() != 2 {
		t.Errorf("c/second: %+v, %d nodes", second, out.Len())
	}
}

func TestResolveOwners(t *testing.T) {
	root, err := tree.New(tree.File("etc/passwd", 0o644, epoch(), []byte("root:x:0:0::/:/bin/sh\netcd:x:100:101::/:/bin/sh\n"), ""),
		tree.File("etc/group", 0o644, epoch(), []byte("root:x:0:\nadm:x:4:\n"), ""))
	must(t, err)
	n := tree.Dir("var/log/x", 0o755, epoch(), "")
	n.Owner = tree.Owner{User: "etcd", Group: "adm"}
	overlay, err := tree.New(n)
	must(t, err)
	must(t, resolveOwners(overlay, root))
	if got, _ := overlay.Get("var/log/x"); got.Owner != (tree.Owner{UID: 100, GID: 4}) {
		t.Errorf("got %+v", got.Owner)
	}
	n.Owner.User = "nobody"
	must(t, overlay.Add(n))
	if err := resolveOwners(overlay, root); err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("an unknown user: %v", err)
	}
}
