package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/cloudflare/cfssl/csr"

	"github.com/nodekiln/nodekiln/pkg/plan"
)

// signingProfile is the name of the profile that SigningConfigJSON writes, which `cfssl gencert -profile` takes.
const signingProfile = "kubernetes"

// The shape of cfssl's own types when they are written would have all fields that they know, most of them empty.
type (
	configJSON struct {
		Signing signingJSON `json:"signing"`
	}
	signingJSON struct {
		Default  profileJSON            `json:"default"`
		Profiles map[string]profileJSON `json:"profiles"`
	}
	profileJSON struct {
		Usages []string `json:"usages,omitempty"`
		Expiry string   `json:"expiry"`
	}
	requestJSON struct {
		CN    string          `json:"CN"`
		Key   *csr.KeyRequest `json:"key"`
		CA    *caJSON         `json:"ca,omitempty"`
		Names []nameJSON      `json:"names,omitempty"`
	}
	caJSON struct {
		Expiry string `json:"expiry"`
	}
	nameJSON struct {
		C  string `json:"C,omitempty"`
		ST string `json:"ST,omitempty"`
		L  string `json:"L,omitempty"`
		O  string `json:"O,omitempty"`
		OU string `json:"OU,omitempty"`
	}
)

// SigningConfigJSON gives the ca-config.json by which cfssl signs certificates of the same lifetime and use as the
// cluster's, in its one profile "kubernetes".
func SigningConfigJSON(p plan.PKI) ([]byte, error) {
	expiry := hours(p.Expiry)
	return indented(configJSON{signingJSON{
		Default: profileJSON{Expiry: expiry},
		Profiles: map[string]profileJSON{signingProfile: {
			Usages: []string{"signing", "key encipherment", "server auth", "client auth"}, Expiry: expiry,
		}},
	}})
}

// RequestJSON gives the ca-csr.json from which `cfssl gencert -initca` makes an authority like that of the cluster. Of
// one that the user brings, it is what the certificate says and not the plan.
func RequestJSON(p plan.PKI, a plan.Authority) ([]byte, error) {
	if brought(a) {
		return broughtRequestJSON(a)
	}
	key, err := keyRequest(p.Key)
	if err != nil {
		return nil, err
	}
	s := p.Subject
	return indented(requestJSON{
		CN: a.CommonName, Key: key, CA: &caJSON{hours(p.CAExpiry)},
		Names: oneName(nameJSON{C: s.Country, ST: s.Province, L: s.Locality, O: s.Organization, OU: s.Unit}),
	})
}

func broughtRequestJSON(a plan.Authority) ([]byte, error) {
	cert, err := parseCertificate(a.Certificate)
	if err != nil {
		return nil, fmt.Errorf("the certificate of the authority %s: %w", a.Name, err)
	}
	key, err := publicKeyRequest(cert.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("the certificate of the authority %s: %w", a.Name, err)
	}
	out := requestJSON{CN: cert.Subject.CommonName, Key: key, CA: &caJSON{hours(cert.NotAfter.Sub(cert.NotBefore))}}
	for _, n := range csr.ExtractCertificateRequest(cert).Names {
		out.Names = append(out.Names, oneName(nameJSON{C: n.C, ST: n.ST, L: n.L, O: n.O, OU: n.OU})...)
	}
	return indented(out)
}

// publicKeyRequest gives what cfssl calls the algorithm of a key.
func publicKeyRequest(key crypto.PublicKey) (*csr.KeyRequest, error) {
	if err := checkAlgorithm(key); err != nil {
		return nil, err
	}
	if k, ok := key.(*ecdsa.PublicKey); ok {
		return &csr.KeyRequest{A: "ecdsa", S: k.Curve.Params().BitSize}, nil
	}
	return &csr.KeyRequest{A: "rsa", S: key.(*rsa.PublicKey).N.BitLen()}, nil
}

// oneName leaves out a name that says nothing.
func oneName(n nameJSON) []nameJSON {
	if n == (nameJSON{}) {
		return nil
	}
	return []nameJSON{n}
}

// hours writes a duration as people write it for cfssl, "8760h": without minutes and seconds that are none.
func hours(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func indented(v any) ([]byte, error) {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write a file of cfssl: %w", err)
	}
	return append(b, '\n'), nil
}
