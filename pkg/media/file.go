package media

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Permissions of what is written.
const (
	machinePerm = 0o600 // a machine's private keys are in it
	publicPerm  = 0o644
)

// writeFile makes a file whole or not at all: fill writes it under a temporary name in the same directory, and it is
// synced and renamed when that went well. The temporary name is always the same, so that what a killed run left behind
// is taken over by the next one, and it is locked, so that two runs at once do not write into one another.
func writeFile(dst string, perm fs.FileMode, fill func(*os.File) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w", dst, err)
		}
	}()
	f, err := openLocked(filepath.Join(filepath.Dir(dst), "."+filepath.Base(dst)+".partial"), perm)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreMissing(os.Remove(f.Name())))
		}
		f.Close()
	}()
	if err := fill(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), dst); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dst))
}

// openLocked opens a file for writing from the start, and locks it for as long as it is open.
func openLocked(path string, perm fs.FileMode) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, perm)
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			f.Close()
			if errors.Is(err, syscall.EWOULDBLOCK) {
				return nil, errors.New("another process is writing it")
			}
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if mine, err := isStill(f, path); err != nil || !mine {
			f.Close()
			if err != nil {
				return nil, err
			}
			continue
		}
		// The permissions are the same whatever the umask, and whatever an earlier run was to write.
		if err := errors.Join(f.Chmod(perm), f.Truncate(0)); err != nil {
			f.Close()
			return nil, err
		}
		return f, nil
	}
}

// isStill says whether the path still names the open file: another process may have renamed or removed it between the
// opening and the locking.
func isStill(f *os.File, path string) (bool, error) {
	opened, err := f.Stat()
	if err != nil {
		return false, err
	}
	named, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(opened, named), err
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// syncDir makes a rename in the directory last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
