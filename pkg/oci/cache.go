package oci

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sys/unix"
)

// cache keeps what was pulled, blob by blob and named by digest as in an OCI image layout, and compressed archives of the
// user's, unpacked. Nothing has its name there before it is whole.
type cache struct{ dir string }

func (o Options) cache() cache { return cache{filepath.Join(o.CacheDir, "image")} }

// has tells whether a blob is there, and is read to tell: a disk may have lost some of it since it was kept.
func (c cache) has(ctx context.Context, d v1.Descriptor) bool {
	return stored(dirContents{os.DirFS(c.dir)}, d).verify(ctx) == nil
}

// keep writes a blob, which has to have the digest. No more than its size in bytes is taken from who sends it.
func (c cache) keep(ctx context.Context, digest v1.Hash, size int64, r io.Reader) error {
	return c.write(blobPath(digest), func(w io.Writer) error {
		h := sha256.New()
		n, err := io.Copy(io.MultiWriter(w, h), reader{ctx, io.LimitReader(r, size+1)})
		if err != nil {
			return err
		}
		if n > size {
			return fmt.Errorf("more was received than its %d bytes", size)
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != digest.Hex {
			return fmt.Errorf("what was received has the digest sha256:%s instead of %s", got, digest)
		}
		return nil
	})
}

// unpacked writes what a file holds that is compressed, by that file's own digest, unless it is there.
func (c cache) unpacked(ctx context.Context, file string) func(io.Reader) (string, error) {
	return func(r io.Reader) (string, error) {
		f, err := os.Open(file)
		if err != nil {
			return "", err
		}
		defer f.Close()
		digest, _, err := v1.SHA256(reader{ctx, f})
		if err != nil {
			return "", err
		}
		name := filepath.Join("archives", digest.Hex+".tar")
		full := filepath.Join(c.dir, name)
		if _, err := os.Stat(full); !errors.Is(err, fs.ErrNotExist) {
			return full, err
		}
		return full, c.write(name, func(w io.Writer) error {
			_, err := io.Copy(w, reader{ctx, r})
			return err
		})
	}
}

// write makes a file of that name below the cache's directory.
func (c cache) write(name string, content func(io.Writer) error) error {
	full := filepath.Join(c.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		return err
	}
	removeLeftovers(filepath.Dir(full))
	// A name of its own for each process: two may pull the same image at once.
	f, err := os.CreateTemp(filepath.Dir(full), partPattern)
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err = lockFile(f); err == nil {
		err = content(f)
	}
	if err = errors.Join(err, f.Chmod(0o644), f.Sync()); err == nil {
		// It is closed, and so free for others, when it has its name.
		err = os.Rename(f.Name(), full)
	}
	return errors.Join(err, f.Close())
}

// partPattern is what files are called that are not yet whole.
const partPattern = ".part-*"

// removeLeftovers removes what processes that were killed have not finished, which may be as large as a layer. The kernel
// has taken their locks from them. One that is empty may belong to a process that is about to lock it, and takes no room.
// Whatever can not be removed stays.
func removeLeftovers(dir string) {
	// The pattern is a constant, and only a bad pattern is an error.
	parts, _ := filepath.Glob(filepath.Join(dir, partPattern))
	for _, part := range parts {
		f, err := os.Open(part)
		if err != nil {
			continue
		}
		if info, err := f.Stat(); err == nil && info.Size() > 0 && lockFile(f) == nil {
			_ = os.Remove(part)
		}
		f.Close()
	}
}

// lockFile takes a file for this process alone until it is closed.
func lockFile(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }

// resolution is the file that says what a reference stood for when its registry was asked last.
func resolution(reference string) string {
	sum := sha256.Sum256([]byte(reference))
	return "references/" + hex.EncodeToString(sum[:])
}
