package base

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"

	"github.com/nodekiln/nodekiln/pkg/tool"
)

// checkNamespace tells a plain user what the machine lacks for a user namespace with more than one user in it, in which
// alone packages can be installed without being root.
func checkNamespace() error {
	if err := tool.Need("mmdebstrap", "newuidmap", "newgidmap"); err != nil {
		return err
	}
	me, err := user.Current()
	if err != nil {
		return fmt.Errorf("find the name of user %d: %w", os.Getuid(), err)
	}
	return namespaceErrors("/", me.Username)
}

// namespaceErrors reports everything that is missing at once; root is where the host's files are.
func namespaceErrors(root, name string) error {
	var errs []error
	for _, file := range []string{"etc/subuid", "etc/subgid"} {
		text, err := os.ReadFile(root + file)
		if err != nil || !hasRange(string(text), name) {
			errs = append(errs, fmt.Errorf("/%s gives the user %s no range of ids: as root, run 'usermod --add-subuids 100000-165535 --add-subgids 100000-165535 %[2]s'", file, name))
		}
	}
	for _, s := range []struct{ file, blocked string }{
		{"kernel/unprivileged_userns_clone", "0"}, {"user/max_user_namespaces", "0"},
	} {
		value, err := os.ReadFile(root + "proc/sys/" + s.file)
		if err == nil && strings.TrimSpace(string(value)) == s.blocked {
			key := strings.ReplaceAll(s.file, "/", ".")
			errs = append(errs, fmt.Errorf("user namespaces are blocked by the setting %s=%s: as root, set it higher in /etc/sysctl.d and run 'sysctl --system'", key, s.blocked))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("a base can not be built as the user %s; run nodekiln as root, or: %w", name, errors.Join(errs...))
}

// hasRange tells whether subuid(5) or subgid(5) gives the user ids.
func hasRange(table, name string) bool {
	for line := range strings.Lines(table) {
		if f := strings.Split(strings.TrimSpace(line), ":"); len(f) == 3 && f[0] == name && f[2] != "0" {
			return true
		}
	}
	return false
}
