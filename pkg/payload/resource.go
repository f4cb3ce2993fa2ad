package payload

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/vincent-petithory/dataurl"
)

// resource decodes a data URL (RFC 2397), the one kind of source that needs no network.
func resource(res types.Resource) ([]byte, error) {
	u, err := dataurl.DecodeString(str(res.Source))
	if err != nil {
		return nil, errors.New("its source is no data URL; only embedded contents can be baked")
	}
	b := u.Data
	if str(res.Compression) == "gzip" {
		if b, err = gunzip(b); err != nil {
			return nil, fmt.Errorf("decompress: %w", err)
		}
	}
	return b, verify(b, res.Verification)
}

func gunzip(b []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// verify holds decompressed contents against the digest that the config states, if it does.
func verify(b []byte, v types.Verification) error {
	if v.Hash == nil {
		return nil
	}
	function, want, err := v.HashParts()
	if err != nil {
		return fmt.Errorf("verification.hash: %w", err)
	}
	var got string
	switch function {
	case "sha256":
		got = fmt.Sprintf("%x", sha256.Sum256(b))
	case "sha512":
		got = fmt.Sprintf("%x", sha512.Sum512(b))
	default:
		return fmt.Errorf("verification.hash: %s is unknown", function)
	}
	if got != strings.ToLower(want) {
		return fmt.Errorf("its contents do not match verification.hash %s", *v.Hash)
	}
	return nil
}
