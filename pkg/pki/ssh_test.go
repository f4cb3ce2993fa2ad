package pki

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSSHKeygenReadsKeys(t *testing.T) {
	keygen := outside(t, "ssh-keygen")
	_, dir := newLab(t, 1)
	for file, want := range map[string][2]string{
		"operator/id_ed25519":                 {"operator", "(ED25519)"},
		"machines/node1/ssh_host_ed25519_key": {"node1", "(ED25519)"},
		"machines/node1/ssh_host_ecdsa_key":   {"node1", "(ECDSA)"},
	} {
		file = filepath.Join(dir, file)
		private, public := keygen("-l", "-f", file), keygen("-l", "-f", file+".pub")
		if private != public || !strings.HasSuffix(private, want[0]+" "+want[1]+"\n") {
			t.Errorf("ssh-keygen reads %q and %q", private, public)
		}
		content, err := os.ReadFile(file + ".pub")
		if derived := keygen("-y", "-f", file); err != nil || derived != string(content) {
			t.Errorf("%s.pub is %q (%v), and ssh-keygen derives %q", file, content, err, derived)
		}
	}
}

func TestSSHKeygenFindsKnownHosts(t *testing.T) {
	keygen := outside(t, "ssh-keygen")
	b, dir := newLab(t, 2)
	content, err := b.KnownHosts([]Host{
		{Machine: "node1", Names: []string{"node1", "10.1.0.0", "fd00::1"}},
		{Machine: "node2", Names: []string{"127.0.0.1"}, Port: 2222},
	})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "known_hosts")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	for host, machine := range map[string]string{
		"node1": "node1", "10.1.0.0": "node1", "fd00::1": "node1", "[127.0.0.1]:2222": "node2",
	} {
		found := keygen("-F", host, "-f", file)
		keys, err := b.SSHHostKeys(machine)
		if err != nil || len(keys) != 2 {
			t.Fatalf("%s has %d keys: %v", machine, len(keys), err)
		}
		for _, k := range keys {
			if key := strings.Fields(string(k.Public))[1]; !strings.Contains(found, key) {
				t.Errorf("the key %s of %s is not found by %s: %s", k.Name, machine, host, found)
			}
		}
	}
}

func TestKnownHostsRefuses(t *testing.T) {
	b, _ := newLab(t, 1)
	for name, h := range map[string]Host{
		"a machine that is not there": {Machine: "node2", Names: []string{"node2"}},
		"the operator":                {Names: []string{"node1"}},
		"a host without a name":       {Machine: "node1"},
		"a pattern":                   {Machine: "node1", Names: []string{"*"}},
		"two names in one":            {Machine: "node1", Names: []string{"node1,node2"}},
		"a line":                      {Machine: "node1", Names: []string{"node1\nnode2"}},
	} {
		if content, err := b.KnownHosts([]Host{h}); err == nil {
			t.Errorf("%s is accepted: %q", name, content)
		}
	}
}
