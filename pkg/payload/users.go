package payload

import (
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/coreos/ignition/v2/config/util"
	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// lockedPassword matches no password (shadow(5)), and rootHome is where root's keys go when no base says it.
const (
	lockedPassword = "*"
	rootHome       = "/root"
)

// passwd brings about what groupadd(8) and useradd(8) would, and writes the users' SSH keys.
func (r *rootfs) passwd(cfg types.Config) error {
	if r.accounts == nil {
		for _, u := range cfg.Passwd.Users {
			if u.Name == "root" {
				return r.authorizedKeys(u, rootHome, tree.Owner{})
			}
		}
		return nil
	}
	for _, g := range cfg.Passwd.Groups {
		if r.accounts.find(groupPath, g.Name) == nil {
			if _, err := r.accounts.addGroup(g.Name, g.Gid, util.IsTrue(g.System)); err != nil {
				return err
			}
		}
	}
	for _, u := range cfg.Passwd.Users {
		if err := r.user(u); err != nil {
			return fmt.Errorf("user %s: %w", u.Name, err)
		}
	}
	if !r.accounts.changed {
		return nil
	}
	return r.writeAccounts()
}

func (r *rootfs) user(u types.PasswdUser) error {
	a := r.accounts
	row := a.find(passwdPath, u.Name)
	if row == nil {
		var err error
		if row, err = r.addUser(u); err != nil {
			return err
		}
	}
	for _, g := range u.Groups {
		if err := a.join(u.Name, string(g)); err != nil {
			return err
		}
	}
	if u.PasswordHash != nil {
		a.find(shadowPath, u.Name)[1] = *u.PasswordHash
		a.changed = true
	}
	uid, err := a.id(passwdPath, u.Name)
	if err != nil {
		return err
	}
	gid, err := strconv.Atoi(row[3])
	if err != nil {
		return fmt.Errorf("its group in the base's /%s: %w", passwdPath, err)
	}
	return r.authorizedKeys(u, row[5], tree.Owner{UID: uid, GID: gid})
}

// addUser adds the user with a group of the same name, and its home with what /etc/skel holds.
func (r *rootfs) addUser(u types.PasswdUser) ([]string, error) {
	a := r.accounts
	uid, err := a.pick(u.UID, util.IsTrue(u.System))
	if err != nil {
		return nil, err
	}
	var gid int
	if primary := str(u.PrimaryGroup); primary != "" {
		gid, err = a.id(groupPath, primary)
	} else if a.find(groupPath, u.Name) != nil {
		gid, err = a.id(groupPath, u.Name)
	} else {
		gid, err = a.addGroup(u.Name, &uid, false)
	}
	if err != nil {
		return nil, err
	}
	home, shell := str(u.HomeDir), str(u.Shell)
	if home == "" {
		home = "/home/" + u.Name
	}
	if shell == "" {
		shell = "/bin/bash"
	}
	row := []string{u.Name, "x", strconv.Itoa(uid), strconv.Itoa(gid), str(u.Gecos), home, shell}
	a.tables[passwdPath] = append(a.tables[passwdPath], row)
	// Day 1 of the epoch as the date of the last change: a 0 would ask for a new password at the first login.
	a.tables[shadowPath] = append(a.tables[shadowPath], []string{u.Name, lockedPassword, "1", "0", "99999", "7", "", "", ""})
	a.changed = true
	if util.IsTrue(u.NoCreateHome) {
		return row, nil
	}
	return row, r.createHome(rel(home), tree.Owner{UID: uid, GID: gid})
}

func (r *rootfs) createHome(home string, owner tree.Owner) error {
	n := tree.Dir(home, 0o700, r.modTime, origin)
	n.Owner = owner
	if err := r.out.Add(n); err != nil {
		return err
	}
	const skel = "etc/skel"
	entries, err := fs.ReadDir(r.base, skel)
	if err != nil {
		return fmt.Errorf("read the base's /%s: %w", skel, err)
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		b, err := fs.ReadFile(r.base, path.Join(skel, e.Name()))
		if err != nil {
			return fmt.Errorf("read the base's /%s: %w", skel, err)
		}
		f := tree.File(path.Join(home, e.Name()), 0o644, r.modTime, b, origin)
		f.Owner = owner
		if err := r.out.Add(f); err != nil {
			return err
		}
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
	for _, n := range []tree.Node{dir, file} {
		n.Owner = owner
		if err := r.out.Add(n); err != nil {
			return err
		}
	}
	return nil
}

// writeAccounts puts the tables into the tree with the modes and groups that the base gives them.
func (r *rootfs) writeAccounts() error {
	for table := range fieldsOf {
		info, err := fs.Stat(r.base, table)
		if err != nil {
			return fmt.Errorf("the base's /%s: %w", table, err)
		}
		n := tree.File(table, info.Mode().Perm(), r.modTime, r.accounts.render(table), origin)
		if table == shadowPath || table == gshadowPath {
			// Debian lets the group shadow read them; elsewhere there is no such group, and root alone may.
			if gid, err := r.accounts.id(groupPath, "shadow"); err == nil {
				n.Owner.GID = gid
			}
		}
		if err := r.out.Add(n); err != nil {
			return err
		}
	}
	return nil
}
