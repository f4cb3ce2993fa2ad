package pki

import (
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nodekiln/nodekiln/pkg/plan"
)

// bench is a bundle for two machines that a test damages, and what it is then asked for.
type bench struct {
	t    *testing.T
	dir  string
	plan plan.PKI
	now  time.Time
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) copy(from, to string) {
	b.t.Helper()
	content, err := os.ReadFile(b.path(from))
	if err != nil {
		b.t.Fatal(err)
	}
	b.write(to, string(content))
}

func (b *bench) write(name, content string) {
	b.t.Helper()
	if err := os.WriteFile(b.path(name), []byte(content), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func TestDamageIsRefused(t *testing.T) {
	const cert, key = "machines/node1/etcd.pem", "machines/node1/etcd-key.pem"
	for _, test := range []struct {
		name   string
		damage func(b *bench)
		// want are parts of the error.
		want []string
		// open is whether Open, which knows neither plan nor time, finds nothing wrong.
		open bool
	}{
		{
			"key of another machine", func(b *bench) { b.copy("machines/node2/etcd-key.pem", key) },
			[]string{key + ": is not the key of the certificate", "move"},
			false,
		},
		{
			"key that others can read", func(b *bench) { b.must(os.Chmod(b.path(key), 0o640)) },
			[]string{key + ": others can read", "mode 0640", "chmod 600"},
			false,
		},
		{
			"authority's key that others can read", func(b *bench) { b.must(os.Chmod(b.path("ca/etcd/ca-key.pem"), 0o604)) },
			[]string{"ca/etcd/ca-key.pem: others can read", "chmod 600"},
			false,
		},
		{
			"directory that others can write to", func(b *bench) { b.must(os.Chmod(b.dir, 0o770)) },
			[]string{"others can write", "chmod 700"},
			false,
		},
		{
			"certificate without key", func(b *bench) { b.must(os.Remove(b.path(key))) },
			[]string{cert + ": its key is missing", "put", "etcd-key.pem back"},
			false,
		},
		{
			"authority that is gone", func(b *bench) { b.must(os.RemoveAll(b.path("ca/etcd"))) },
			[]string{cert + ": the authority that signed it is missing", "put"},
			false,
		},
		{"another authority", func(b *bench) {
			_, other := newLab(b.t, 0)
			b.must(os.RemoveAll(b.path("ca")))
			b.must(os.Rename(filepath.Join(other, "ca"), b.path("ca")))
		}, []string{cert + ": is not signed by", "ca/etcd/ca.pem", "move"}, false},
		{"authority that is none", func(b *bench) {
			b.copy(cert, "ca/etcd/ca.pem")
			b.copy(key, "ca/etcd/ca-key.pem")
			b.must(os.Remove(b.path("ca/etcd/ca.csr")))
		}, []string{"ca/etcd/ca.pem: is no certificate of an authority"}, false},
		{"authority that ends before", func(b *bench) {
			// A new certificate for the same key, of an authority that ends an hour earlier.
			b.must(os.Remove(b.path("ca/etcd/ca.pem")))
			b.must(os.Rename(b.path("machines"), b.dir+".machines"))
			b.must(os.Rename(b.path("operator"), b.dir+".operator"))
			short := lab(nil)
			short.CAExpiry = short.Expiry
			_, err := Ensure(b.t.Context(), b.dir, short, nil, WithClock(func() time.Time { return issuedAt.Add(-time.Hour) }))
			b.must(err)
			b.must(os.RemoveAll(b.path("operator")))
			b.must(os.Rename(b.dir+".machines", b.path("machines")))
			b.must(os.Rename(b.dir+".operator", b.path("operator")))
		}, []string{cert + ": is valid until 2027-03-01 12:00:00 UTC", "only until 2027-03-01 11:00:00 UTC", "certs renew"}, true},
		{
			"expired certificate", func(b *bench) { b.now = issuedAt.Add(b.plan.Expiry + time.Hour) },
			[]string{cert + ": expired at 2027-03-01 12:00:00 UTC", "'nodekiln certs renew'"},
			true,
		},
		{
			"expired authority", func(b *bench) { b.now = issuedAt.Add(b.plan.CAExpiry + time.Hour) },
			[]string{"ca/etcd/ca.pem: expired at 2036-02-27 12:00:00 UTC", "certs renew --authorities"},
			true,
		},
		{
			"clock that is wrong", func(b *bench) { b.now = issuedAt.Add(-backdate - time.Hour) },
			[]string{cert + ": is valid only from 2026-02-28 12:00:00 UTC on", "set the clock"},
			true,
		},
		{"address that is new", func(b *bench) {
			b.plan.Certificates[1].Addresses = append(b.plan.Certificates[1].Addresses, netip.MustParseAddr("10.9.9.9"))
		}, []string{cert + ": lacks the address 10.9.9.9: 'nodekiln certs renew' issues it anew"}, true},
		{
			"name that is new", func(b *bench) { b.plan.Certificates[1].DNSNames = []string{"node1", "etcd.example.com"} },
			[]string{cert + ": lacks the name etcd.example.com: 'nodekiln certs renew'"},
			true,
		},
		{
			"usage that is new", func(b *bench) { b.plan.Certificates[0].Server = true },
			[]string{"operator/etcd-client.pem: lacks the usage serverAuth"},
			true,
		},
		{
			"common name that is new", func(b *bench) { b.plan.Certificates[0].CommonName = "admin" },
			[]string{`operator/etcd-client.pem: lacks the common name "admin" (it has "operator")`},
			true,
		},
		{
			"organization that is new", func(b *bench) { b.plan.Subject.Organization = "system:masters" },
			[]string{`operator/etcd-client.pem: lacks the organization "system:masters" (it has "k8s")`},
			true,
		},
		{
			"group of one certificate that is new", func(b *bench) { b.plan.Certificates[0].Organization = "system:nodes" },
			[]string{`operator/etcd-client.pem: lacks the organization "system:nodes" (it has "k8s")`},
			true,
		},
		{
			"organization that is not wanted", func(b *bench) { b.plan.Subject.Organization = "" },
			[]string{`operator/etcd-client.pem: lacks the organization "" (it has "k8s")`},
			true,
		},
		{
			"request of another key", func(b *bench) {
				_, other := newLab(b.t, 0)
				b.must(os.Rename(filepath.Join(other, "ca/etcd/ca.csr"), b.path("ca/etcd/ca.csr")))
			},
			[]string{"ca/etcd/ca.csr: is not made with the key", "move"},
			false,
		},
		{
			"request cut short", func(b *bench) { b.must(os.Truncate(b.path("ca/etcd/ca.csr"), 100)) },
			[]string{"ca/etcd/ca.csr: holds not one certificate signing request", "move"},
			false,
		},
		{
			"request without key", func(b *bench) {
				b.must(os.Remove(b.path("ca/etcd/ca.pem")))
				b.must(os.Remove(b.path("ca/etcd/ca-key.pem")))
			},
			[]string{"ca/etcd/ca.csr: the key that it was made with is missing", "put"},
			false,
		},
		{
			"secret that others can read", func(b *bench) { b.must(os.Chmod(b.path("secrets/bootstrap"), 0o644)) },
			[]string{"secrets/bootstrap: others can read", "chmod 600"},
			false,
		},
		{
			"secret cut short", func(b *bench) { b.must(os.Truncate(b.path("secrets/bootstrap"), 20)) },
			[]string{"secrets/bootstrap: is not 64 hexadecimal digits", "put the right file back"},
			false,
		},
		{
			"certificate that is none", func(b *bench) { b.write(cert, "mush") },
			[]string{cert + ": holds no certificate in PEM"},
			false,
		},
		{"certificate cut short", func(b *bench) {
			b.copy(cert, cert)
			b.must(os.Truncate(b.path(cert), 300))
		}, []string{cert + ": holds no certificate in PEM"}, false},
		{"two certificates", func(b *bench) {
			content, err := os.ReadFile(b.path(cert))
			b.must(err)
			b.write(cert, string(content)+string(content))
		}, []string{cert + ": holds more than one certificate"}, false},
		{"empty key", func(b *bench) { b.write(key, "") }, []string{key + ": holds no private key in PEM", "move"}, false},
		{"key cut short", func(b *bench) { b.must(os.Truncate(b.path(key), 150)) }, []string{key + ": holds no private key"}, false},
		{
			"SSH key that is none", func(b *bench) { b.copy(key, "machines/node1/ssh_host_ecdsa_key") },
			[]string{"node1/ssh_host_ecdsa_key: is not the key of", "move"},
			false,
		},
		{
			"SSH key cut short", func(b *bench) { b.must(os.Truncate(b.path("operator/id_ed25519"), 200)) },
			[]string{"operator/id_ed25519: holds no private key of SSH", "move"},
			false,
		},
		{
			"public SSH key that is none", func(b *bench) { b.write("operator/id_ed25519.pub", "mush") },
			[]string{"operator/id_ed25519.pub: holds no public key", "move"},
			false,
		},
		{
			"public SSH key without private key", func(b *bench) { b.must(os.Remove(b.path("operator/id_ed25519"))) },
			[]string{"operator/id_ed25519.pub: its private key is missing", "put"},
			false,
		},
		{
			"cluster id that is gone", func(b *bench) { b.must(os.Remove(b.path("cluster-id"))) },
			[]string{"cluster-id: is missing, though there is", "put it back"},
			false,
		},
		{
			"cluster id that is none", func(b *bench) { b.write("cluster-id", "12345\n") },
			[]string{"cluster-id: is not 32 hexadecimal digits", "put the right file back"},
			false,
		},
		{"directory in the place of a key", func(b *bench) {
			b.must(os.Remove(b.path(key)))
			b.must(os.Mkdir(b.path(key), 0o700))
		}, []string{key + ": is no regular file", "move it away"}, false},
		{"link out of the bundle", func(b *bench) {
			b.must(os.Rename(b.path(key), b.dir+".stolen"))
			b.must(os.Symlink(b.dir+".stolen", b.path(key)))
		}, []string{key, "escapes"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, dir := newLab(t, 2)
			secrets := keyLines(t, dir)
			b := &bench{t, dir, lab(machines(2)), issuedAt}
			test.damage(b)
			before := snapshot(t, dir)
			_, err := Ensure(t.Context(), dir, b.plan, machines(2), WithClock(func() time.Time { return b.now }))
			if err == nil {
				t.Fatal("the bundle is accepted")
			}
			for _, part := range test.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the error lacks %q:\n%v", part, err)
				}
			}
			if !maps.Equal(before, snapshot(t, dir)) {
				t.Error("a bundle that was refused was written to")
			}
			wantNoSecret(t, "the error", err.Error(), secrets)
			if _, err := Open(dir); (err == nil) != test.open {
				t.Errorf("Open gave: %v", err)
			}
		})
	}
}

func TestMovedAwayIsIssuedAnew(t *testing.T) {
	first, dir := newLab(t, 2)
	for _, name := range []string{"etcd.pem", "etcd-key.pem"} {
		if err := os.Remove(filepath.Join(dir, "machines/node1", name)); err != nil {
			t.Fatal(err)
		}
	}
	before := snapshot(t, dir)
	second := ensure(t, dir, lab(machines(2)), machines(2))
	wantKept(t, before, snapshot(t, dir))
	_, old, _ := first.Certificate("node1", "etcd")
	_, fresh, err := second.Certificate("node1", "etcd")
	if err != nil || string(old.Reveal()) == string(fresh.Reveal()) {
		t.Errorf("the key is not a new one (%v)", err)
	}
}

// TestTraditionalKeys uses the forms that cfssl and openssl have written keys in.
func TestTraditionalKeys(t *testing.T) {
	openssl := outside(t, "openssl")
	_, dir := newLab(t, 1)
	key := filepath.Join(dir, "machines/node1/etcd-key.pem")
	openssl("ec", "-in", key, "-out", key)
	content, err := os.ReadFile(key)
	if err != nil || !strings.Contains(string(content), "BEGIN EC PRIVATE KEY") {
		t.Fatalf("openssl did not convert the key (%v)", err)
	}
	ensure(t, dir, lab(machines(1)), machines(1))
}

func TestPlanIsChecked(t *testing.T) {
	for name, test := range map[string]struct {
		change   func(p *plan.PKI)
		machines []string
		want     string
	}{
		"machine above":            {machines: []string{".."}, want: `machine "..": a name is`},
		"machine elsewhere":        {machines: []string{"../../etc"}, want: `machine "../../etc": a name is`},
		"machine without a name":   {machines: []string{""}, want: `machine "": a name is`},
		"machine that is a path":   {machines: []string{"a/b"}, want: `machine "a/b": a name is`},
		"machine that is hidden":   {machines: []string{".a"}, want: `machine ".a": a name is`},
		"machine that is there":    {machines: []string{"a", "a"}, want: "machine a is there twice"},
		"authority elsewhere":      {func(p *plan.PKI) { p.Authorities[0].Name = "../x" }, nil, `authority "../x": a name is`},
		"certificate elsewhere":    {func(p *plan.PKI) { p.Certificates[0].Name = "/x" }, nil, `certificate "/x": a name is`},
		"certificate like a key":   {func(p *plan.PKI) { p.Certificates[0].Name = "etcd-key" }, nil, "the suffix -key is for keys"},
		"certificate of nobody":    {func(p *plan.PKI) { p.Certificates[0].Machine = "ghost" }, nil, "there is no machine ghost"},
		"certificate of no one's":  {func(p *plan.PKI) { p.Certificates[0].Authority = "ghost" }, nil, "there is no authority ghost"},
		"key of unknown algorithm": {func(p *plan.PKI) { p.Key = "dsa-512" }, nil, `key algorithm "dsa-512"`},
		"authority too short":      {func(p *plan.PKI) { p.CAExpiry = time.Hour }, nil, "the second not shorter"},
		"key for nobody":           {func(p *plan.PKI) { p.Authorities[0].KeyMachines = []string{"ghost"} }, nil, "authority etcd: there is no machine ghost"},
		"secret for nobody":        {func(p *plan.PKI) { p.Secrets[0].Machines = []string{"ghost"} }, nil, "secret bootstrap: there is no machine ghost"},
		"secret elsewhere":         {func(p *plan.PKI) { p.Secrets[0].Name = "../x" }, nil, `secret "../x": a name is`},
		"no time at all":           {func(p *plan.PKI) { p.Expiry = 0 }, nil, "must be positive"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "lab.pki")
			p := lab(nil)
			if test.change != nil {
				test.change(&p)
			}
			_, err := Ensure(t.Context(), dir, p, test.machines, WithClock(clock))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want %q", err, test.want)
			}
			if _, err := os.Stat(dir); err == nil {
				t.Error("the directory was made")
			}
		})
	}
}

// TestIssuedSANsAreThoseAsked has names that cfssl could take for something else than what they are.
func TestIssuedSANsAreThoseAsked(t *testing.T) {
	for _, name := range []string{"a@example.com", "https://example.com", "10.0.0.1"} {
		p := lab(nil)
		p.Certificates[0].DNSNames = []string{name}
		if _, err := Ensure(t.Context(), filepath.Join(t.TempDir(), "lab.pki"), p, nil, WithClock(clock)); err == nil {
			t.Errorf("a certificate for the DNS name %q is issued", name)
		}
	}
}
