// Package fetch gets the files that a build takes from outside, each by its digest: from the network or from the disk.
// What does not have the digest is given to nobody. It is the only package that uses the network while building.
package fetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// Source is a file, and what it is known by. It has a URL (http or https) or a File, and at least one digest.
type Source struct {
	URL, File string
	// SHA256 and SHA512 of the content, in hexadecimal.
	SHA256, SHA512 string
}

// String gives where the file is. A URL has no password in it: the cluster file takes none.
func (s Source) String() string { return cmp.Or(s.URL, s.File) }

// Options say how a file is fetched.
type Options struct {
	// CacheDir keeps what came from the network, by digest, below "fetch".
	CacheDir string
	// Progress hears how many bytes are there, of how many in all; -1 where that is not known. Nil for nobody.
	Progress func(done, total int64)
}

// lockPoll is how often a process asks whether the one that downloads the same file is done.
const lockPoll = 250 * time.Millisecond

// ErrDigest is the error of a file that is not the one that was asked for.
var ErrDigest = errors.New("it does not have the digest that was asked for")

// Open gives the file, verified, from its beginning. An interrupted download goes on where it was; a file of the user's
// own is left where it is.
func Open(ctx context.Context, s Source, o Options) (*os.File, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	f, err := s.open(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", s, err)
	}
	return f, nil
}

func (s Source) check() error {
	if (s.URL == "") == (s.File == "") {
		return errors.New("a file to fetch has a URL or a name on the disk, and not both")
	}
	if s.SHA256 == "" && s.SHA512 == "" {
		return fmt.Errorf("%s has no digest to know it by", s)
	}
	return nil
}

func (s Source) open(ctx context.Context, o Options) (*os.File, error) {
	if s.File != "" {
		return s.verified(ctx, s.File)
	}
	dir := filepath.Join(o.CacheDir, "fetch")
	name := filepath.Join(dir, cmp.Or(s.SHA512, s.SHA256))
	// Only what was verified has this name. It is verified again: a disk may have lost some of it since.
	f, err := s.verified(ctx, name)
	if err == nil || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ErrDigest) {
		return f, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	lock := flock.New(name + ".lock")
	if _, err := lock.TryLockContext(ctx, lockPoll); err != nil {
		return nil, fmt.Errorf("wait for another process: %w", err)
	}
	defer lock.Unlock()
	// Another process may have fetched it while this one waited.
	if f, err := s.verified(ctx, name); err == nil {
		return f, nil
	}
	return s.download(ctx, name, o.Progress)
}

// download fetches the file into the cache. A part of it that an interrupted download has left may be of another file
// than the server has now: when the whole is not right, it is fetched once more, from its beginning.
func (s Source) download(ctx context.Context, name string, progress func(done, total int64)) (*os.File, error) {
	part := name + ".part"
	resumed, err := s.get(ctx, part, progress)
	if err != nil {
		return nil, err
	}
	f, err := s.verified(ctx, part)
	if errors.Is(err, ErrDigest) && resumed {
		if err := os.Remove(part); err != nil {
			return nil, err
		}
		if _, err := s.get(ctx, part, progress); err != nil {
			return nil, err
		}
		f, err = s.verified(ctx, part)
	}
	if err != nil {
		if errors.Is(err, ErrDigest) {
			err = errors.Join(err, os.Remove(part))
		}
		return nil, err
	}
	if err := errors.Join(f.Sync(), os.Rename(part, name)); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// verified opens a file that has the digests, and gives it from its beginning.
func (s Source) verified(ctx context.Context, name string) (*os.File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	err = s.compare(ctx, f)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
