package lab

import (
	"os"
	"path/filepath"
)

// temporaryPattern is what temporary state directories are called.
const temporaryPattern = "nodekiln-lab-*"

// removeLeftovers removes the temporary states of processes that were killed, each of which may be as large as what its
// machines have written. The kernel has taken their locks from them. One that is empty may belong to a process that is
// about to lock it, and takes no room. Whatever can not be removed, as that of another user, stays.
func removeLeftovers() {
	// The pattern is a constant, and only a bad pattern is an error.
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), temporaryPattern))
	for _, dir := range dirs {
		if files, err := os.ReadDir(dir); err != nil || len(files) == 0 {
			continue
		}
		if lock, err := lockDir(dir); err == nil {
			_ = os.RemoveAll(dir)
			lock.Close()
		}
	}
}
