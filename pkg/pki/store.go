package pki

import (
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

// Modes of what a bundle holds.
const (
	dirMode    fs.FileMode = 0o700
	secretMode fs.FileMode = 0o600
	publicMode fs.FileMode = 0o644
)

// lockPoll is how often a process that waits for a bundle's lock tries again.
const lockPoll = 50 * time.Millisecond

// store is a bundle's directory. Its paths are relative to the directory and cannot leave it, not by links either.
type store struct {
	dir  string
	root *os.Root
	// rename gives a complete file its name. Tests interrupt here.
	rename func(root *os.Root, from, to string) error
}

// openStore opens the directory of a bundle.
func openStore(dir string) (*store, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the bundle of keys: %w", err)
	}
	s := &store{dir: dir, root: root, rename: (*os.Root).Rename}
	info, err := root.Stat(".")
	if err == nil && info.Mode()&0o022 != 0 {
		err = fmt.Errorf("%s: others can write to it, and so replace keys: run 'chmod 700 %s'", dir, dir)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// createStore makes the directory of a bundle where it is missing, and opens it.
func createStore(dir string) (*store, error) {
	switch err := os.Mkdir(dir, dirMode); {
	case err == nil:
		if err := os.Chmod(dir, dirMode); err != nil { // whatever the umask took away
			return nil, fmt.Errorf("create the bundle of keys: %w", err)
		}
		if err := syncDir(os.Open(filepath.Dir(dir))); err != nil {
			return nil, fmt.Errorf("create the bundle of keys %s: %w", dir, err)
		}
	case !errors.Is(err, fs.ErrExist):
		return nil, fmt.Errorf("create the bundle of keys: %w", err)
	}
	return openStore(dir)
}

func (s *store) close() { _ = s.root.Close() }

// name gives the path of a file as a person can use it.
func (s *store) name(path string) string { return filepath.Join(s.dir, path) }

// lock waits until no other process issues into the bundle. The function that it gives ends the exclusion.
func (s *store) lock(ctx context.Context) (unlock func(), err error) {
	f, err := s.root.OpenFile(lockFile, os.O_CREATE|os.O_EXCL|os.O_WRONLY, secretMode)
	if err == nil {
		err = errors.Join(f.Chmod(secretMode), f.Close())
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("create the lock %s: %w", s.name(lockFile), err)
	}
	l := flock.New(s.name(lockFile))
	if _, err := l.TryLockContext(ctx, lockPoll); err != nil {
		return nil, fmt.Errorf("wait for another process to release %s: %w", s.name(lockFile), err)
	}
	return func() { _ = l.Unlock() }, nil
}

// read gives the content of a regular file, or false where there is none.
func (s *store) read(path string) ([]byte, bool, error) {
	return s.readChecked(path, func(fs.FileInfo) error { return nil })
}

// readSecret gives the content of a file that nobody but its owner can read, or false where there is none.
func (s *store) readSecret(path string) ([]byte, bool, error) {
	return s.readChecked(path, func(info fs.FileInfo) error {
		if info.Mode()&0o077 != 0 {
			return fmt.Errorf("%s: others can read or write it (mode %04o): run 'chmod 600 %s', "+
				"and have it issued anew if somebody may have seen it", s.name(path), info.Mode().Perm(), s.name(path))
		}
		return nil
	})
}

func (s *store) readChecked(path string, check func(fs.FileInfo) error) ([]byte, bool, error) {
	f, err := s.root.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read %s: %w", s.name(path), err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, false, fmt.Errorf("read %s: %w", s.name(path), err)
	}
	if !info.Mode().IsRegular() {
		return nil, false, fmt.Errorf("%s: is no regular file: move it away", s.name(path))
	}
	if err := check(info); err != nil {
		return nil, false, err
	}
	b, err := io.ReadAll(f)
	if err != nil {
		return nil, false, fmt.Errorf("read %s: %w", s.name(path), err)
	}
	return b, true, nil
}

// list gives the names in a directory, sorted, and none where it is missing.
func (s *store) list(dir string) ([]string, error) {
	return s.listSome(dir, func(fs.DirEntry) bool { return true })
}

// listDirs is list without the regular files, which file managers and editors leave anywhere.
func (s *store) listDirs(dir string) ([]string, error) {
	return s.listSome(dir, func(e fs.DirEntry) bool { return !e.Type().IsRegular() })
}

func (s *store) listSome(dir string, which func(fs.DirEntry) bool) ([]string, error) {
	entries, err := fs.ReadDir(s.root.FS(), dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", s.name(dir), err)
	}
	var names []string
	for _, e := range entries {
		if which(e) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}
