package pki

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nodekiln/nodekiln/pkg/plan"
)

func TestSecretForms(t *testing.T) {
	token := regexp.MustCompile(`^[a-z0-9]{6}\.[a-z0-9]{16}$`) // as kubeadm has it (bootstraptoken/v1)
	seen := map[string]bool{}
	for range 50 {
		s := newSecret()
		if text := string(s.Token().Reveal()); !token.MatchString(text) || seen[text] {
			t.Fatalf("a token has the form %s", regexp.MustCompile(`[a-z]`).ReplaceAllString(text, "a"))
		}
		seen[string(s.Token().Reveal())] = true
		raw, err := base64.StdEncoding.DecodeString(string(s.Base64().Reveal()))
		if err != nil || len(raw) != 32 || string(raw) != string(s.value.Reveal()) {
			t.Fatalf("base64 of %d bytes: %v", len(raw), err)
		}
		if key := string(s.CertificateKey().Reveal()); !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(key) {
			t.Fatalf("a certificate key has %d characters", len(key))
		}
	}
	// A derivation that changes locks out the machines that hold the old one.
	fixed := Secret{newKey([]byte("0123456789abcdef0123456789abcdef"))}
	for got, want := range map[string]string{
		string(fixed.Token().Reveal()):          "r644sh.s4cua8r1n8nwlhpw",
		string(fixed.CertificateKey().Reveal()): "9eb8b24037c3b62213a80c5cd712ebc704f480864ee338898bc3e98b6c330c40",
		string(fixed.Base64().Reveal()):         "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
	} {
		if got != want {
			t.Errorf("the derivation has changed: %s, not %s", got, want)
		}
	}
}

func TestSecretIsForItsMachinesAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lab.pki")
	p := lab(machines(2))
	p.Secrets = append(p.Secrets, plan.Secret{Name: "encryption", Machines: []string{"node1"}})
	b := ensure(t, dir, p, machines(2))
	first, err := b.Secret("node1", "bootstrap")
	if err != nil {
		t.Fatal(err)
	}
	second, err := b.Secret("node2", "bootstrap")
	if err != nil || string(first.value.Reveal()) != string(second.value.Reveal()) {
		t.Errorf("two machines have two values of one secret (%v)", err)
	}
	if other, err := b.Secret("node1", "encryption"); err != nil || string(first.value.Reveal()) == string(other.value.Reveal()) {
		t.Errorf("two secrets have one value (%v)", err)
	}
	for _, machine := range []string{"node2", ""} {
		if _, err := b.Secret(machine, "encryption"); err == nil || !strings.Contains(err.Error(), "the plan has it on node1") {
			t.Errorf("asked for by %q, a secret gave: %v", machine, err)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "secrets/encryption")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the secret's file: %v, %v", info, err)
	}
	again, err := ensure(t, dir, p, machines(2)).Secret("node1", "bootstrap")
	if err != nil || string(again.Token().Reveal()) != string(first.Token().Reveal()) {
		t.Errorf("a secret changes (%v)", err)
	}
	opened, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := opened.Secret("node1", "bootstrap"); err == nil {
		t.Error("a bundle that no plan is known of gives a secret")
	}
	if len(opened.secrets) != 2 {
		t.Errorf("an opened bundle has %d secrets to hide", len(opened.secrets))
	}
}

// TestSecretAddedLater is a profile that begins to have one.
func TestSecretAddedLater(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lab.pki")
	without := lab(machines(1))
	without.Secrets = nil
	ensure(t, dir, without, machines(1))
	before := snapshot(t, dir)
	if _, err := ensure(t, dir, lab(machines(1)), machines(1)).Secret("node1", "bootstrap"); err != nil {
		t.Error(err)
	}
	wantKept(t, before, snapshot(t, dir))
}
