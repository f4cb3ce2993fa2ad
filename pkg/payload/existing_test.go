package payload

import (
	"bytes"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// lived is a base in which more is there already.
func lived() fstest.MapFS {
	b := base()
	etcd := tree.Owner{UID: 102, GID: 105}
	b["usr/bin/ping"] = &fstest.MapFile{Data: []byte("ELF"), Mode: 0o755, Sys: owned{xattrs: map[string][]byte{"security.capability": {1}}}}
	b["var/lib/etcd"] = &fstest.MapFile{Mode: fs.ModeDir | 0o700, Sys: owned{owner: etcd}}
	b["var/lib/etcd/notes"] = &fstest.MapFile{Data: []byte("one\n"), Mode: 0o640, Sys: owned{owner: etcd}}
	b["var/run"] = &fstest.MapFile{Data: []byte("/run"), Mode: fs.ModeSymlink | 0o777}
	b["etc/systemd/system/static.service"] = &fstest.MapFile{Data: []byte("/dev/null"), Mode: fs.ModeSymlink | 0o777}
	b["etc/systemd/system/getty.target.wants/getty@tty1.service"] = &fstest.MapFile{
		Data: []byte("/usr/lib/systemd/system/getty@.service"), Mode: fs.ModeSymlink | 0o777,
	}
	return b
}

func TestWhatIsThereKeepsItsMetadata(t *testing.T) {
	tr := rootfsOf(t, `
storage:
  directories:
    - {path: /var/lib/etcd, group: {id: 7}}
  files:
    - {path: /usr/bin/ping, mode: 0700}
    - {path: /var/lib/etcd/notes, append: [{inline: "two\n"}]}
    - {path: /etc/new, user: {name: etcd}}
  links:
    - {path: /var/run, target: /run}
`, lived())
	for p, want := range map[string]tree.Node{
		"var/lib/etcd":       {Mode: fs.ModeDir | 0o700, Owner: tree.Owner{UID: 102, GID: 7}},
		"usr/bin/ping":       {Mode: 0o700, Xattrs: map[string][]byte{"security.capability": {1}}},
		"var/lib/etcd/notes": {Mode: 0o640, Owner: tree.Owner{UID: 102, GID: 105}},
		"etc/new":            {Mode: 0o644, Owner: tree.Owner{UID: 102}},
	} {
		n, ok := tr.Get(p)
		if !ok || n.Mode != want.Mode || n.Owner != want.Owner || !bytes.Equal(n.Xattrs["security.capability"], want.Xattrs["security.capability"]) {
			t.Errorf("%s: got %+v, want %+v", p, n, want)
		}
	}
	if got := content(t, tr, "usr/bin/ping") + content(t, tr, "var/lib/etcd/notes") + content(t, tr, "etc/new"); got != "ELFone\ntwo\n" {
		t.Errorf("contents are %q", got)
	}
	if _, ok := tr.Get("var/run"); ok {
		t.Error("a link that is there already was made again")
	}
}

// TestOneConfigIsOneOrder shows that a later step sees what an earlier one has made.
func TestOneConfigIsOneOrder(t *testing.T) {
	tr := rootfsOf(t, `
passwd: {users: [{name: ann}]}
storage:
  files:
    - {path: /etc/passwd, append: [{inline: "# end\n"}]}
    - {path: /home/ann/.bashrc, append: [{inline: "PS1=x\n"}]}
    - {path: /etc/both, contents: {inline: one}, append: [{inline: two}]}
`, base())
	if got := content(t, tr, "etc/passwd"); !strings.HasSuffix(got, "ann:x:1000:1000::/home/ann:/bin/bash\n# end\n") {
		t.Errorf("passwd is %q", got)
	}
	if n, _ := tr.Get("home/ann/.bashrc"); n.Owner.UID != 1000 || content(t, tr, n.Path) != "# skel\nPS1=x\n" {
		t.Errorf(".bashrc is %+v", n)
	}
	if got := content(t, tr, "etc/both"); got != "onetwo" {
		t.Errorf("both are %q", got)
	}
}

func TestRefusesToReplace(t *testing.T) {
	for name, c := range map[string]struct{ butane, want string }{
		"file by directory":  {"storage: {directories: [{path: /etc/hosts}]}", "no directory"},
		"link by directory":  {"storage: {directories: [{path: /var/run}]}", "no directory"},
		"emptied directory":  {"storage: {directories: [{path: /var/lib/etcd, overwrite: true}]}", "leave overwrite out"},
		"directory by file":  {"storage: {files: [{path: /var/lib/etcd}]}", "no regular file"},
		"link by other link": {"storage: {links: [{path: /var/run, target: /tmp}]}", "overwrite: true"},
		"home's file":        {"passwd: {users: [{name: ann}]}\nstorage: {files: [{path: /home/ann/.bashrc, contents: {inline: x}}]}", "overwrite: true"},
		"wrong digest": {
			"storage: {files: [{path: /x, contents: {inline: x, verification: {hash: sha256-" + strings.Repeat("0", 64) + "}}}]}",
			"do not match",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Rootfs(ignition(t, c.butane), lived(), epoch); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
