package verdict

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
)

// door is a server that somebody asks who is not to be let in.
type door struct {
	*api
	name string
	path string
	// anonymous says that the server may take who asks for nobody, and then forbid what is asked.
	anonymous bool
	// tells says that the server answers by HTTP also whom it does not know.
	tells bool
}

func (d door) String() string { return d.name + " of " + d.Machine }

// strangers asks each server as one without a certificate, and as one with a certificate of an authority of its own.
func (j *judge) strangers(ctx context.Context, apis []*api, etcd []Endpoint, foreign rest.TLSClientConfig) error {
	for _, s := range []struct {
		check     string
		identity  rest.TLSClientConfig
		anonymous bool
	}{
		{"no certificate is refused", rest.TLSClientConfig{}, true},
		{"foreign certificate is refused", foreign, false},
	} {
		var doors []door
		for _, a := range apis {
			config := rest.AnonymousClientConfig(a.config)
			config.CertData, config.KeyData = s.identity.CertData, s.identity.KeyData
			as, err := newAPI(a.Endpoint, config)
			if err != nil {
				return err
			}
			doors = append(doors, door{api: as, name: "the API", path: nodesPath, anonymous: s.anonymous, tells: true})
		}
		for _, e := range etcd {
			// Who is not to be there does not mind whether the server can be trusted.
			identity := s.identity
			identity.Insecure = true
			as, err := newAPI(e, &rest.Config{Host: "https://" + e.Address, TLSClientConfig: identity})
			if err != nil {
				return err
			}
			doors = append(doors, door{api: as, name: "etcd", path: "/version"})
		}
		each(ctx, j, s.check, doors, settledLimit, refused)
	}
	return nil
}

// refused asks a server, which is to refuse that: a server that can not be reached does not.
func refused(ctx context.Context, d door) (string, error) {
	_, err := d.raw(ctx, d.path)
	switch {
	case err == nil:
		return "", finalError{lookAt(fmt.Errorf("GET %s of %s (%s) was answered to a stranger", d.path, d, d.Address), "the flags by which it knows its clients")}
	case alerted(err):
		return "refused in the TLS handshake", nil
	case d.tells && apierrors.IsUnauthorized(err):
		return "401 Unauthorized", nil
	case d.anonymous && apierrors.IsForbidden(err):
		return "403 Forbidden", nil
	}
	return "", lookAt(fmt.Errorf("no refusal came from %s (%s): %w", d, d.Address, err), "the journal of its unit on %s", d.Machine)
}

// alerted tells whether the other side has ended TLS by an alert about the certificate (RFC 8446, 6.2), or by that for one
// that is not there in TLS 1.2 (RFC 5246, 7.4.6). crypto/tls has no exported type for alerts, but their texts.
func alerted(err error) bool {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "remote error" {
		return false
	}
	said := op.Err.Error()
	return strings.Contains(said, "certificate") || strings.Contains(said, "handshake failure")
}

// foreignIdentity makes a certificate of an administrator that no authority of the cluster has signed. It is nobody's and
// kept nowhere.
func foreignIdentity(now time.Time) (rest.TLSClientConfig, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return rest.TLSClientConfig{}, fmt.Errorf("make a key for a stranger: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "admin", Organization: []string{"system:masters"}},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(24 * time.Hour), BasicConstraintsValid: true, IsCA: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return rest.TLSClientConfig{}, fmt.Errorf("make a certificate for a stranger: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return rest.TLSClientConfig{}, fmt.Errorf("encode the key of a stranger: %w", err)
	}
	return rest.TLSClientConfig{
		CertData: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		KeyData:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}, nil
}
