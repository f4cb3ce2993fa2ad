package payload

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// createHome makes a home with what /etc/skel holds, unless there is one.
func (r *rootfs) createHome(home string, owner tree.Owner) error {
	if _, there, err := r.at(home); there || err != nil {
		return err
	}
	const skel = "etc/skel"
	err := fs.WalkDir(r.base, skel, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		n, _, err := r.at(p)
		if err != nil {
			return err
		}
		n.Path, n.Owner = path.Join(home, strings.TrimPrefix(p, skel)), owner
		if p == skel {
			n.Mode = fs.ModeDir | 0o700
		}
		return r.add(n)
	})
	if err != nil {
		return fmt.Errorf("copy the base's /%s: %w", skel, err)
	}
	return nil
}

// authorizedKeys writes the user's SSH keys in the format of sshd(8), "AUTHORIZED_KEYS FILE FORMAT".
func (r *rootfs) authorizedKeys(u types.PasswdUser, home string, owner tree.Owner) error {
	if len(u.SSHAuthorizedKeys) == 0 {
		return nil
	}
	var b strings.Builder
	for _, k := range u.SSHAuthorizedKeys {
		b.WriteString(strings.TrimSpace(string(k)) + "\n")
	}
	dir := tree.Dir(path.Join(rel(home), ".ssh"), 0o700, r.modTime, origin)
	file := tree.File(path.Join(dir.Path, "authorized_keys"), 0o600, r.modTime, []byte(b.String()), origin)
	dir.Owner, file.Owner = owner, owner
	if _, there, err := r.at(dir.Path); err != nil {
		return err
	} else if !there {
		if err := r.add(dir); err != nil {
			return err
		}
	}
	return r.add(file)
}
