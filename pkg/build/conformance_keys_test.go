package build

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// checkCertificates verifies every certificate of a machine by an authority that the machine has too, and holds the keys
// of its kubeconfigs against their certificates.
func checkCertificates(t *testing.T, m *renderedMachine) {
	var all []*x509.Certificate
	at := map[*x509.Certificate]string{}
	roots := x509.NewCertPool()
	for file, content := range m.files {
		for _, block := range blocks(content, "CERTIFICATE") {
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				t.Fatalf("/%s: %v", file, err)
			}
			if c.IsCA && c.CheckSignatureFrom(c) == nil {
				roots.AddCert(c)
			}
			all = append(all, c)
			at[c] = file
		}
	}
	for _, c := range all {
		if _, err := c.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
			t.Errorf("/%s: %v", at[c], err)
		}
	}
	for file, content := range m.files {
		if !bytes.Contains(content, []byte("kind: Config\n")) {
			continue
		}
		if err := checkKubeconfig(m, content); err != nil {
			t.Errorf("/%s: %v", file, err)
		}
	}
}

// kubeconfig is what clients read of a file.
type kubeconfig struct {
	Clusters []struct {
		Cluster struct {
			Server string `yaml:"server"`
			CA     string `yaml:"certificate-authority"`
			CAData string `yaml:"certificate-authority-data"`
		}
	}
	Users []struct {
		User struct {
			Certificate     string `yaml:"client-certificate"`
			CertificateData string `yaml:"client-certificate-data"`
			Key             string `yaml:"client-key"`
			KeyData         string `yaml:"client-key-data"`
		}
	}
}

// checkKubeconfig tells whether the certificate of a kubeconfig goes with its key, and is signed by the authority that it
// expects of the server.
func checkKubeconfig(m *renderedMachine, content []byte) error {
	var k kubeconfig
	if err := yaml.Unmarshal(content, &k); err != nil {
		return err
	}
	if len(k.Clusters) != 1 || len(k.Users) > 1 {
		return fmt.Errorf("it has %d clusters and %d users", len(k.Clusters), len(k.Users))
	}
	if server := k.Clusters[0].Cluster.Server; len(k.Users) == 0 && strings.HasPrefix(server, "http://") {
		return nil // whoever asks may do everything, as in deployments before TLS
	}
	if len(k.Users) == 0 {
		return errors.New("it has no user")
	}
	either := func(file, data string) []byte {
		if b, err := base64.StdEncoding.DecodeString(data); err == nil && data != "" {
			return b
		}
		return m.files[strings.TrimPrefix(file, "/")]
	}
	user := k.Users[0].User
	pair, err := tls.X509KeyPair(either(user.Certificate, user.CertificateData), either(user.Key, user.KeyData))
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(either(k.Clusters[0].Cluster.CA, k.Clusters[0].Cluster.CAData))
	_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return err
}

// encoded is a word that may be base64 of something in PEM.
var encoded = regexp.MustCompile(`LS0tLS1CRUdJTi[A-Za-z0-9+/]+=*`)

// blocks gives what a file has in PEM, by itself, within other text, or in base64, of the types that end so.
func blocks(content []byte, kind string) []*pem.Block {
	var out []*pem.Block
	texts := [][]byte{regexp.MustCompile(`(?m)^[ \t]+`).ReplaceAll(content, nil)}
	for _, word := range encoded.FindAll(content, -1) {
		if b, err := base64.StdEncoding.DecodeString(string(word)); err == nil {
			texts = append(texts, b)
		}
	}
	for _, rest := range texts {
		for {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil {
				break
			}
			if strings.HasSuffix(block.Type, kind) {
				out = append(out, block)
			}
		}
	}
	return out
}

// checkModes: what holds a private key, or a secret that machines share, nobody but its owner reads.
func (e *example) checkModes(t *testing.T, m *renderedMachine) {
	secrets := e.secrets(t)
	for file, content := range m.files {
		held := len(blocks(content, "PRIVATE KEY")) > 0
		for _, s := range secrets {
			held = held || s.in(content)
		}
		info, err := os.Lstat(m.path(file))
		if err != nil {
			t.Fatal(err)
		}
		if held && info.Mode().Perm() != 0o600 {
			t.Errorf("/%s has the mode %04o and holds a secret", file, info.Mode().Perm())
		}
	}
}

// sharedSecret is a secret that machines share, in all its forms.
type sharedSecret struct {
	name     string
	machines []string
	forms    [][]byte
}

func (s sharedSecret) in(content []byte) bool {
	return slices.ContainsFunc(s.forms, func(form []byte) bool { return bytes.Contains(content, form) })
}

func (e *example) secrets(t *testing.T) []sharedSecret {
	t.Helper()
	bundle, err := e.Bundle(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out []sharedSecret
	for _, s := range e.Plan.PKI.Secrets {
		v, err := bundle.Secret(s.Machines[0], s.Name)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, sharedSecret{s.Name, s.Machines, [][]byte{v.Base64().Reveal(), v.Token().Reveal(), v.CertificateKey().Reveal()}})
	}
	return out
}

// checkHolders: an authority's private key and a shared secret are on no machine but those that the plan says, and any
// other private key is on one machine.
func (e *example) checkHolders(t *testing.T) {
	secrets := e.secrets(t)
	first := map[string]string{}
	for _, m := range e.machines {
		for file, content := range m.files {
			for _, s := range secrets {
				if s.in(content) && !slices.Contains(s.machines, m.name) {
					t.Errorf("%s: /%s holds the secret %s", m.name, file, s.name)
				}
			}
			for _, block := range blocks(content, "PRIVATE KEY") {
				if a, machines := e.authorityOf(t, block); a != "" {
					if !slices.Contains(machines, m.name) {
						t.Errorf("%s: /%s holds the private key of the authority %s", m.name, file, a)
					}
					continue
				}
				if other := first[string(block.Bytes)]; other != "" && other != m.name {
					t.Errorf("%s: /%s holds a private key that %s has too", m.name, file, other)
				}
				first[string(block.Bytes)] = m.name
			}
		}
	}
	if len(first) < len(e.machines) {
		t.Errorf("%d machines have %d private keys", len(e.machines), len(first))
	}
}

// authorityOf gives the authority that a private key is of, and the machines that may hold it.
func (e *example) authorityOf(t *testing.T, key *pem.Block) (string, []string) {
	t.Helper()
	bundle, err := e.Bundle(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range e.Plan.PKI.Authorities {
		certificate, err := bundle.Authority(a.Name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tls.X509KeyPair(certificate, pem.EncodeToMemory(key)); err == nil {
			return a.Name, a.KeyMachines
		}
	}
	return "", nil
}
