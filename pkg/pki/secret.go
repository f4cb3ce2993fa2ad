package pki

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"
)

// secretSize is the size of a secret in bytes: what AES-256 takes, as Kubernetes encrypts with it at rest.
const secretSize = 32

// Secret is a random value that machines share. It prints itself as little as a Key does; what it gives are Keys too.
type Secret struct{ value Key }

// sharedSecret is a secret and the machines that it is for.
type sharedSecret struct {
	value    Secret
	machines []string
}

// Secret gives a secret to a machine that the plan lists for it, which is known of a bundle that Ensure gave.
func (b *Bundle) Secret(machine, name string) (Secret, error) {
	s, ok := b.secrets[name]
	if !ok {
		return Secret{}, fmt.Errorf("%s has no secret %s", b, name)
	}
	if machine == "" || !slices.Contains(s.machines, machine) {
		return Secret{}, fmt.Errorf("the secret %s is not for %s: the plan has it on %s",
			name, sshComment(machine), nameMachines(s.machines))
	}
	return s.value, nil
}

// Base64 gives the 32 bytes in base64 (RFC 4648, 4), as Kubernetes' EncryptionConfiguration has keys.
func (s Secret) Base64() Key {
	return newKey([]byte(base64.StdEncoding.EncodeToString(s.value.Reveal())))
}

// Token gives a bootstrap token of kubeadm: [a-z0-9]{6}.[a-z0-9]{16}. It follows from the secret, which does not follow
// from it.
func (s Secret) Token() Key {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	// Bytes from here on are left out, or the first letters would come more often than the last.
	const fair = 256 - 256%len(letters)
	var token []byte
	for _, c := range s.derive("bootstrap token", 255*sha256.Size) {
		if int(c) >= fair {
			continue
		}
		if len(token) == 6 {
			token = append(token, '.')
		}
		if token = append(token, letters[int(c)%len(letters)]); len(token) == 6+1+16 {
			break
		}
	}
	return newKey(token)
}

// CertificateKey gives what kubeadm encrypts the certificates with that masters share: 32 bytes in hexadecimal digits.
// It follows from the secret, which does not follow from it.
func (s Secret) CertificateKey() Key {
	return newKey([]byte(hex.EncodeToString(s.derive("certificate key", secretSize))))
}

// derive gives bytes for a purpose, by HKDF (RFC 5869). A purpose that changes gives other bytes to clusters that run.
func (s Secret) derive(purpose string, size int) []byte {
	b, err := hkdf.Key(sha256.New, s.value.Reveal(), nil, "nodekiln "+purpose, size)
	if err != nil {
		panic(err) // only of a size beyond 255 hashes
	}
	return b
}

// forms gives the texts by which the secret could be known.
func (s Secret) forms() []Key {
	token := s.Token()
	_, secretPart, _ := strings.Cut(string(token.Reveal()), ".")
	text := newKey([]byte(hex.EncodeToString(s.value.Reveal())))
	return []Key{text, s.Base64(), token, newKey([]byte(secretPart)), s.CertificateKey()}
}

// String gives a placeholder.
func (s Secret) String() string { return hidden }

// GoString gives a placeholder.
func (s Secret) GoString() string { return hidden }

// Format writes a placeholder, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// MarshalText gives a placeholder.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

func newSecret() Secret {
	value := make([]byte, secretSize)
	_, _ = rand.Read(value) // it never fails: the program ends instead
	return Secret{newKey(value)}
}

// file gives the file of a secret.
func (s Secret) file(name string) file {
	return file{path: secretFile(name), content: []byte(hex.EncodeToString(s.value.Reveal()) + "\n"), mode: secretMode}
}

func secretFile(name string) string { return path.Join(secretDir, name) }

// loadSecret reads a secret, and gives the zero Secret where there is none.
func (s *store) loadSecret(name string) (Secret, error) {
	content, ok, err := s.readSecret(secretFile(name))
	if err != nil || !ok {
		return Secret{}, err
	}
	value, err := hex.DecodeString(strings.TrimSpace(string(content)))
	if err != nil || len(value) != secretSize {
		return Secret{}, fmt.Errorf("%s: is not %d hexadecimal digits: put the right file back, or move it away and the "+
			"next build makes another, which machines that run do not know", s.name(secretFile(name)), 2*secretSize)
	}
	return Secret{newKey(value)}, nil
}

// nameMachines lists machines in an error.
func nameMachines(machines []string) string {
	if len(machines) == 0 {
		return "no machine"
	}
	return strings.Join(machines, ", ")
}
