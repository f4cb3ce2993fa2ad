package payload

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/coreos/butane/config"
	"github.com/coreos/butane/config/common"
	"github.com/coreos/ignition/v2/config/v3_4"
	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

var epoch = time.Unix(1700000000, 0)

// base is as much of a root filesystem as Rootfs reads.
func base() fstest.MapFS {
	file := func(mode fs.FileMode, s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s), Mode: mode} }
	return fstest.MapFS{
		"etc/passwd":                            file(0o644, "root:x:0:0:root:/root:/bin/bash\netcd:x:102:105::/var/lib/etcd/:/usr/sbin/nologin\n"),
		"etc/group":                             file(0o644, "root:x:0:\nsudo:x:27:\nshadow:x:42:\netcd:x:105:\n"),
		"etc/shadow":                            file(0o640, "root:*:19000:0:99999:7:::\netcd:!:19000::::::\n"),
		"etc/gshadow":                           file(0o640, "root:*::\nsudo:*::\nshadow:*::\netcd:!::\n"),
		"etc/skel/.bashrc":                      file(0o644, "# skel\n"),
		"etc/hosts":                             file(0o644, "127.0.0.1 localhost\n"),
		"usr/lib/systemd/system/getty@.service": file(0o644, "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=getty.target\n"),
		"usr/lib/systemd/system/static.service": file(0o644, "[Service]\nExecStart=/bin/true\n"),
	}
}

// ignition translates a Butane config as the templates are.
func ignition(t *testing.T, butane string) types.Config {
	t.Helper()
	options := common.TranslateBytesOptions{Raw: true}
	options.NoResourceAutoCompression = true
	b, rep, err := config.TranslateBytes([]byte("variant: flatcar\nversion: 1.1.0\n"+butane), options)
	if err != nil {
		t.Fatalf("%v: %s", err, rep)
	}
	cfg, rep, err := v3_4.Parse(b)
	if err != nil {
		t.Fatalf("%v: %s", err, rep)
	}
	return cfg
}

func rootfsOf(t *testing.T, butane string, base fs.FS) *tree.Tree {
	t.Helper()
	out, err := Rootfs(ignition(t, butane), base, epoch)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func content(t *testing.T, tr *tree.Tree, p string) string {
	t.Helper()
	n, ok := tr.Get(p)
	if !ok {
		t.Fatalf("no %s in the tree", p)
	}
	b, err := n.Content()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestFilesTakeOwnersFromTheBase(t *testing.T) {
	tr := rootfsOf(t, `
storage:
  files:
    - path: /opt/key.pem
      mode: 0600
      user: {name: etcd}
      group: {id: 7}
      contents: {inline: secret}
`, base())
	n, _ := tr.Get("opt/key.pem")
	if n.Owner != (tree.Owner{UID: 102, GID: 7}) || n.Mode != 0o600 || !n.ModTime.Equal(epoch) {
		t.Errorf("got %+v", n)
	}
	if d, ok := tr.Get("opt"); !ok || d.Mode != fs.ModeDir|0o755 {
		t.Errorf("the missing parent is %+v", d)
	}
	if _, ok := tr.Get("etc"); ok {
		t.Error("a directory that the base has was made again")
	}
}

func TestWithoutABaseOwnersStayNames(t *testing.T) {
	tr := rootfsOf(t, "storage: {files: [{path: /k, user: {name: etcd}, group: {name: root}, contents: {inline: x}}]}", nil)
	if n, _ := tr.Get("k"); n.Owner != (tree.Owner{User: "etcd"}) {
		t.Errorf("got %+v", n.Owner)
	}
}

func TestOverwriteAndAppend(t *testing.T) {
	tr := rootfsOf(t, "storage: {files: [{path: /etc/hosts, append: [{inline: \"10.0.0.1 a\\n\"}]}]}", base())
	if got := content(t, tr, "etc/hosts"); got != "127.0.0.1 localhost\n10.0.0.1 a\n" {
		t.Errorf("got %q", got)
	}
	_, err := Rootfs(ignition(t, "storage: {files: [{path: /etc/hosts, contents: {inline: x}}]}"), base(), epoch)
	if err == nil || !strings.Contains(err.Error(), "/etc/hosts: the base has it already") {
		t.Errorf("got %v", err)
	}
}

func TestUnits(t *testing.T) {
	tr := rootfsOf(t, `
systemd:
  units:
    - name: a.service
      enabled: true
      contents: |
        [Service]
        ExecStart=/bin/a
        [Install]
        WantedBy=multi-user.target
        Alias=b.service
      dropins: [{name: x.conf, contents: "[Service]\n"}]
    - {name: getty@ttyS1.service, enabled: true}
    - {name: apt-daily.timer, mask: true}
`, base())
	for p, want := range map[string]string{
		"etc/systemd/system/multi-user.target.wants/a.service":      "/etc/systemd/system/a.service",
		"etc/systemd/system/b.service":                              "/etc/systemd/system/a.service",
		"etc/systemd/system/getty.target.wants/getty@ttyS1.service": "/usr/lib/systemd/system/getty@.service",
		"etc/systemd/system/apt-daily.timer":                        "/dev/null",
	} {
		if n, ok := tr.Get(p); !ok || n.Target != want {
			t.Errorf("%s points to %q, want %q", p, n.Target, want)
		}
	}
	if got := content(t, tr, "etc/systemd/system/a.service.d/x.conf"); got != "[Service]\n" {
		t.Errorf("drop-in: %q", got)
	}
}

func TestUsers(t *testing.T) {
	tr := rootfsOf(t, `
passwd:
  users:
    - {name: root, ssh_authorized_keys: [ssh-ed25519 AAAA root]}
    - {name: ann, groups: [sudo], password_hash: $6$x$y, ssh_authorized_keys: [ssh-ed25519 BBBB ann]}
    - {name: bob, uid: 1500, shell: /bin/sh}
`, base())
	for p, want := range map[string]string{
		"etc/passwd":                    "ann:x:1000:1000::/home/ann:/bin/bash\nbob:x:1500:1500::/home/bob:/bin/sh\n",
		"etc/group":                     "ann:x:1000:\nbob:x:1500:\n",
		"etc/shadow":                    "ann:$6$x$y:1:0:99999:7:::\nbob:*:1:0:99999:7:::\n",
		"root/.ssh/authorized_keys":     "ssh-ed25519 AAAA root\n",
		"home/ann/.ssh/authorized_keys": "ssh-ed25519 BBBB ann\n",
		"home/ann/.bashrc":              "# skel\n",
	} {
		if got := content(t, tr, p); !strings.HasSuffix(got, want) {
			t.Errorf("%s is %q, want it to end in %q", p, got, want)
		}
	}
	if !strings.Contains(content(t, tr, "etc/group"), "sudo:x:27:ann\n") {
		t.Error("ann is not in the group sudo")
	}
	if n, _ := tr.Get("etc/shadow"); n.Mode != 0o640 || n.Owner.GID != 42 {
		t.Errorf("shadow has mode %v and owner %+v", n.Mode, n.Owner)
	}
	for _, p := range []string{"home/ann", "home/ann/.ssh", "home/ann/.ssh/authorized_keys"} {
		if n, _ := tr.Get(p); n.Owner != (tree.Owner{UID: 1000, GID: 1000}) || n.Mode.Perm()&0o077 != 0 {
			t.Errorf("%s: %+v %v", p, n.Owner, n.Mode)
		}
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct{ butane, want string }{
		"disks":     {"storage: {disks: [{device: /dev/sda}]}", "storage.disks can not be baked"},
		"remote":    {"storage: {files: [{path: /x, contents: {source: https://x/y}}]}", "only embedded contents"},
		"user":      {"storage: {files: [{path: /x, user: {name: nobody2}, contents: {inline: x}}]}", `does not have "nobody2"`},
		"no unit":   {"systemd: {units: [{name: none.service, enabled: true}]}", "the base has no such unit"},
		"no target": {"systemd: {units: [{name: static.service, enabled: true}]}", "no [Install] section"},
		"no group":  {"passwd: {users: [{name: ann, groups: [wheel]}]}", `does not have "wheel"`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Rootfs(ignition(t, c.butane), base(), epoch); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
