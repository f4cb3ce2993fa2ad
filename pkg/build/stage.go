package build

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// stagingName is the directory, inside that of the results, in which files are made before they get their names.
const stagingName = ".partial"

// staging is a set of images in the making, and of files that describe them. They get their names in the directory all
// at the end, each whole, or not at all.
type staging struct {
	dir  string
	lock *os.File

	mu sync.Mutex
	// ready are the images that wait for their names, changed those of them that will replace a different one.
	ready, changed []string
	// described are the files that describe the images.
	described []string
}

// newStaging takes the directory for this process alone, and clears what a killed one has left.
func newStaging(dir string) (*staging, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make output directory: %w", err)
	}
	lock, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: another nodekiln is writing there; wait for it to end", dir)
		}
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	s := &staging{dir: dir, lock: lock}
	if err := errors.Join(os.RemoveAll(s.path("")), os.Mkdir(s.path(""), 0o700)); err != nil {
		lock.Close()
		return nil, fmt.Errorf("clear %s: %w", s.path(""), err)
	}
	return s, nil
}

// path gives where the file of that name is made.
func (s *staging) path(name string) string { return filepath.Join(s.dir, stagingName, name) }

// write makes a file that describes the images; it replaces an older one.
func (s *staging) write(name string, content []byte, perm fs.FileMode) error {
	f, err := os.OpenFile(s.path(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Chmod(perm), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	s.described = append(s.described, name)
	return nil
}

// copy makes a file of what is in another, which it shares blocks with where the file system can.
func (s *staging) copy(name, from string, perm fs.FileMode) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(s.path(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	// Between two files this is copy_file_range(2).
	_, err = io.Copy(dst, src)
	if err := errors.Join(err, dst.Chmod(perm), dst.Sync(), dst.Close()); err != nil {
		return fmt.Errorf("copy %s: %w", from, err)
	}
	return nil
}

// image declares an image made.
func (s *staging) image(name string) error {
	same, there, err := compare(filepath.Join(s.dir, name), s.path(name))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case same:
		// The one that is there stays as it is.
	case there:
		s.ready, s.changed = append(s.ready, name), append(s.changed, name)
	default:
		s.ready = append(s.ready, name)
	}
	return nil
}

// commit gives the files their names. Without force it does so only if none replaces a different one.
//
// An image never lies beside a description of another one, not after a loss of power either: where images are replaced,
// the descriptions of the old ones go first, and the new ones come when all images are on the disk.
func (s *staging) commit(force bool) error {
	slices.Sort(s.changed)
	if len(s.changed) > 0 && !force {
		return fmt.Errorf("%s: kept, since these are there and differ from what is built now: %s; give --force to replace them",
			s.dir, strings.Join(s.changed, ", "))
	}
	if len(s.changed) > 0 {
		for _, name := range s.described {
			if err := os.Remove(filepath.Join(s.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("remove what describes the images that are replaced: %w", err)
			}
		}
		if err := s.lock.Sync(); err != nil {
			return fmt.Errorf("sync %s: %w", s.dir, err)
		}
	}
	for _, step := range [][]string{s.ready, s.described} {
		for _, name := range step {
			if err := os.Rename(s.path(name), filepath.Join(s.dir, name)); err != nil {
				return fmt.Errorf("give %s its name: %w", name, err)
			}
		}
		if err := s.lock.Sync(); err != nil {
			return fmt.Errorf("sync %s: %w", s.dir, err)
		}
	}
	return nil
}

// close removes what has not got its name, and frees the directory.
func (s *staging) close() error {
	return errors.Join(os.RemoveAll(s.path("")), s.lock.Close())
}

func hashFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return h.Sum(nil), nil
}
