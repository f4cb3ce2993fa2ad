package machine

import (
	"fmt"
	"slices"

	"github.com/nodekiln/nodekiln/pkg/pki"
	"github.com/nodekiln/nodekiln/pkg/plan"
)

// authorityKey gives the private key of an authority that the machine signs for, as PEM.
func (f functions) authorityKey(name string) (string, error) {
	key, err := f.bundle.AuthorityKey(f.data.Machine.Name, name)
	if err != nil {
		return "", err
	}
	return string(key.Reveal()), nil
}

// authorityPublicKey gives the public key of an authority, as PEM.
func (f functions) authorityPublicKey(name string) (string, error) {
	pem, err := f.bundle.AuthorityPublicKey(name)
	return string(pem), err
}

// authorityHash gives the hash of an authority's public key by which kubeadm pins it.
func (f functions) authorityHash(name string) (string, error) { return f.bundle.AuthorityHash(name) }

// authorityRequest gives the certificate signing request of an authority, as PEM.
func (f functions) authorityRequest(name string) (string, error) {
	pem, err := f.bundle.Request(name)
	return string(pem), err
}

// secret gives a secret of 32 bytes in base64.
func (f functions) secret(name string) (string, error) {
	s, err := f.bundle.Secret(f.data.Machine.Name, name)
	if err != nil {
		return "", err
	}
	return string(s.Base64().Reveal()), nil
}

// token gives a secret as kubeadm writes the tokens that nodes join with.
func (f functions) token(name string) (string, error) {
	s, err := f.bundle.Secret(f.data.Machine.Name, name)
	if err != nil {
		return "", err
	}
	return string(s.Token().Reveal()), nil
}

// certificateKey gives a secret as kubeadm writes the key that masters share certificates by.
func (f functions) certificateKey(name string) (string, error) {
	s, err := f.bundle.Secret(f.data.Machine.Name, name)
	if err != nil {
		return "", err
	}
	return string(s.CertificateKey().Reveal()), nil
}

// cfsslConfig gives the signing configuration of cfssl that issues what the cluster's authorities have issued.
func (f functions) cfsslConfig() (string, error) {
	b, err := pki.SigningConfigJSON(f.data.PKI)
	return string(b), err
}

// cfsslRequest gives the request from which cfssl makes such an authority.
func (f functions) cfsslRequest(name string) (string, error) {
	i := slices.IndexFunc(f.data.PKI.Authorities, func(a plan.Authority) bool { return a.Name == name })
	if i < 0 {
		return "", fmt.Errorf("no authority is called %q", name)
	}
	b, err := pki.RequestJSON(f.data.PKI, f.data.PKI.Authorities[i])
	return string(b), err
}
