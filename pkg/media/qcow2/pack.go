package qcow2

import (
	"bytes"
	"fmt"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"
)

// zlibWindow is the largest distance that a compressed cluster may refer back. QEMU inflates with windowBits -12 (a raw
// deflate stream, 4 KiB), in block/qcow2-threads.c.
const zlibWindow = 4 << 10

// packer compresses one cluster. A packer gives the same bytes for the same cluster, whatever it packed before.
type packer func(cluster []byte) ([]byte, error)

// newPacker makes a packer for the use of one goroutine; nil for None.
func newPacker(method Compression) (packer, error) {
	switch method {
	case None:
		return nil, nil
	case Zlib:
		var out bytes.Buffer
		w, err := flate.NewWriterWindow(&out, zlibWindow)
		if err != nil {
			return nil, fmt.Errorf("make a deflate compressor: %w", err)
		}
		return func(cluster []byte) ([]byte, error) {
			out.Reset()
			w.Reset(&out)
			if _, err := w.Write(cluster); err != nil {
				return nil, err
			}
			err := w.Close()
			return bytes.Clone(out.Bytes()), err
		}, nil
	case Zstd:
		e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault),
			zstd.WithEncoderCRC(false), zstd.WithSingleSegment(true))
		if err != nil {
			return nil, fmt.Errorf("make a zstd compressor: %w", err)
		}
		return func(cluster []byte) ([]byte, error) { return e.EncodeAll(cluster, nil), nil }, nil
	}
	return nil, fmt.Errorf("%s cannot be written", method)
}
