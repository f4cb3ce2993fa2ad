package pki

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nodekiln/nodekiln/pkg/plan"
)

// ownAuthority makes an authority with OpenSSL, as a user does who has one already.
type ownAuthority struct{ certFile, keyFile string }

func newOwnAuthority(t *testing.T, algorithm []string, options ...string) ownAuthority {
	t.Helper()
	openssl := outside(t, "openssl")
	dir := t.TempDir()
	a := ownAuthority{filepath.Join(dir, "ca.crt"), filepath.Join(dir, "ca.key")}
	openssl(append([]string{"genpkey", "-quiet", "-out", a.keyFile}, algorithm...)...)
	a.request(t, options...)
	return a
}

var (
	opensslRSA   = []string{"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"}
	opensslECDSA = []string{"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"}
)

// request makes a certificate for the authority's key.
func (a ownAuthority) request(t *testing.T, options ...string) {
	t.Helper()
	openssl := outside(t, "openssl")
	openssl(append([]string{"req", "-x509", "-new", "-key", a.keyFile, "-out", a.certFile, "-subj", "/O=Example/CN=Example CA"}, options...)...)
}

func (a ownAuthority) read(t *testing.T) (cert, key []byte) {
	t.Helper()
	cert, err := os.ReadFile(a.certFile)
	if err != nil {
		t.Fatal(err)
	}
	if key, err = os.ReadFile(a.keyFile); err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// bringing is the plan of a cluster whose user brings the authority.
func (a ownAuthority) bringing(t *testing.T, machines []string) plan.PKI {
	t.Helper()
	p := lab(machines)
	p.Authorities[0].Certificate, p.Authorities[0].Key = a.read(t)
	return p
}

// now is a time that the certificates of OpenSSL, which has the system's clock, are valid at.
func now() time.Time { return time.Now().Add(time.Minute) }

func TestCheckAuthority(t *testing.T) {
	outside(t, "openssl")
	good := newOwnAuthority(t, opensslECDSA, "-days", "100")
	other := newOwnAuthority(t, opensslECDSA)
	noUsage := newOwnAuthority(t, opensslRSA)
	leaf := newOwnAuthority(t, opensslECDSA, "-addext", "basicConstraints=critical,CA:FALSE")
	unfit := newOwnAuthority(t, opensslECDSA, "-addext", "keyUsage=critical,digitalSignature")
	weak := newOwnAuthority(t, []string{"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"})
	strange := newOwnAuthority(t, []string{"-algorithm", "ED25519"})
	cert, key := good.read(t)
	_, otherKey := other.read(t)
	locked := filepath.Join(t.TempDir(), "locked.key")
	outside(t, "openssl")("pkey", "-in", good.keyFile, "-aes256", "-passout", "pass:x", "-out", locked)
	lockedKey, err := os.ReadFile(locked)
	if err != nil {
		t.Fatal(err)
	}
	of := func(a ownAuthority) [2][]byte {
		cert, key := a.read(t)
		return [2][]byte{cert, key}
	}
	for _, test := range []struct {
		name string
		pair [2][]byte
		now  time.Time
		want string
	}{
		{"good", of(good), now(), ""},
		{"without key usage", of(noUsage), now(), ""},
		{"with text around", [2][]byte{[]byte("Subject: me\n" + string(cert)), []byte("mine\n" + string(key))}, now(), ""},
		{"parameters before the key", [2][]byte{cert, []byte("-----BEGIN EC PARAMETERS-----\nBgUrgQQAIg==\n-----END EC PARAMETERS-----\n" + string(key))}, now(), ""},
		{"key of another", [2][]byte{cert, otherKey}, now(), "the key is not that of the certificate"},
		{"no certificate", [2][]byte{nil, key}, now(), "the certificate: holds no certificate in PEM"},
		{"no key", [2][]byte{cert, nil}, now(), "the key: holds no private key in PEM"},
		{"exchanged", [2][]byte{key, cert}, now(), "the key: holds no private key in PEM"},
		{"chain", [2][]byte{append(bytes.Clone(cert), cert...), key}, now(), "more than one certificate"},
		{"two keys", [2][]byte{cert, append(bytes.Clone(key), key...)}, now(), "something else beside"},
		{"locked key", [2][]byte{cert, lockedKey}, now(), "without a passphrase"},
		{"cut short", [2][]byte{cert[:200], key[:100]}, now(), "the certificate: holds no certificate in PEM\nthe key: holds no private key"},
		{"leaf", of(leaf), now(), "basicConstraints CA:TRUE"},
		{"may not sign", of(unfit), now(), "keyUsage lacks keyCertSign"},
		{"weak", of(weak), now(), "RSA with 1024 bits"},
		{"strange", of(strange), now(), "neither one of RSA nor of ECDSA"},
		{"expired", of(good), now().Add(101 * 24 * time.Hour), "the certificate expired at"},
		{"from the future", of(good), now().Add(-time.Hour), "valid only from"},
		{"all at once", of(leaf), now().Add(40 * 24 * time.Hour), "basicConstraints CA:TRUE)\nthe certificate expired"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := CheckAuthority(test.pair[0], test.pair[1], test.now)
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("the error is %v, want %q", err, test.want)
			}
			for line := range strings.Lines(string(test.pair[1])) {
				if !strings.HasPrefix(line, "-----") && strings.Contains(err.Error(), strings.TrimSpace(line)) {
					t.Error("the error shows the key")
				}
			}
		})
	}
}

func TestBroughtAuthority(t *testing.T) {
	own := newOwnAuthority(t, opensslECDSA, "-days", "40")
	p := own.bringing(t, machines(2))
	dir := filepath.Join(t.TempDir(), "lab.pki")
	b, err := Ensure(t.Context(), dir, p, machines(2), WithClock(now))
	if err != nil {
		t.Fatal(err)
	}
	cert, key := own.read(t)
	if got, err := b.Authority("etcd"); err != nil || !bytes.Equal(got, cert) {
		t.Errorf("the authority's certificate is %s (%v), not the user's", got, err)
	}
	if got, err := b.AuthorityKey("node1", "etcd"); err != nil || !bytes.Equal(got.Reveal(), key) {
		t.Errorf("the authority's key is not the user's (%v)", err)
	}
	// It ends before certificates would.
	for _, r := range b.List(now()) {
		if !r.NotAfter.Equal(b.authorities["etcd"].cert.NotAfter) || r.DaysLeft != 39 {
			t.Errorf("%s/%s ends at %v, with %d days left", r.Holder, r.Name, r.NotAfter, r.DaysLeft)
		}
		if r.NotBefore.Before(b.authorities["etcd"].cert.NotBefore) {
			t.Errorf("%s/%s begins at %v", r.Holder, r.Name, r.NotBefore)
		}
	}
	before := snapshot(t, dir)
	if _, err := Ensure(t.Context(), dir, p, machines(2), WithClock(now)); err != nil {
		t.Error(err)
	}
	// The bundle goes on with it when the cluster file no longer has it.
	if _, err := Ensure(t.Context(), dir, lab(machines(2)), machines(2), WithClock(now)); err != nil {
		t.Error(err)
	}
	if !maps.Equal(before, snapshot(t, dir)) {
		t.Error("a bundle that is complete was written to")
	}
	if _, err := Open(dir); err != nil {
		t.Error(err)
	}
}

func TestAnotherAuthorityIsRefused(t *testing.T) {
	own := newOwnAuthority(t, opensslECDSA, "-days", "400")
	for _, test := range []struct {
		name  string
		place func(dir string)
		want  string
	}{
		{"made here", func(dir string) {
			if _, err := Ensure(t.Context(), dir, lab(machines(1)), machines(1), WithClock(now)); err != nil {
				t.Fatal(err)
			}
		}, "ca/etcd/ca-key.pem: is another key than that which the cluster file brings"},
		{"brought before", func(dir string) {
			other := newOwnAuthority(t, opensslRSA, "-days", "400")
			if _, err := Ensure(t.Context(), dir, other.bringing(t, machines(1)), machines(1), WithClock(now)); err != nil {
				t.Fatal(err)
			}
		}, "ca/etcd/ca-key.pem: is another key than that which the cluster file brings"},
		{"same key, other name", func(dir string) {
			other := ownAuthority{own.certFile + ".other", own.keyFile}
			other.request(t, "-subj", "/CN=Other", "-days", "400")
			if _, err := Ensure(t.Context(), dir, other.bringing(t, machines(1)), machines(1), WithClock(now)); err != nil {
				t.Fatal(err)
			}
		}, "ca/etcd/ca.pem: is another certificate than that which the cluster file brings"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "lab.pki")
			test.place(dir)
			before := snapshot(t, dir)
			_, err := Ensure(t.Context(), dir, own.bringing(t, machines(1)), machines(1), WithClock(now))
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "take pki.authorities.etcd out of the cluster file") {
				t.Errorf("the error is %v", err)
			}
			if !maps.Equal(before, snapshot(t, dir)) {
				t.Error("a bundle that was refused was written to")
			}
		})
	}
}

// TestBroughtAuthorityIsRenewedByItsOwner follows the advice for one that ends soon.
func TestBroughtAuthorityIsRenewedByItsOwner(t *testing.T) {
	own := newOwnAuthority(t, opensslECDSA, "-days", "20")
	dir := filepath.Join(t.TempDir(), "lab.pki")
	p := own.bringing(t, machines(1))
	if _, err := Ensure(t.Context(), dir, p, machines(1), WithClock(now)); err != nil {
		t.Fatal(err)
	}
	o := RenewOptions{Within: 30 * 24 * time.Hour, Authorities: true}
	renewed, err := Renew(t.Context(), dir, p, machines(1), o, WithClock(now))
	if err != nil || len(renewed) != 3 {
		t.Fatalf("%d certificates are renewed: %v", len(renewed), err)
	}
	if !strings.Contains(renewed[0].Obstacle, "it is your own") || !strings.Contains(renewed[1].Obstacle, "its authority etcd ends at") {
		t.Errorf("the obstacles are %q and %q", renewed[0].Obstacle, renewed[1].Obstacle)
	}
	own.request(t, "-days", "800")
	p = own.bringing(t, machines(1))
	if _, err := Renew(t.Context(), dir, p, machines(1), o, WithClock(now)); err == nil || !strings.Contains(err.Error(), "is another certificate of the same key") {
		t.Errorf("the error is %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "ca/etcd/ca.pem")); err != nil {
		t.Fatal(err)
	}
	if renewed, err = Renew(t.Context(), dir, p, machines(1), o, WithClock(now)); err != nil || len(renewed) != 2 || renewed[0].Obstacle+renewed[1].Obstacle != "" {
		t.Errorf("the second time, %v are renewed: %v", renewed, err)
	}
	if _, err := Open(dir); err != nil {
		t.Error(err)
	}
	if _, err := Ensure(t.Context(), dir, p, machines(1), WithClock(now)); err != nil {
		t.Error(err)
	}
	want, _ := own.read(t)
	if got, err := os.ReadFile(filepath.Join(dir, "ca/etcd/ca.pem")); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the user's new certificate is not in the bundle (%v)", err)
	}
}

// TestConstrainedAuthority has one that may sign for other names only.
func TestConstrainedAuthority(t *testing.T) {
	own := newOwnAuthority(t, opensslECDSA, "-days", "400", "-addext", "nameConstraints=critical,permitted;DNS:elsewhere.example")
	_, err := Ensure(t.Context(), filepath.Join(t.TempDir(), "lab.pki"), own.bringing(t, machines(1)), machines(1), WithClock(now))
	if err == nil || !strings.Contains(err.Error(), "issue machines/node1/etcd.pem: the authority ca/etcd/ca.pem may not issue it") {
		t.Errorf("the error is %v", err)
	}
}
