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

// owned is what the file of a base knows of itself.
type owned struct {
	owner  tree.Owner
	xattrs map[string][]byte
}

func (o owned) Metadata() (tree.Owner, map[string][]byte) { return o.owner, o.xattrs }

// base is as much of a root filesystem as Rootfs reads.
func base() fstest.MapFS {
	file := func(mode fs.FileMode, s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s), Mode: mode} }
	shadows := func(s string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(s), Mode: 0o640, Sys: owned{owner: tree.Owner{GID: 42}}}
	}
	return fstest.MapFS{
		"etc/passwd":                            file(0o644, "root:x:0:0:root:/root:/bin/bash\netcd:x:102:105::/var/lib/etcd/:/usr/sbin/nologin\n"),
		"etc/group":                             file(0o644, "root:x:0:\nsudo:x:27:\nshadow:x:42:\netcd:x:105:\n"),
		"etc/shadow":                            shadows("root:*:19000:0:99999:7:::\netcd:!:19000::::::\n"),
		"etc/gshadow":                           shadows("root:*::\nsudo:*::\nshadow:*::\netcd:!::\n"),
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
	if err == nil || !strings.Contains(err.Error(), "/etc/hosts: something is there already") {
		t.Errorf("got %v", err)
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct{ butane, want string }{
		"disks":  {"storage: {disks: [{device: /dev/sda}]}", "storage.disks can not be baked"},
		"remote": {"storage: {files: [{path: /x, contents: {source: https://x/y}}]}", "only embedded contents"},
		"user":   {"storage: {files: [{path: /x, user: {name: nobody2}, contents: {inline: x}}]}", `does not have "nobody2"`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Rootfs(ignition(t, c.butane), base(), epoch); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
