package media

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"testing"
)

// TestHashingOfHoleIsCancelled would take minutes otherwise.
func TestHashingOfHoleIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := hashRange(ctx, sha256.New(), bytes.NewReader(nil), 0, 1<<42, 1<<42); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
