package payload

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"

	"github.com/coreos/ignition/v2/config/util"
	"github.com/coreos/ignition/v2/config/v3_4/types"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// lockedPassword matches no password (shadow(5)), and rootHome is where root's keys go when no base says it.
const (
	lockedPassword = "*"
	rootHome       = "/root"
)

// passwd brings about what Ignition does by groupadd(8), useradd(8) and usermod(8), and writes the users' SSH keys.
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
		if err := r.group(g); err != nil {
			return fmt.Errorf("group %s: %w", g.Name, err)
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

var errCannotDelete = errors.New("the base has it, and what the base has can not be deleted")

// group adds a group. Unlike Ignition it takes one that is there already, since which groups the packages of a base make
// is not for a config to know, but leaves that as it is.
func (r *rootfs) group(g types.PasswdGroup) error {
	a := r.accounts
	row := a.find(groupPath, g.Name)
	switch {
	case util.IsFalse(g.ShouldExist) && row != nil:
		return errCannotDelete
	case util.IsFalse(g.ShouldExist):
		return nil
	case row == nil:
		if _, err := a.addGroup(g.Name, g.Gid, util.IsTrue(g.System)); err != nil {
			return err
		}
		return a.setPassword(gshadowPath, g.Name, g.PasswordHash)
	case g.Gid != nil && row[2] != strconv.Itoa(*g.Gid):
		return fmt.Errorf("the base has it with the id %s, not %d", row[2], *g.Gid)
	case str(g.PasswordHash) != "":
		return errors.New("the base has it, and its password can not be changed")
	}
	return nil
}

// user adds a user, or changes the one that is there.
func (r *rootfs) user(u types.PasswdUser) error {
	a := r.accounts
	row := a.find(passwdPath, u.Name)
	if util.IsFalse(u.ShouldExist) {
		if row != nil {
			return errCannotDelete
		}
		return nil
	}
	var err error
	if row == nil {
		row, err = r.addUser(u)
	} else {
		err = a.changeUser(row, u)
	}
	if err != nil {
		return err
	}
	if len(u.Groups) > 0 {
		groups := make([]string, len(u.Groups))
		for i, g := range u.Groups {
			groups[i] = string(g)
		}
		if err := a.setGroups(u.Name, groups); err != nil {
			return err
		}
	}
	if err := a.setPassword(shadowPath, u.Name, u.PasswordHash); err != nil {
		return err
	}
	owner, err := ownerOf(row)
	if err != nil {
		return err
	}
	return r.authorizedKeys(u, row[5], owner)
}

// ownerOf gives the numbers of a row of passwd.
func ownerOf(row []string) (o tree.Owner, err error) {
	if o.UID, err = strconv.Atoi(row[2]); err != nil {
		return o, fmt.Errorf("its id in the base's /%s: %w", passwdPath, err)
	}
	if o.GID, err = strconv.Atoi(row[3]); err != nil {
		return o, fmt.Errorf("its group in the base's /%s: %w", passwdPath, err)
	}
	return o, nil
}

// changeUser changes what a row of passwd says. What would also change the user's files all over the base is refused.
func (a *accounts) changeUser(row []string, u types.PasswdUser) error {
	if u.UID != nil && row[2] != strconv.Itoa(*u.UID) {
		return fmt.Errorf("the base has it with the id %s, not %d", row[2], *u.UID)
	}
	if home := str(u.HomeDir); home != "" && home != row[5] {
		return fmt.Errorf("the base has it with the home %s, not %s", row[5], home)
	}
	if primary := str(u.PrimaryGroup); primary != "" {
		gid, err := a.id(groupPath, primary)
		if err != nil {
			return err
		}
		if row[3] != strconv.Itoa(gid) {
			return fmt.Errorf("the base has it with the primary group %s, not %d (%s)", row[3], gid, primary)
		}
	}
	for field, value := range map[int]string{4: str(u.Gecos), 6: str(u.Shell)} {
		if value != "" && value != row[field] {
			row[field], a.changed = value, true
		}
	}
	return nil
}

// setPassword sets the second field of a user's or a group's row, where the config states it. An empty hash locks.
func (a *accounts) setPassword(table, name string, hash *string) error {
	if hash == nil {
		return nil
	}
	row := a.find(table, name)
	if row == nil {
		return fmt.Errorf("the base's /%s does not have %q", table, name)
	}
	row[1], a.changed = cmp.Or(*hash, lockedPassword), true
	return nil
}

// addUser adds the user with a group of the same name, and its home with what /etc/skel holds.
func (r *rootfs) addUser(u types.PasswdUser) ([]string, error) {
	a := r.accounts
	uid, err := a.pick(passwdPath, u.UID, util.IsTrue(u.System))
	if err != nil {
		return nil, err
	}
	gid, err := a.primaryGroup(u, uid)
	if err != nil {
		return nil, err
	}
	home, shell := cmp.Or(str(u.HomeDir), "/home/"+u.Name), cmp.Or(str(u.Shell), defaultShell)
	row := []string{u.Name, "x", strconv.Itoa(uid), strconv.Itoa(gid), str(u.Gecos), home, shell}
	a.tables[passwdPath] = append(a.tables[passwdPath], row)
	// Day 1 of the epoch as the date of the last change: a 0 would ask for a new password at the first login.
	a.tables[shadowPath] = append(a.tables[shadowPath], []string{u.Name, lockedPassword, "1", "0", "99999", "7", "", "", ""})
	a.changed = true
	if !util.IsTrue(u.NoCreateHome) {
		return row, r.createHome(rel(home), tree.Owner{UID: uid, GID: gid})
	}
	if len(u.SSHAuthorizedKeys) > 0 && !r.baseHas(rel(home)) {
		return nil, fmt.Errorf("there is no home %s for its SSH keys, and none is to be created", home)
	}
	return row, nil
}

// primaryGroup gives the number of the group that a new user is in: the one that is asked for, or a new one of its name.
func (a *accounts) primaryGroup(u types.PasswdUser, uid int) (int, error) {
	switch {
	case str(u.PrimaryGroup) != "":
		return a.id(groupPath, *u.PrimaryGroup)
	case util.IsTrue(u.NoUserGroup):
		return 0, errors.New("no_user_group needs a primary_group beside it")
	case a.find(groupPath, u.Name) != nil:
		// A user who is called "disk" or "sudo" is not to get the rights of that group unasked.
		return 0, fmt.Errorf("there is a group of that name already; state primary_group: %s if that is meant", u.Name)
	case a.isTaken(groupPath, uid):
		return a.addGroup(u.Name, nil, util.IsTrue(u.System))
	}
	return a.addGroup(u.Name, &uid, false)
}

// writeAccounts puts the tables into the tree, with the modes and owners that they have in the base.
func (r *rootfs) writeAccounts() error {
	for _, t := range accountTables() {
		n, _, err := r.at(t.path)
		if err != nil {
			return err
		}
		if err := r.add(withContent(n, r.accounts.render(t.path))); err != nil {
			return err
		}
	}
	return nil
}
