package media

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/nodekiln/nodekiln/pkg/media/qcow2"
)

// Format is that of a disk in one file.
type Format string

// The formats of disks in one file.
const (
	Raw   Format = "raw"   // the bytes of the disk, with holes where nothing is
	Qcow2 Format = "qcow2" // an image of QEMU's
)

// Compression is how the clusters of a qcow2 image are compressed.
type Compression = qcow2.Compression

// The methods of compression. QEMU reads Zstd from version 5.1 on, and Zlib always.
const (
	NoCompression = qcow2.None
	Zlib          = qcow2.Zlib
	Zstd          = qcow2.Zstd
)

// WriteOverlay writes the disk to dst as a qcow2 image of what differs from the golden disk, which it names by
// backingName: a path relative to the directory of dst, or an absolute one.
func (b *Baked) WriteOverlay(dst, backingName string) (Written, error) {
	w := Written{Layout: b.layout}
	err := writeFile(dst, machinePerm, func(f *os.File) error {
		h := sha256.New()
		// Many small tables and clusters in few system calls.
		out := bufio.NewWriterSize(io.MultiWriter(f, h), 1<<20)
		if err := qcow2.WriteOverlay(out, b.overlay, backingName, "qcow2"); err != nil {
			return err
		}
		if err := out.Flush(); err != nil {
			return err
		}
		var err error
		w.Size, err = f.Seek(0, io.SeekCurrent)
		w.Digest = hex.EncodeToString(h.Sum(nil))
		return err
	})
	return w, err
}

// WriteStandalone writes the disk to dst as one file that needs no other. A raw disk takes no compression.
func (b *Baked) WriteStandalone(ctx context.Context, dst string, format Format, c Compression) (Written, error) {
	w := Written{Layout: b.layout}
	err := writeFile(dst, machinePerm, func(f *os.File) (err error) {
		switch {
		case format == Qcow2:
			if err := qcow2.Write(ctx, f, b.overlay, qcow2.Options{Compression: c}); err != nil {
				return err
			}
			w.Digest, w.Size, err = digestFile(f)
		case format == Raw && c == NoCompression:
			w.Size = b.layout.Size
			w.Digest, err = writeRaw(ctx, f, b.overlay)
		default:
			err = fmt.Errorf("there is no format %q with compression %q", format, c)
		}
		return err
	})
	return w, err
}

// writeRaw writes the disk into an empty file, leaves holes where it has no data, and gives the digest.
func writeRaw(ctx context.Context, f *os.File, o *qcow2.Overlay) (digest string, err error) {
	if err := f.Truncate(o.Size()); err != nil {
		return "", err
	}
	h, hashed := sha256.New(), int64(0)
	for off := int64(0); ; {
		start, end, err := o.NextData(off)
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", err
		}
		if err := context.Cause(ctx); err != nil {
			return "", err
		}
		if err := copyRange(f, o, start, end); err != nil {
			return "", fmt.Errorf("copy bytes %d to %d: %w", start, end, err)
		}
		if err := hashRange(ctx, h, o, hashed, start, end); err != nil {
			return "", err
		}
		off, hashed = end, end
	}
	if err := hashRange(ctx, h, o, hashed, o.Size(), o.Size()); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// hashRange adds zeros from done to start and data from start to end.
func hashRange(ctx context.Context, h hash.Hash, src io.ReaderAt, done, start, end int64) error {
	buf := make([]byte, 256<<10)
	for n := int64(0); done < start; done += n {
		// The hole behind the base is most of a large disk, and takes seconds.
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n = min(int64(len(buf)), start-done)
		h.Write(buf[:n])
	}
	_, err := io.CopyBuffer(h, io.NewSectionReader(src, start, end-start), buf)
	return err
}

// copyRange copies a part of the disk to the same place in the file.
func copyRange(f *os.File, o *qcow2.Overlay, start, end int64) error {
	for start < end {
		from, pos, n, err := o.Locate(start)
		if err != nil {
			return err
		}
		if n, err = copyPiece(f, start, o, from, pos, min(n, end-start)); err != nil {
			return err
		}
		start += n
	}
	return nil
}

// copyPiece copies up to n bytes of the source to the same place in the file, and gives how many: none when a signal
// came in between. It has the kernel
// do it when those bytes lie in one piece at byte pos of a file; from is nil when they do not.
func copyPiece(to *os.File, off int64, src io.ReaderAt, from *os.File, pos, n int64) (int64, error) {
	if from != nil {
		at := off
		done, err := unix.CopyFileRange(int(from.Fd()), &pos, int(to.Fd()), &at, int(min(n, 1<<30)), 0)
		if err == nil && done > 0 {
			return int64(done), nil
		}
		if errors.Is(err, unix.EINTR) {
			return 0, nil
		}
		if err != nil && !cannotCopy(err) {
			return 0, err
		}
	}
	n = min(n, 1<<20)
	_, err := io.Copy(io.NewOffsetWriter(to, off), io.NewSectionReader(src, off, n))
	return n, err
}

// cannotCopy says whether an error of copy_file_range(2) means that these two files have to be copied in another way.
func cannotCopy(err error) bool {
	for _, e := range []error{unix.EXDEV, unix.EINVAL, unix.ENOSYS, unix.EOPNOTSUPP, unix.EPERM} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
