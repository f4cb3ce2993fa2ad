package pki

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
)

func TestRedactHidesEveryLine(t *testing.T) {
	b, dir := newLab(t, 2)
	const hash = "$6$abcdefgh$ltjgWl6579NluT"
	secrets := append(keyLines(t, dir), b.ClusterID(), b.MachineID("node2"), hash)
	for _, form := range b.secrets["bootstrap"].value.forms() {
		secrets = append(secrets, string(form.Reveal()))
	}
	for _, s := range secrets {
		// As text/template and encoding/json quote.
		err := b.Redact(fmt.Errorf("no role %q: %w", "-----BEGIN\n"+s+"\n", fs.ErrInvalid), hash)
		if strings.Contains(err.Error(), s) || !strings.Contains(err.Error(), hidden) {
			t.Fatalf("an error shows a secret: %d of %d characters", len(s), len(err.Error()))
		}
	}
}

func TestRedactKeepsOtherErrors(t *testing.T) {
	b, _ := newLab(t, 1)
	harmless := fmt.Errorf("read %s: %w", "-----BEGIN PRIVATE KEY-----", fs.ErrNotExist)
	if err := b.Redact(harmless); !errors.Is(err, fs.ErrNotExist) || err.Error() != harmless.Error() {
		t.Errorf("an error without a secret has become %v", err)
	}
	if err := b.Redact(nil); err != nil {
		t.Errorf("no error has become %v", err)
	}
}
