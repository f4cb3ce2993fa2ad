package oci

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// maxDocument bounds what is read as JSON, in bytes: what the distribution specification lets a registry refuse a manifest
// above, 4 MiB. maxDocuments bounds all that an archive has of that size.
const (
	maxDocument  = 4 << 20
	maxDocuments = 256 << 20
)

// contents are the files of an OCI image layout, or of what `docker save` has written.
type contents interface {
	// open gives a file and its size in bytes.
	open(name string) (io.ReadCloser, int64, error)
}

// dirContents are those of a directory.
type dirContents struct{ fs.FS }

func (d dirContents) open(name string) (io.ReadCloser, int64, error) {
	f, err := d.Open(name)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file", name)
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// tarContents are those of a tar file.
type tarContents struct{ *tree.Tree }

func (t tarContents) open(name string) (io.ReadCloser, int64, error) {
	n, err := t.Resolve(name)
	if err != nil {
		return nil, 0, err
	}
	if !n.Mode.IsRegular() {
		return nil, 0, fmt.Errorf("%s is no file", name)
	}
	if n.Open == nil {
		return nil, n.Size, errNotRead
	}
	r, err := n.Open()
	return r, n.Size, err
}

// errNotRead is the error of a file of which documents has not read what is in it.
var errNotRead = errors.New("its content has not been read")

// document reads a file that is JSON.
func document(c contents, name string) ([]byte, error) {
	r, size, err := c.open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if size > maxDocument {
		return nil, fmt.Errorf("%s is of %d bytes, more than any index or manifest", name, size)
	}
	return io.ReadAll(r)
}

// openArchive gives the contents of a file, which may be compressed by gzip or zstd. The file is closed by close; one that
// is compressed is unpacked to the name that unpacked gives first, from where it can be read anew.
func openArchive(name string, unpacked func(io.Reader) (string, error)) (c contents, close func() error, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	r, err := decompressed(f)
	if err == nil && r != nil {
		name, err = unpacked(r)
		f.Close()
		if err != nil {
			return nil, nil, err
		}
		if f, err = os.Open(name); err != nil {
			return nil, nil, err
		}
	}
	if err == nil {
		var info os.FileInfo
		if info, err = f.Stat(); err == nil {
			var t *tree.Tree
			if t, err = tree.FromTar(f, info.Size(), origin); err == nil {
				return tarContents{t}, f.Close, nil
			}
			err = notArchive(err)
		}
	}
	f.Close()
	return nil, nil, err
}

// decompressed gives what a file holds that is compressed by gzip (RFC 1952, 2.3.1) or zstd (RFC 8878, 3.1.1), and nil for
// any other.
func decompressed(f io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(f, 1<<20)
	magic, err := b.Peek(4)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, err
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		return gzip.NewReader(b)
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}
	return nil, nil
}

// documents gives those files of a tar file that may be JSON, and the others without what is in them: enough to tell which
// images it has. It takes a compressed one as well.
func documents(f io.ReadSeeker) (contents, error) {
	var r io.Reader = f
	z, err := decompressed(f)
	if err == nil && z != nil {
		r = z
	} else if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, err
	}
	t, left := &tree.Tree{}, int64(maxDocuments)
	for archive := tar.NewReader(r); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return tarContents{t}, nil
		}
		if err != nil {
			return nil, notArchive(err)
		}
		n := tree.Node{Path: path.Clean(strings.TrimPrefix(h.Name, "/")), Mode: h.FileInfo().Mode(), Size: h.Size, Target: h.Linkname}
		if h.Typeflag == tar.TypeReg && h.Size <= maxDocument && h.Size <= left {
			text, err := io.ReadAll(archive)
			if err != nil {
				return nil, notArchive(err)
			}
			left -= h.Size
			n = tree.File(n.Path, 0o644, time.Time{}, text, origin)
		} else if h.Typeflag == tar.TypeLink {
			n.HardLink = path.Clean(strings.TrimPrefix(h.Linkname, "/"))
		}
		if err := t.Add(n); err != nil {
			return nil, err
		}
	}
}

// notArchive says what the error of a file that could not be unpacked means.
func notArchive(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it is no archive of images, or a part of one: it ends too early")
	}
	return fmt.Errorf("it is no archive of images: %w", err)
}
