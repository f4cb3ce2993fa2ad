package ext4

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrNoSpace says that the file system has too few free blocks or inodes.
	ErrNoSpace = errors.New("no space left in the file system")
	// ErrNotClean says that the file system was not unmounted cleanly, or had errors: it needs e2fsck, or a mount that
	// replays its journal, before it can be written.
	ErrNotClean = errors.New("the file system is not clean")
	// ErrCorrupt says that a structure of the file system contradicts itself, its checksum or the format.
	ErrCorrupt = errors.New("the file system is corrupt")
)

// UnsupportedError says that the file system uses, or lacks, what this package can not do without harm.
type UnsupportedError struct {
	// Features are named as in ext4(5), where they have a name.
	Features []string
}

func (e *UnsupportedError) Error() string {
	return "ext4 feature not supported: " + strings.Join(e.Features, ", ")
}

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}
