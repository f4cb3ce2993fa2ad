package base

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nodekiln/nodekiln/pkg/tool"
)

// What a bootstrap needs at once for its root filesystem and the tar of it, in bytes, and what the machine is to have
// left beside it to use memory for that.
const (
	workSize    = 3 << 30
	spareMemory = 2 << 30
)

// publicDirs are the places for everybody's temporary files, memory first.
func publicDirs() []string { return []string{"/dev/shm", "/var/tmp", "/tmp"} }

// workdirs gives where the temporary files of an entry may be, the best place first: memory, beside the cache, and the
// places for everybody's temporary files, since a plain user's bootstrap runs under other user ids, which can not enter
// that user's home. The name tells entries of one machine apart.
func (e entry) workdirs() []string {
	sum := sha256.Sum256([]byte(e.dir))
	name := fmt.Sprintf("nodekiln-%d-%x", os.Geteuid(), sum[:6])
	dirs := []string{}
	for _, parent := range slices.Insert(publicDirs(), 1, e.dir) {
		dirs = append(dirs, filepath.Join(parent, name))
	}
	return dirs
}

// makeWorkdir removes what earlier builds left and makes a fresh directory in the best place that there is. It is this
// build's until the lock is closed, which a killed process does too.
func (e entry) makeWorkdir(ctx context.Context) (dir string, lock *os.File, err error) {
	sweep(ctx)
	if err := e.removeWorkdirs(ctx); err != nil {
		return "", nil, err
	}
	var reasons []error
	for _, dir := range e.workdirs() {
		err := suits(filepath.Dir(dir))
		if err == nil {
			// Mkdir fails where somebody else has put a link.
			err = os.Mkdir(dir, 0o700)
		}
		if err == nil {
			// apt's own user, and in a user namespace every user of the image, work below it; sticky, as /tmp is.
			err = os.Chmod(dir, 0o777|fs.ModeSticky)
		}
		if err == nil {
			lock, err = lockDir(dir)
		}
		if err == nil {
			return dir, lock, nil
		}
		reasons = append(reasons, fmt.Errorf("%s: %w", filepath.Dir(dir), err))
	}
	return "", nil, fmt.Errorf("find a place for %d MiB of temporary files: %w", workSize>>20, errors.Join(reasons...))
}

// lockDir takes a directory for this process, or fails at once if another has it.
func lockDir(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return f, nil
}

// sweep removes the work directories that killed builds of whatever base and cache have left: those of this user that
// nobody has locked. An empty one may be about to be locked, and takes no room. What can not be removed stays.
func sweep(ctx context.Context) {
	for _, parent := range publicDirs() {
		// The pattern has no error to be found in it.
		dirs, _ := filepath.Glob(filepath.Join(parent, fmt.Sprintf("nodekiln-%d-????????????", os.Geteuid())))
		for _, dir := range dirs {
			if files, err := os.ReadDir(dir); err != nil || len(files) == 0 {
				continue
			}
			if lock, err := lockDir(dir); err == nil {
				_ = removeAll(ctx, dir)
				lock.Close()
			}
		}
	}
}

// suits tells why a directory can not hold a bootstrap, nil if it can.
func suits(parent string) error {
	var st unix.Statfs_t
	if err := unix.Statfs(parent, &st); err != nil {
		return err
	}
	if st.Flags&unix.ST_NOEXEC != 0 {
		return errors.New("mounted with noexec")
	}
	if free := int64(st.Bavail) * st.Bsize; free < workSize {
		return fmt.Errorf("only %d MiB are free", free>>20)
	}
	if st.Type == unix.TMPFS_MAGIC {
		if m := availableMemory(); m < workSize+spareMemory {
			return fmt.Errorf("it is memory, of which only %d MiB are free", m>>20)
		}
	}
	if os.Geteuid() == 0 {
		return nil
	}
	return searchable(parent)
}

// searchable tells whether everybody may pass through the directory and its parents.
func searchable(dir string) error {
	for ; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o001 == 0 {
			return fmt.Errorf("users of the user namespace can not enter %s", dir)
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// availableMemory gives MemAvailable of proc_meminfo(5) in bytes, 0 if it is not known.
func availableMemory() int64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(text) {
		f := bytes.Fields(line)
		if len(f) == 3 && string(f[0]) == "MemAvailable:" {
			kib, _ := strconv.ParseInt(string(f[1]), 10, 64)
			return kib << 10
		}
	}
	return 0
}

// How often and at what distance the removal of a directory is tried, in which the programs of a killed build may still
// be at work for a moment.
const (
	removeTries = 40
	removePause = 250 * time.Millisecond
)

// removeWorkdirs removes the temporary files of this build and of killed ones.
func (e entry) removeWorkdirs(ctx context.Context) error {
	for _, dir := range e.workdirs() {
		stale := dir + ".stale"
		if err := removeAll(ctx, stale); err != nil {
			return err
		}
		// Under another name, whatever still runs inside loses its way and ends.
		if err := os.Rename(dir, stale); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove the temporary files of a build: %w", err)
		}
		if err := removeAll(ctx, stale); err != nil {
			return err
		}
	}
	return nil
}

// removeAll removes a directory of a bootstrap. As a plain user, files of the namespace's other users can be removed
// only from inside such a namespace.
func removeAll(ctx context.Context, dir string) error {
	var err error
	for range removeTries {
		if err = os.RemoveAll(dir); err == nil {
			return nil
		}
		if os.Geteuid() != 0 {
			err = tool.Cmd{Name: "mmdebstrap", Args: []string{"--unshare-helper", "rm", "-rf", dir}, Dir: "/"}.Run(context.WithoutCancel(ctx))
			if err == nil {
				err = os.RemoveAll(dir)
			}
			if err == nil {
				return nil
			}
		}
		time.Sleep(removePause)
	}
	return fmt.Errorf("remove the temporary files of a build in %s: %w", dir, err)
}
