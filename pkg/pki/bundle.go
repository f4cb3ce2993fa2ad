package pki

import (
	"bytes"
	"fmt"
	"slices"
)

// Bundle is the secrets of a cluster, read and found sound. It does not change, and can be used by many goroutines at
// once.
type Bundle struct {
	dir         string
	id          clusterID
	authorities map[string]*pair
	// keyMachines are the machines that an authority's key is for, by the authority.
	keyMachines map[string][]string
	// holders are the machines by name, and the operator under "".
	holders map[string]*holder
	secrets map[string]sharedSecret
}

// holder is what one machine has, or the operator.
type holder struct {
	certs map[string]*pair
	ssh   []SSHKey
}

func newBundle(dir string) *Bundle {
	return &Bundle{
		dir: dir, authorities: map[string]*pair{}, keyMachines: map[string][]string{},
		holders: map[string]*holder{}, secrets: map[string]sharedSecret{},
	}
}

// String gives the place of the bundle and nothing that is in it.
func (b *Bundle) String() string { return "bundle " + b.dir }

// GoString gives the place of the bundle and nothing that is in it.
func (b *Bundle) GoString() string { return b.String() }

// Certificate gives a certificate that a machine holds, or the operator for "", in PEM, and its private key.
func (b *Bundle) Certificate(machine, name string) ([]byte, Key, error) {
	h, err := b.holder(machine)
	if err != nil {
		return nil, Key{}, err
	}
	p, ok := h.certs[name]
	if !ok {
		return nil, Key{}, fmt.Errorf("%s has no certificate %s of %s", b, name, sshComment(machine))
	}
	return bytes.Clone(p.certPEM), p.key, nil
}

// SSHHostKeys gives the keys that a machine's sshd(8) shows its visitors, sorted by name.
func (b *Bundle) SSHHostKeys(machine string) ([]SSHKey, error) {
	if err := checkName("machine", machine); err != nil {
		return nil, err
	}
	h, err := b.holder(machine)
	if err != nil {
		return nil, err
	}
	return slices.Clone(h.ssh), nil
}

// OperatorKey gives the key that the operator logs in to the machines with.
func (b *Bundle) OperatorKey() (SSHKey, error) {
	h, err := b.holder("")
	if err != nil {
		return SSHKey{}, err
	}
	if len(h.ssh) == 0 {
		return SSHKey{}, fmt.Errorf("%s has no key of the operator", b)
	}
	return h.ssh[0], nil
}

func (b *Bundle) holder(machine string) (*holder, error) {
	h, ok := b.holders[machine]
	if !ok {
		return nil, fmt.Errorf("%s has nothing of %s", b, sshComment(machine))
	}
	return h, nil
}
