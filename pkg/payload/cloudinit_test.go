package payload_test

import (
	"bytes"
	"encoding/base64"
	"net/netip"
	"strings"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_4/types"
	"gopkg.in/yaml.v3"

	"github.com/nodekiln/nodekiln/pkg/payload"
)

func lan() payload.Host {
	return payload.Host{Name: "node1", MAC: "52:54:00:00:00:01", Address: netip.MustParsePrefix("10.0.0.1/24")}
}

// cloudConfig is as much of user-data as these tests read.
type cloudConfig struct {
	Hostname string
	FQDN     string
	SSHKeys  map[string]string `yaml:"ssh_keys"`
	Files    []writtenFile     `yaml:"write_files"`
	Boot     [][]string        `yaml:"bootcmd"`
	Run      [][]string        `yaml:"runcmd"`
	Users    []map[string]any
}

type writtenFile struct {
	Path, Owner, Permissions, Encoding, Content string
	Defer                                       bool
}

func seedOf(t *testing.T, cfg types.Config, host payload.Host) cloudConfig {
	t.Helper()
	seed, err := payload.CloudInit(cfg, host, payload.Target{})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(seed.UserData, []byte("#cloud-config\n")) {
		t.Fatalf("user-data begins with %.20q", seed.UserData)
	}
	var c cloudConfig
	if err := yaml.Unmarshal(seed.UserData, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// runs tells whether one of the commands, written with blanks, contains the words.
func runs(commands [][]string, words string) bool {
	for _, c := range commands {
		if strings.Contains(strings.Join(c, " "), words) {
			return true
		}
	}
	return false
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestCloudInitFiles(t *testing.T) {
	c := seedOf(t, butane(t, `
storage:
  files:
    - {path: /plain, contents: {inline: "a\n"}}
    - {path: /secret, mode: 0600, user: {name: etcd}, group: {name: root}, contents: {inline: k}}
    - {path: /numbered, user: {id: 7}, contents: {inline: n}}
    - {path: /binary, contents: {source: "data:;base64,AP8="}}
    - {path: /etc/resolv.conf, overwrite: true, contents: {inline: r}}
    - {path: /elevated, mode: 04755, contents: {inline: e}}
    - {path: /etc/issue, append: [{inline: more}]}
`), lan())
	want := []writtenFile{
		{Path: "/plain", Permissions: "0644", Content: "a\n"},
		{Path: "/secret", Permissions: "0600", Owner: "etcd:root", Defer: true, Content: "k"},
		{Path: "/numbered", Permissions: "0644", Content: "n"},
		{Path: "/binary", Permissions: "0644", Content: "AP8=", Encoding: "b64"},
		{Path: "/etc/resolv.conf", Permissions: "0644", Content: "r"},
		{Path: "/elevated", Permissions: "4755", Content: "e"},
	}
	if len(c.Files) != len(want) {
		t.Fatalf("got %+v", c.Files)
	}
	for i := range want {
		if c.Files[i] != want[i] {
			t.Errorf("got %+v, want %+v", c.Files[i], want[i])
		}
	}
	for _, words := range []string{"chown -h 7 /numbered", "chmod 4755 /elevated", "/etc/issue " + base64.StdEncoding.EncodeToString([]byte("more"))} {
		if !runs(c.Run, words) {
			t.Errorf("runcmd lacks %q: %q", words, c.Run)
		}
	}
	if !runs(c.Boot, "sh /etc/resolv.conf") || runs(c.Boot, "/plain") {
		t.Errorf("links are taken away by %q", c.Boot)
	}
}

func TestCloudInitGivesAMachineItsIdentity(t *testing.T) {
	host := lan()
	host.Domain = "example.com"
	c := seedOf(t, butane(t, `
storage:
  files:
    - {path: /etc/hostname, contents: {inline: "node1\n"}}
    - {path: /etc/machine-id, contents: {inline: "0123456789abcdef0123456789abcdef\n"}}
    - {path: /etc/ssh/ssh_host_ed25519_key, mode: 0600, contents: {inline: "PRIVATE\n"}}
    - {path: /etc/ssh/ssh_host_ed25519_key.pub, contents: {inline: "public\n"}}
    - {path: /etc/ssh/ssh_host_other_key, contents: {inline: other}}
    - {path: /etc/systemd/network/10-machine.network, contents: {inline: "[Match]\nMACAddress=52:54:00:00:00:01\n[Network]\nAddress=10.0.0.1/24\n"}}
    - {path: /etc/systemd/network/20-other.network, contents: {inline: "[Match]\nMACAddress=52:54:00:00:00:02\n"}}
`), host)
	if c.Hostname != "node1" || c.FQDN != "node1.example.com" {
		t.Errorf("the names are %q and %q", c.Hostname, c.FQDN)
	}
	if len(c.SSHKeys) != 2 || c.SSHKeys["ed25519_private"] != "PRIVATE\n" || c.SSHKeys["ed25519_public"] != "public\n" {
		t.Errorf("the host keys are %q", c.SSHKeys)
	}
	if !runs(c.Boot, "0123456789abcdef0123456789abcdef") {
		t.Errorf("no machine-id in %q", c.Boot)
	}
	var paths []string
	for _, f := range c.Files {
		paths = append(paths, f.Path)
	}
	if got := strings.Join(paths, " "); got != "/etc/ssh/ssh_host_other_key /etc/systemd/network/20-other.network" {
		t.Errorf("it writes %s", got)
	}
}

func TestCloudInitUnitsComeLast(t *testing.T) {
	c := seedOf(t, butane(t, `
storage:
  directories: [{path: /var/lib/x, mode: 0700, user: {name: x}}]
  links: [{path: /opt/x, target: /usr/bin/x}]
systemd:
  units:
    - {name: x.service, enabled: true, contents: "[Service]\nExecStart=/opt/x\n"}
    - {name: 'dev-disk-by\x2dlabel-DATA.swap', mask: true}
    - {name: ssh.service, dropins: [{name: a.conf, contents: "[Service]\n"}]}
    - {name: old.service, enabled: false}
    - {name: getty@ttyS1.service, enabled: true}
`), lan())
	var lines []string
	for _, words := range c.Run {
		lines = append(lines, strings.Join(words, " "))
	}
	got := strings.Join(lines, "\n")
	last := 0
	for _, want := range []string{
		"set -e", "mkdir -p /var/lib/x", "chown -h x /var/lib/x", "chmod 0700 /var/lib/x", "ln -sfT /usr/bin/x /opt/x",
		`ln -sfT /dev/null /etc/systemd/system/dev-disk-by\x2dlabel-DATA.swap`, "systemctl daemon-reload",
		"|| :; done sh dev-disk", "disable --now", "try-restart", "systemctl enable x.service getty@ttyS1.service",
		"systemctl --no-block restart x.service getty@ttyS1.service",
	} {
		at := strings.Index(got[last:], want)
		if at < 0 {
			t.Fatalf("no %q where it belongs in\n%s", want, got)
		}
		last += at
	}
}

func TestCloudInitUsers(t *testing.T) {
	c := seedOf(t, butane(t, `
passwd:
  groups: [{name: ops, gid: 900, system: true}]
  users:
    - {name: root, ssh_authorized_keys: [ssh-ed25519 AAAA root]}
    - {name: ann, groups: [ops, sudo], password_hash: $6$x$y}
    - {name: bob, uid: 1500}
`), lan())
	for i, want := range []map[string]any{
		{"name": "root", "lock_passwd": false, "ssh_authorized_keys": []any{"ssh-ed25519 AAAA root"}},
		{"name": "ann", "lock_passwd": false, "groups": []any{"ops", "sudo"}, "hashed_passwd": "$6$x$y", "shell": "/bin/bash"},
		{"name": "bob", "lock_passwd": false, "uid": 1500, "passwd": "*", "shell": "/bin/bash"},
	} {
		got, err := yaml.Marshal(c.Users[i])
		if err != nil {
			t.Fatal(err)
		}
		if w, _ := yaml.Marshal(want); !bytes.Equal(got, w) {
			t.Errorf("got\n%swant\n%s", got, w)
		}
	}
	if !runs(c.Boot, "sh ops --gid 900 --system") || !runs(c.Run, "usermod --groups ops,sudo ann") {
		t.Errorf("groups: %q %q", c.Boot, c.Run)
	}
}

func TestInstanceIDChangesWithTheSeed(t *testing.T) {
	seed := func(butaneText string, host payload.Host) payload.Seed {
		s, err := payload.CloudInit(butane(t, butaneText), host, payload.Target{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	moved := lan()
	moved.Address = netip.MustParsePrefix("10.0.0.2/24")
	first := seed("storage: {files: [{path: /x, contents: {inline: a}}]}", lan())
	if again := seed("storage: {files: [{path: /x, contents: {inline: a}}]}", lan()); !bytes.Equal(first.MetaData, again.MetaData) {
		t.Error("the same seed has another ID")
	}
	for name, other := range map[string]payload.Seed{
		"file":    seed("storage: {files: [{path: /x, contents: {inline: b}}]}", lan()),
		"address": seed("storage: {files: [{path: /x, contents: {inline: a}}]}", moved),
	} {
		if bytes.Equal(first.MetaData, other.MetaData) {
			t.Errorf("another %s, and the same ID", name)
		}
	}
	if want := "\nlocal-hostname: node1\ndsmode: local\n"; !strings.HasSuffix(string(first.MetaData), want) {
		t.Errorf("got %q", first.MetaData)
	}
}

func TestCloudInitRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		butane string
		host   payload.Host
		want   string
	}{
		"disks":    {"storage: {disks: [{device: /dev/sda}]}", lan(), "storage.disks can not be"},
		"remote":   {"storage: {files: [{path: /x, contents: {source: https://x/y}}]}", lan(), "file /x: "},
		"name":     {"storage: {files: [{path: /etc/hostname, contents: {inline: other}}]}", lan(), "it names another machine than node1"},
		"deletion": {"passwd: {users: [{name: ann, should_exist: false}]}", lan(), "user ann: cloud-init can not delete it"},
		"emptying": {"storage: {directories: [{path: /x, overwrite: true}]}", lan(), "directory /x: "},
		"no MAC":   {"", payload.Host{Name: "a", Address: lan().Address}, "it needs a name, a MAC address"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := payload.CloudInit(butane(t, c.butane), c.host, payload.Target{}); !strings.Contains(errorText(err), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func BenchmarkCloudInit(b *testing.B) {
	cfg, host := etcdMember(b)
	for b.Loop() {
		if _, err := payload.CloudInit(cfg, host, payload.Target{}); err != nil {
			b.Fatal(err)
		}
	}
}
