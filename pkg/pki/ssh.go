package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"path"

	"golang.org/x/crypto/ssh"
)

// SSHKey is a key pair of SSH.
type SSHKey struct {
	// Name of the private key's file, as sshd(8) and ssh(1) know it: ssh_host_ed25519_key.
	Name    string
	Private Key
	// Public is the content of the public key's file: type, key and comment in one line, with its end.
	Public []byte
}

// sshKind is a kind of key that a holder has.
type sshKind struct {
	// name of the private key's file; that of the public key has .pub behind.
	name     string
	generate func() (crypto.Signer, error)
}

// sshKinds gives the keys that a machine has, or the operator for "".
func sshKinds(machine string) []sshKind {
	if machine == "" {
		return []sshKind{{operatorKeyName, generateEd25519}}
	}
	return []sshKind{{"ssh_host_ecdsa_key", generateECDSA}, {"ssh_host_ed25519_key", generateEd25519}}
}

func generateEd25519() (crypto.Signer, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return key, err
}

func generateECDSA() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// sshComment is what a holder's keys say of themselves.
func sshComment(machine string) string {
	if machine == "" {
		return operatorDir
	}
	return machine
}

// readSSH reads what there is of a key pair: nothing, a private key, or both.
func (s *store) readSSH(machine string, kind sshKind) (SSHKey, error) {
	k := SSHKey{Name: kind.name}
	private := path.Join(holderDir(machine), kind.name)
	public := private + ".pub"
	anew := fmt.Sprintf("move %s and %s away and the next build makes them anew", s.name(private), s.name(public))
	// The public key first: where one is seen, the private key has been there before it.
	line, hasPublic, err := s.read(public)
	if err != nil {
		return k, err
	}
	content, hasPrivate, err := s.readSecret(private)
	if err != nil {
		return k, err
	}
	if hasPublic && !hasPrivate {
		return k, fmt.Errorf("%s: its private key is missing: put %s back, or move the public key away to have both made anew",
			s.name(public), s.name(private))
	}
	if !hasPrivate {
		return k, nil
	}
	k.Private = newKey(content)
	key, err := k.publicKey()
	if err != nil {
		return k, fmt.Errorf("%s: %w: %s", s.name(private), err, anew)
	}
	if !hasPublic {
		return k, nil
	}
	k.Public = line
	written, _, _, _, err := ssh.ParseAuthorizedKey(line)
	if err != nil {
		return k, fmt.Errorf("%s: holds no public key: %s", s.name(public), anew)
	}
	if !bytes.Equal(written.Marshal(), key.Marshal()) {
		return k, fmt.Errorf("%s: is not the key of %s: put the right one back, or %s", s.name(private), s.name(public), anew)
	}
	return k, nil
}

// publicKey derives the public key from the private one. Its error says nothing of what the key holds.
func (k SSHKey) publicKey() (ssh.PublicKey, error) {
	signer, err := ssh.ParsePrivateKey(k.Private.Reveal())
	var locked *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &locked):
		return nil, errors.New("is protected by a passphrase, which nobody is there to type")
	case err != nil:
		return nil, errors.New("holds no private key of SSH")
	}
	return signer.PublicKey(), nil
}

// completeSSH makes what is missing of a key pair, and gives the files that are new.
func completeSSH(k *SSHKey, machine string, kind sshKind) (changes, error) {
	var c changes
	private := path.Join(holderDir(machine), kind.name)
	if k.Private.empty() {
		key, err := kind.generate()
		if err != nil {
			return c, fmt.Errorf("make %s: %w", private, err)
		}
		block, err := ssh.MarshalPrivateKey(key, sshComment(machine))
		if err != nil {
			return c, fmt.Errorf("make %s: %w", private, err)
		}
		k.Private = newKey(pem.EncodeToMemory(block))
		c.secrets = append(c.secrets, file{path: private, content: k.Private.Reveal(), mode: secretMode})
	}
	if k.Public == nil {
		key, err := k.publicKey()
		if err != nil {
			return c, fmt.Errorf("%s: %w", private, err)
		}
		line := bytes.TrimSuffix(ssh.MarshalAuthorizedKey(key), []byte("\n"))
		k.Public = fmt.Appendf(line, " %s\n", sshComment(machine))
		c.public = append(c.public, file{path: private + ".pub", content: k.Public, mode: publicMode})
	}
	return c, nil
}
