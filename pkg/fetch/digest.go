package fetch

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strings"
)

// compare reads all of r and tells whether it has the digests.
func (s Source) compare(ctx context.Context, r io.Reader) error {
	small, large := sha256.New(), sha512.New()
	if _, err := io.Copy(io.MultiWriter(small, large), reader{ctx, r}); err != nil {
		return fmt.Errorf("read it: %w", err)
	}
	for _, d := range []struct {
		name, wanted string
		sum          hash.Hash
	}{{"SHA-256", s.SHA256, small}, {"SHA-512", s.SHA512, large}} {
		if got := hex.EncodeToString(d.sum.Sum(nil)); d.wanted != "" && !strings.EqualFold(got, d.wanted) {
			return fmt.Errorf("%w: its %s is %s instead of %s", ErrDigest, d.name, got, d.wanted)
		}
	}
	return nil
}

// reader ends with its context.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
