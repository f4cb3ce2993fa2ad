package pki

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"slices"
)

// requestType is the type of a certificate signing request in PEM (RFC 7468, 7).
const requestType = "CERTIFICATE REQUEST"

// basicConstraints is the extension that tells an authority (RFC 5280, 4.2.1.9).
var basicConstraints = asn1.ObjectIdentifier{2, 5, 29, 19}

// completeRequest makes the request of an authority where it is missing, and gives the files that are new. It is made of
// the certificate, not of the plan: whatever was issued or brought, the request asks for just that.
func completeRequest(p *pair) (changes, error) {
	if p.request != nil {
		return changes{}, nil
	}
	key, err := p.signer()
	if err != nil {
		return changes{}, err
	}
	if p.request, err = requestFor(p.cert, key); err != nil {
		return changes{}, fmt.Errorf("make %s: %w", p.files.request, err)
	}
	return changes{public: []file{{path: p.files.request, content: p.request, mode: publicMode}}}, nil
}

// requestFor gives a request with the subject of a certificate, octet for octet, and its basic constraints.
func requestFor(cert *x509.Certificate, key crypto.Signer) ([]byte, error) {
	isNotBasic := func(e pkix.Extension) bool { return !e.Id.Equal(basicConstraints) }
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		RawSubject:      cert.RawSubject,
		ExtraExtensions: slices.DeleteFunc(slices.Clone(cert.Extensions), isNotBasic),
	}, key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: requestType, Bytes: der}), nil
}
