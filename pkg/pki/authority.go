package pki

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"slices"
)

// Authority gives the certificate of an authority, in PEM.
func (b *Bundle) Authority(name string) ([]byte, error) {
	p, err := b.authority(name)
	if err != nil {
		return nil, err
	}
	return bytes.Clone(p.certPEM), nil
}

// AuthorityKey gives the private key of an authority for a machine that signs with it. It is for the machines alone that
// the plan lists, which is known of a bundle that Ensure gave: whoever holds it can make himself anybody.
func (b *Bundle) AuthorityKey(machine, name string) (Key, error) {
	p, err := b.authority(name)
	if err != nil {
		return Key{}, err
	}
	if machine == "" || !slices.Contains(b.keyMachines[name], machine) {
		return Key{}, fmt.Errorf("the key of the authority %s is not for %s: the plan has it on %s",
			name, sshComment(machine), nameMachines(b.keyMachines[name]))
	}
	return p.key, nil
}

// AuthorityPublicKey gives the public key of an authority in PEM of PKIX (RFC 5280, 4.1.2.7).
func (b *Bundle) AuthorityPublicKey(name string) ([]byte, error) {
	p, err := b.authority(name)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: p.cert.RawSubjectPublicKeyInfo}), nil
}

// AuthorityHash gives the hash of an authority's public key that kubeadm pins it by (discovery-token-ca-cert-hash):
// "sha256:" and the SHA-256 of the SubjectPublicKeyInfo in hexadecimal digits, which RFC 7469, 2.4, has in base64.
func (b *Bundle) AuthorityHash(name string) (string, error) {
	p, err := b.authority(name)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(p.cert.RawSubjectPublicKeyInfo)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// Request gives the certificate signing request of an authority, in PEM: what cfssl calls ca.csr. It stays the same.
func (b *Bundle) Request(name string) ([]byte, error) {
	p, err := b.authority(name)
	if err != nil {
		return nil, err
	}
	if p.request == nil {
		return nil, fmt.Errorf("%s has no request of the authority %s yet; the next build makes it", b, name)
	}
	return bytes.Clone(p.request), nil
}

func (b *Bundle) authority(name string) (*pair, error) {
	p, ok := b.authorities[name]
	if !ok {
		return nil, fmt.Errorf("%s has no authority %s", b, name)
	}
	return p, nil
}

// readRequest reads the request of an authority, whose pair has been read. One that is missing is made by Ensure.
func (s *store) readRequest(p *pair) error {
	content, ok, err := s.read(p.files.request)
	if err != nil || !ok {
		return err
	}
	again := fmt.Sprintf("move %s away and the next build makes it anew", s.name(p.files.request))
	block, rest := pem.Decode(content)
	if block == nil || block.Type != requestType || len(bytes.TrimSpace(rest)) > 0 {
		return fmt.Errorf("%s: holds not one certificate signing request in PEM: %s", s.name(p.files.request), again)
	}
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err == nil {
		err = request.CheckSignature()
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %s", s.name(p.files.request), err, again)
	}
	if p.key.empty() {
		return fmt.Errorf("%s: the key that it was made with is missing: put %s back, or %s",
			s.name(p.files.request), s.name(p.files.key), again)
	}
	key, err := p.signer()
	if err != nil {
		return fmt.Errorf("%s: %w", s.name(p.files.key), err)
	}
	if !equalKeys(key.Public(), request.PublicKey) {
		return fmt.Errorf("%s: is not made with the key %s: put the right files back, or %s", s.name(p.files.request), s.name(p.files.key), again)
	}
	p.request = content
	return nil
}
