package pki

import (
	"errors"
	"strings"
)

// shortestSecret is how many characters a secret has at least to be worth hiding. The last line of a key may be shorter;
// it holds too little to help anybody, and would be found in texts that have nothing to do with it.
const shortestSecret = 16

// hidden is what stands for a secret in an error.
const hidden = "[secret]"

// Redact gives an error whose text shows none of the bundle's secrets, nor of the others: each of them, and each line of
// a private key, that a parser or a template has quoted is a placeholder instead. An error without any is given back as
// it is.
func (b *Bundle) Redact(err error, others ...string) error {
	if err == nil {
		return nil
	}
	said := err.Error()
	shown := said
	for _, s := range append(b.confidential(), others...) {
		if len(s) >= shortestSecret {
			shown = strings.ReplaceAll(shown, s, hidden)
		}
	}
	if shown == said {
		return err
	}
	return errors.New(shown)
}

// confidential gives the ids that are not for others to see, the secrets in all forms that they are used in, and the lines
// of all private keys but those of PEM's frame.
func (b *Bundle) confidential() []string {
	all := []string{b.ClusterID()}
	var keys []Key
	for _, p := range b.authorities {
		keys = append(keys, p.key)
	}
	for name, h := range b.holders {
		all = append(all, b.MachineID(name))
		for _, p := range h.certs {
			keys = append(keys, p.key)
		}
		for _, k := range h.ssh {
			keys = append(keys, k.Private)
		}
	}
	for _, s := range b.secrets {
		keys = append(keys, s.value.forms()...)
	}
	for _, k := range keys {
		for line := range strings.Lines(string(k.Reveal())) {
			if line = strings.TrimSpace(line); !strings.HasPrefix(line, "-----") {
				all = append(all, line)
			}
		}
	}
	return all
}
