package payload

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

func TestUsers(t *testing.T) {
	b := base()
	b["etc/skel/.config/x"] = &fstest.MapFile{Data: []byte("x"), Mode: 0o600}
	tr := rootfsOf(t, `
passwd:
  groups:
    - {name: ops, gid: 1000}
  users:
    - {name: root, ssh_authorized_keys: [ssh-ed25519 AAAA root]}
    - {name: ann, groups: [sudo, ops], password_hash: $6$x$y, ssh_authorized_keys: [ssh-ed25519 BBBB ann]}
    - {name: bob, uid: 1500, shell: /bin/sh, password_hash: ""}
    - {name: etcd, shell: /bin/sh, gecos: Store, groups: [sudo]}
    - {name: gone, should_exist: false}
`, b)
	for p, want := range map[string]string{
		"etc/passwd": "etcd:x:102:105:Store:/var/lib/etcd/:/bin/sh\n" +
			"ann:x:1001:1001::/home/ann:/bin/bash\nbob:x:1500:1500::/home/bob:/bin/sh\n",
		"etc/group":                     "sudo:x:27:ann,etcd\nshadow:x:42:\netcd:x:105:\nops:x:1000:ann\nann:x:1001:\nbob:x:1500:\n",
		"etc/shadow":                    "ann:$6$x$y:1:0:99999:7:::\nbob:*:1:0:99999:7:::\n",
		"etc/gshadow":                   "ops:*::ann\nann:*::\nbob:*::\n",
		"root/.ssh/authorized_keys":     "ssh-ed25519 AAAA root\n",
		"home/ann/.ssh/authorized_keys": "ssh-ed25519 BBBB ann\n",
		"home/ann/.bashrc":              "# skel\n",
		"home/ann/.config/x":            "x",
	} {
		if got := content(t, tr, p); !strings.HasSuffix(got, want) {
			t.Errorf("%s is %q, want it to end in %q", p, got, want)
		}
	}
	if n, _ := tr.Get("etc/shadow"); n.Mode != 0o640 || n.Owner.GID != 42 {
		t.Errorf("shadow has mode %v and owner %+v", n.Mode, n.Owner)
	}
	for _, p := range []string{"home/ann", "home/ann/.ssh", "home/ann/.ssh/authorized_keys"} {
		if n, _ := tr.Get(p); n.Owner != (tree.Owner{UID: 1001, GID: 1001}) || n.Mode.Perm()&0o077 != 0 {
			t.Errorf("%s: %+v %v", p, n.Owner, n.Mode)
		}
	}
}

// TestGroupsOfAUserAreReplaced: usermod(8) takes the user out of the groups that are not listed.
func TestGroupsOfAUserAreReplaced(t *testing.T) {
	b := base()
	b["etc/group"].Data = []byte("root:x:0:\nsudo:x:27:etcd,joe\nshadow:x:42:\netcd:x:105:\n")
	tr := rootfsOf(t, "passwd: {users: [{name: etcd, groups: [shadow]}]}", b)
	if got := content(t, tr, "etc/group"); got != "root:x:0:\nsudo:x:27:joe\nshadow:x:42:etcd\netcd:x:105:\n" {
		t.Errorf("got %q", got)
	}
}

func TestRefusesAccounts(t *testing.T) {
	for name, c := range map[string]struct{ butane, want string }{
		"no group":       {"users: [{name: ann, groups: [wheel]}]", `does not have "wheel"`},
		"taken":          {"users: [{name: ann, uid: 102}]", "the id 102 is taken"},
		"taken group":    {"groups: [{name: ops, gid: 27}]", "the id 27 is taken"},
		"name of group":  {"users: [{name: sudo}]", "primary_group: sudo"},
		"no user group":  {"users: [{name: ann, no_user_group: true}]", "primary_group"},
		"other id":       {"users: [{name: etcd, uid: 7}]", "with the id 102"},
		"other home":     {"users: [{name: etcd, home_dir: /srv}]", "with the home"},
		"other group":    {"users: [{name: etcd, primary_group: sudo}]", "with the primary group 105"},
		"other gid":      {"groups: [{name: sudo, gid: 7}]", "with the id 27"},
		"deleted":        {"users: [{name: etcd, should_exist: false}]", "can not be deleted"},
		"deleted group":  {"groups: [{name: sudo, should_exist: false}]", "can not be deleted"},
		"keys, no home":  {"users: [{name: ann, no_create_home: true, ssh_authorized_keys: [ssh-ed25519 A a]}]", "no home"},
		"group password": {"groups: [{name: sudo, password_hash: x}]", "can not be changed"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Rootfs(ignition(t, "passwd: {"+c.butane+"}"), base(), epoch)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
