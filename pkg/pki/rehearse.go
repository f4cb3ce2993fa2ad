package pki

import (
	"crypto/rand"
	"encoding/pem"
	"time"

	"github.com/nodekiln/nodekiln/pkg/plan"
)

// rehearsalKey is the algorithm of the one key of a rehearsal.
const rehearsalKey = "ecdsa-p256"

// Rehearse gives a bundle of everything that a plan and its machines need, with which templates can be executed before
// anything is issued. It is in memory alone: one authority, worth nothing, stands for all, and noise for the certificates
// and keys, of the sizes that they are going to have.
func Rehearse(want plan.PKI, machines []string) (*Bundle, error) {
	i := issuer{plan: plan.PKI{Key: rehearsalKey, CAExpiry: time.Hour}, now: time.Now()}
	only := &pair{}
	if _, err := i.authority(only, plan.Authority{CommonName: "rehearsal"}); err != nil {
		return nil, err
	}
	if _, err := completeRequest(only); err != nil {
		return nil, err
	}
	b := newBundle("of a rehearsal")
	b.id = newClusterID()
	for _, a := range want.Authorities {
		b.authorities[a.Name], b.keyMachines[a.Name] = only, a.KeyMachines
	}
	for _, s := range want.Secrets {
		b.secrets[s.Name] = sharedSecret{newSecret(), s.Machines}
	}
	kinds := append(sshKinds(""), sshKinds("any machine")...)
	keys := map[string]SSHKey{}
	for _, kind := range kinds {
		k := SSHKey{Name: kind.name}
		if _, err := completeSSH(&k, "", kind); err != nil {
			return nil, err
		}
		keys[kind.name] = k
	}
	for _, m := range append([]string{""}, machines...) {
		h := &holder{certs: map[string]*pair{}}
		for _, kind := range sshKinds(m) {
			h.ssh = append(h.ssh, keys[kind.name])
		}
		b.holders[m] = h
	}
	size := rehearsalSizes(want.Key)
	for _, c := range want.Certificates {
		b.holders[c.Machine].certs[c.Name] = &pair{
			cert: only.cert, certPEM: noise("CERTIFICATE", size.cert), key: newKey(noise("PRIVATE KEY", size.key)),
		}
	}
	return b, nil
}

// rehearsalSize is about how many bytes of DER a certificate takes, and its key in PKCS #8.
type rehearsalSize struct{ cert, key int }

func rehearsalSizes(algorithm string) rehearsalSize {
	switch algorithm {
	case "rsa-2048":
		return rehearsalSize{cert: 950, key: 1218}
	case "rsa-4096":
		return rehearsalSize{cert: 1460, key: 2374}
	case "ecdsa-p384":
		return rehearsalSize{cert: 650, key: 185}
	}
	return rehearsalSize{cert: 560, key: 138}
}

// noise gives PEM that is as large as what it stands for and compresses as badly, so that what a target limits can be
// told before there is a key.
func noise(kind string, size int) []byte {
	b := make([]byte, size)
	_, _ = rand.Read(b) // it never fails: the program ends instead
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b})
}
