package pki

import (
	"bytes"
	"fmt"
	"log/slog"
)

// redacted is what a private key looks like wherever it is not asked for by Reveal.
const redacted = "[private key]"

// Key is a private key that does not print itself: not by any verb of fmt, not as JSON or text, and not to slog.
type Key struct {
	// reveal is a function because printers that look inside of structs, at fields whose methods they cannot call,
	// find no bytes in a function.
	reveal func() []byte
}

func newKey(content []byte) Key {
	content = bytes.Clone(content)
	return Key{reveal: func() []byte { return bytes.Clone(content) }}
}

// Reveal gives the key as its file holds it: PEM, of PKCS #8 or of the traditional forms for certificates, and of
// OpenSSH for SSH. It is nil for the zero Key.
func (k Key) Reveal() []byte {
	if k.reveal == nil {
		return nil
	}
	return k.reveal()
}

func (k Key) empty() bool { return k.reveal == nil }

// String gives a placeholder.
func (k Key) String() string { return redacted }

// GoString gives a placeholder.
func (k Key) GoString() string { return redacted }

// Format writes a placeholder, whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText gives a placeholder.
func (k Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON gives a placeholder.
func (k Key) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// LogValue gives a placeholder.
func (k Key) LogValue() slog.Value { return slog.StringValue(redacted) }
