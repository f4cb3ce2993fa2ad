package build

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net"
	"strconv"
	"testing"
	"time"
)

// assertions are the keys whose value is the path of another file of the machine.
func assertions() map[string]func(m *documentMachine, p, other string) error {
	return map[string]func(m *documentMachine, p, other string) error{
		"same-as": func(m *documentMachine, p, other string) error {
			return m.both(p, other, func(a, b []byte) error {
				if !bytes.Equal(a, b) {
					return errors.New("their contents differ")
				}
				return nil
			})
		},
		"key-of": func(m *documentMachine, p, other string) error {
			return m.both(p, other, func(key, cert []byte) error {
				_, err := tls.X509KeyPair(cert, key)
				return err
			})
		},
		"cert:verifies-with": func(m *documentMachine, p, other string) error { return m.both(p, other, verify) },
	}
}

// both calls with the contents of two files.
func (m *documentMachine) both(p, other string, check func(a, b []byte) error) error {
	a, err := m.content(p)
	if err != nil {
		return err
	}
	b, err := m.content(other)
	if err != nil {
		return fmt.Errorf("%s: %w", other, err)
	}
	return check(a, b)
}

func verify(cert, authority []byte) error {
	leaf, err := parseCertificate(cert)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return errors.New("the authority is no certificate")
	}
	_, err = leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	return err
}

func parseCertificate(b []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(b)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("it is no certificate in PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}

// certValues gives a property of a certificate, or of a request for one.
func certValues(b []byte, property string) ([]string, error) {
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, errors.New("it is not PEM")
	}
	if block.Type == "CERTIFICATE REQUEST" {
		request, err := x509.ParseCertificateRequest(block.Bytes)
		if err != nil {
			return nil, err
		}
		if err := request.CheckSignature(); err != nil {
			return nil, err
		}
		return subjectValues(request.Subject, request.PublicKey, property)
	}
	c, err := parseCertificate(b)
	if err != nil {
		return nil, err
	}
	switch property {
	case "SAN":
		var out []string
		for _, d := range c.DNSNames {
			out = append(out, "DNS:"+d)
		}
		for _, ip := range c.IPAddresses {
			out = append(out, "IP:"+ip.String())
		}
		return out, nil
	case "issuer":
		return []string{c.Issuer.CommonName}, nil
	case "days":
		// From now: the start lies back, for clocks that are late.
		return []string{strconv.Itoa(int(math.Round(time.Until(c.NotAfter).Hours() / 24)))}, nil
	case "CA":
		return []string{strconv.FormatBool(c.IsCA)}, nil
	case "usage":
		return usages(c), nil
	}
	return subjectValues(c.Subject, c.PublicKey, property)
}

func subjectValues(s pkix.Name, key any, property string) ([]string, error) {
	switch property {
	case "CN":
		return []string{s.CommonName}, nil
	case "O":
		return s.Organization, nil
	case "OU":
		return s.OrganizationalUnit, nil
	case "C":
		return s.Country, nil
	case "ST":
		return s.Province, nil
	case "L":
		return s.Locality, nil
	case "bits":
		return []string{keySize(key)}, nil
	case "key-id", "hash":
		der, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(der)
		return []string{"sha256:" + hex.EncodeToString(sum[:])}, nil
	}
	return nil, fmt.Errorf("%s is no property of a certificate", property)
}

func keySize(key crypto.PublicKey) string {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("rsa %d", key.N.BitLen())
	case *ecdsa.PublicKey:
		return fmt.Sprintf("ecdsa %d", key.Params().BitSize)
	}
	return "unknown"
}

// usages gives the key usages by the names that cfssl has for them. A certificate without extended ones is for all.
func usages(c *x509.Certificate) []string {
	var out []string
	for _, u := range []struct {
		name string
		bit  x509.KeyUsage
	}{
		{"digital signature", x509.KeyUsageDigitalSignature},
		{"content commitment", x509.KeyUsageContentCommitment},
		{"key encipherment", x509.KeyUsageKeyEncipherment},
		{"cert sign", x509.KeyUsageCertSign},
	} {
		if c.KeyUsage&u.bit != 0 {
			out = append(out, u.name)
		}
	}
	for _, u := range c.ExtKeyUsage {
		switch u {
		case x509.ExtKeyUsageServerAuth:
			out = append(out, "server auth")
		case x509.ExtKeyUsageClientAuth:
			out = append(out, "client auth")
		}
	}
	if len(c.ExtKeyUsage) == 0 {
		out = append(out, "server auth", "client auth")
	}
	return out
}

// testPair is a certificate that the harness is tried with.
type testPair struct{ certificate, key []byte }

// issueTestCertificate makes an authority, or a server's certificate of one.
func issueTestCertificate(t *testing.T, name string, by *testPair) *testPair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name, Organization: []string{"k8s"}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(30 * 24 * time.Hour), BasicConstraintsValid: true,
	}
	parent, signer := template, key
	if by == nil {
		template.IsCA, template.KeyUsage = true, x509.KeyUsageCertSign
	} else {
		template.DNSNames, template.IPAddresses = []string{name}, []net.IP{net.IPv4(192, 0, 2, 1)}
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		pair, err := tls.X509KeyPair(by.certificate, by.key)
		if err != nil {
			t.Fatal(err)
		}
		parent, signer = pair.Leaf, pair.PrivateKey.(*ecdsa.PrivateKey)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return &testPair{
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}),
	}
}
