package pki

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestAuthorityKeyIsForItsMachinesAlone(t *testing.T) {
	b, dir := newLab(t, 2)
	secrets := keyLines(t, dir)
	key, err := b.AuthorityKey("node1", "etcd")
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(dir, "ca/etcd/ca-key.pem"))
	if err != nil || !bytes.Equal(content, key.Reveal()) {
		t.Errorf("the key is not that of the bundle (%v)", err)
	}
	for _, machine := range []string{"node2", "", "ghost"} {
		key, err := b.AuthorityKey(machine, "etcd")
		if err == nil || !key.empty() || !strings.Contains(err.Error(), "is not for") || !strings.Contains(err.Error(), "on node1") {
			t.Errorf("asked for by %q, the authority's key gave: %v", machine, err)
		}
		wantNoSecret(t, "the error", err.Error(), secrets)
	}
	opened, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := opened.AuthorityKey("node1", "etcd"); err == nil {
		t.Error("a bundle that no plan is known of gives an authority's key")
	}
}

// TestAuthorityHash does what kubeadm's documentation does to find the hash.
func TestAuthorityHash(t *testing.T) {
	openssl := outside(t, "openssl")
	b, dir := newLab(t, 1)
	public := openssl("x509", "-pubkey", "-noout", "-in", filepath.Join(dir, "ca/etcd/ca.pem"))
	if got, err := b.AuthorityPublicKey("etcd"); err != nil || string(got) != public {
		t.Errorf("the public key is %s (%v), and openssl has %s", got, err, public)
	}
	block, _ := pem.Decode([]byte(public))
	digest := exec.Command("openssl", "dgst", "-sha256", "-hex")
	digest.Stdin = bytes.NewReader(block.Bytes)
	said, err := digest.Output()
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(said))
	if got, err := b.AuthorityHash("etcd"); err != nil || got != "sha256:"+fields[len(fields)-1] {
		t.Errorf("the hash is %s (%v), and openssl has %s", got, err, said)
	}
}

func TestRequestStays(t *testing.T) {
	openssl := outside(t, "openssl")
	first, dir := newLab(t, 1)
	file := filepath.Join(dir, "ca/etcd/ca.csr")
	want, err := first.Request("etcd")
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, openssl("req", "-in", file, "-noout", "-verify", "-text"), "verify OK",
		"Subject: C = CN, ST = BeiJing, L = XS, O = k8s, OU = System, CN = etcd-ca\n", "CA:TRUE, pathlen:0\n")
	opened, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []*Bundle{ensure(t, dir, lab(machines(1)), machines(1)), opened} {
		if got, err := b.Request("etcd"); err != nil || !bytes.Equal(got, want) {
			t.Errorf("the request has changed (%v)", err)
		}
	}
	// A bundle that is older than requests has none.
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if opened, err = Open(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := opened.Request("etcd"); err == nil {
		t.Error("a request that is missing is given")
	}
	before := snapshot(t, dir)
	made, err := ensure(t, dir, lab(machines(1)), machines(1)).Request("etcd")
	if err != nil {
		t.Fatal(err)
	}
	wantKept(t, before, snapshot(t, dir))
	block, _ := pem.Decode(made)
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil || request.CheckSignature() != nil || !bytes.Equal(request.RawSubject, first.authorities["etcd"].cert.RawSubject) {
		t.Errorf("the request that was missing is made for %v (%v)", request.Subject, err)
	}
}

func TestRehearsalHasAll(t *testing.T) {
	b, err := Rehearse(lab(machines(2)), machines(2))
	if err != nil {
		t.Fatal(err)
	}
	_, errKey := b.AuthorityKey("node1", "etcd")
	_, errRequest := b.Request("etcd")
	_, errHash := b.AuthorityHash("etcd")
	_, errSecret := b.Secret("node2", "bootstrap")
	for _, err := range []error{errKey, errRequest, errHash, errSecret} {
		if err != nil {
			t.Error(err)
		}
	}
	if _, err := b.AuthorityKey("node2", "etcd"); err == nil {
		t.Error("a rehearsal gives an authority's key to a machine that may not have it")
	}
}
