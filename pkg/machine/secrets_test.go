package machine_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/vincent-petithory/dataurl"

	"github.com/nodekiln/nodekiln/pkg/machine"
	"github.com/nodekiln/nodekiln/pkg/pki"
	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/profile"
)

// A machine holds its own keys, an authority's where it signs for it, and the secrets that are for it, whatever the
// profile. Nothing else of the bundle is anywhere in its configuration, in PEM or in what a kubeconfig makes of it.
func TestMachinesOfAllProfilesHoldOnlyTheirOwn(t *testing.T) {
	for _, name := range profile.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prof, err := profile.Load(name)
			if err != nil {
				t.Fatal(err)
			}
			example, err := prof.Example()
			if err != nil {
				t.Fatal(err)
			}
			p, bundle := lab(t, prof, strings.ReplaceAll(string(example), "rsa-2048", "ecdsa-p256"))
			c, err := machine.NewConfigurer(p, prof, bundle)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range p.Machines {
				cfg, err := c.Configure(m)
				if err != nil {
					t.Fatal(err)
				}
				checkHolds(t, m.Name, contents(t, cfg), p, bundle)
			}
		})
	}
}

// checkHolds holds what a machine is given against what is for it.
func checkHolds(t *testing.T, name string, given []byte, p *plan.Plan, bundle *pki.Bundle) {
	t.Helper()
	for _, cert := range p.PKI.Certificates {
		_, key, err := bundle.Certificate(cert.Machine, cert.Name)
		if err != nil {
			t.Fatal(err)
		}
		if cert.Machine != name && holds(given, key.Reveal()) {
			t.Errorf("%s holds the key of the certificate %s of %q", name, cert.Name, cert.Machine)
		}
	}
	for _, a := range p.PKI.Authorities {
		for _, signer := range a.KeyMachines {
			key, err := bundle.AuthorityKey(signer, a.Name)
			if err != nil {
				t.Fatal(err)
			}
			if holds(given, key.Reveal()) != slices.Contains(a.KeyMachines, name) {
				t.Errorf("%s is among those that sign for %s, %v, or holds the key: not both", name, a.Name, a.KeyMachines)
			}
		}
	}
	for _, s := range p.PKI.Secrets {
		secret, err := bundle.Secret(s.Machines[0], s.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range []pki.Key{secret.Base64(), secret.Token(), secret.CertificateKey()} {
			if bytes.Contains(given, form.Reveal()) && !slices.Contains(s.Machines, name) {
				t.Errorf("%s holds the secret %s", name, s.Name)
			}
		}
	}
}

// holds looks for a private key as PEM, by a line from its middle, and as DER.
func holds(given, key []byte) bool {
	block, _ := pem.Decode(key)
	lines := strings.Split(strings.TrimSpace(string(key)), "\n")
	return bytes.Contains(given, []byte(lines[len(lines)/2])) || bytes.Contains(given, block.Bytes)
}

// contents gives the text of all files and units of a config, and of what is in base64 in them.
func contents(t *testing.T, cfg types.Config) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, f := range cfg.Storage.Files {
		if f.Contents.Source == nil {
			continue
		}
		u, err := dataurl.DecodeString(*f.Contents.Source)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(u.Data)
		out.Write(decoded(string(u.Data)))
	}
	for _, u := range cfg.Systemd.Units {
		if u.Contents != nil {
			out.WriteString(*u.Contents)
		}
		for _, d := range u.Dropins {
			out.WriteString(*d.Contents)
		}
	}
	return out.Bytes()
}

// decoded gives what the words of a text hold that are long and in base64, as a kubeconfig has keys.
func decoded(text string) []byte {
	var out []byte
	for word := range strings.FieldsSeq(text) {
		if b, err := base64.StdEncoding.DecodeString(strings.Trim(word, `"`)); err == nil && len(b) > 64 {
			out = append(out, b...)
		}
	}
	return out
}

func TestHoldsFindsKeys(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	inKubeconfig := "client-key-data: " + base64.StdEncoding.EncodeToString(private) + "\n"
	for name, given := range map[string][]byte{"PEM": private, "DER": der, "kubeconfig": decoded(inKubeconfig)} {
		if !holds(append([]byte("before "), given...), private) {
			t.Errorf("a key is not found as %s", name)
		}
	}
	if holds([]byte("nothing"), private) {
		t.Error("a key is found in nothing")
	}
}

func TestTemplatesSeeNoBroughtKey(t *testing.T) {
	prof, err := profile.Read(fstest.MapFS{
		"profile.yaml": {Data: []byte("name: p\nroles: {r: {}}\ndefaultRoles: [r]\nauthorities: [{name: a, commonName: a}]\n")},
		"r.bu":         {Data: []byte(`{{ range .PKI.Authorities }}{{ if .Key }}{{ fail "the key is seen" }}{{ end }}{{ end }}{variant: flatcar, version: 1.1.0}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	p, bundle := lab(t, prof, head+"machines: [{name: a, address: 10.0.0.1}]\n")
	p.PKI.Authorities[0].Key = []byte("key")
	c, err := machine.NewConfigurer(p, prof, bundle)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Configure(p.Machines[0]); err != nil {
		t.Error(err)
	}
}
