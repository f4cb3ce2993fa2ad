package payload

import (
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// The account database: passwd(5), group(5), shadow(5), gshadow(5).
const (
	passwdPath  = "etc/passwd"
	groupPath   = "etc/group"
	shadowPath  = "etc/shadow"
	gshadowPath = "etc/gshadow"
)

// The ranges that login.defs(5) gives to people (UID_MIN, UID_MAX) and to system accounts (SYS_UID_MIN, SYS_UID_MAX).
const (
	firstUserID, lastUserID     = 1000, 60000
	firstSystemID, lastSystemID = 101, 999
)

// accounts is the account database of a base. A nil one is of a base that is not known: it resolves only root.
type accounts struct {
	tables  map[string][][]string
	changed bool
}

// fieldsOf is the number of fields in a line of each table.
var fieldsOf = map[string]int{passwdPath: 7, groupPath: 4, shadowPath: 9, gshadowPath: 4}

func (r *rootfs) loadAccounts() error {
	if r.base == nil {
		return nil
	}
	a := &accounts{tables: map[string][][]string{}}
	for p, fields := range fieldsOf {
		b, err := fs.ReadFile(r.base, p)
		if err != nil {
			return fmt.Errorf("read the base's accounts: %w", err)
		}
		for i, line := range strings.Split(strings.TrimSuffix(string(b), "\n"), "\n") {
			row := strings.Split(line, ":")
			if len(row) != fields {
				return fmt.Errorf("the base's /%s:%d: %d fields, not %d", p, i+1, len(row), fields)
			}
			a.tables[p] = append(a.tables[p], row)
		}
	}
	r.accounts = a
	return nil
}

// find gives the row of that name, nil if there is none.
func (a *accounts) find(table, name string) []string {
	for _, row := range a.tables[table] {
		if row[0] == name {
			return row
		}
	}
	return nil
}

// id gives the number that the table has for the name.
func (a *accounts) id(table, name string) (int, error) {
	row := a.find(table, name)
	if row == nil {
		return 0, fmt.Errorf("the base's /%s does not have %q", table, name)
	}
	id, err := strconv.Atoi(row[2])
	if err != nil {
		return 0, fmt.Errorf("the base's /%s: %q: %w", table, name, err)
	}
	return id, nil
}

// resolve replaces an owner's names by their numbers.
func (a *accounts) resolve(o tree.Owner) (tree.Owner, error) {
	if a == nil {
		if o.User == "root" {
			o.User, o.UID = "", 0
		}
		if o.Group == "root" {
			o.Group, o.GID = "", 0
		}
		return o, nil
	}
	if o.User != "" {
		id, err := a.id(passwdPath, o.User)
		if err != nil {
			return o, err
		}
		o.User, o.UID = "", id
	}
	if o.Group != "" {
		id, err := a.id(groupPath, o.Group)
		if err != nil {
			return o, err
		}
		o.Group, o.GID = "", id
	}
	return o, nil
}

// freeID gives the first number from first to last that neither a user nor a group has.
func (a *accounts) freeID(first, last int) (int, error) {
	taken := map[string]bool{}
	for _, table := range []string{passwdPath, groupPath} {
		for _, row := range a.tables[table] {
			taken[row[2]] = true
		}
	}
	for id := first; id <= last; id++ {
		if !taken[strconv.Itoa(id)] {
			return id, nil
		}
	}
	return 0, fmt.Errorf("no free id from %d to %d", first, last)
}

// addGroup adds a group and gives its number; want is nil for the first free one.
func (a *accounts) addGroup(name string, want *int, system bool) (int, error) {
	id, err := a.pick(want, system)
	if err != nil {
		return 0, fmt.Errorf("group %s: %w", name, err)
	}
	a.tables[groupPath] = append(a.tables[groupPath], []string{name, "x", strconv.Itoa(id), ""})
	a.tables[gshadowPath] = append(a.tables[gshadowPath], []string{name, "!", "", ""})
	a.changed = true
	return id, nil
}

func (a *accounts) pick(want *int, system bool) (int, error) {
	switch {
	case want != nil:
		return *want, nil
	case system:
		return a.freeID(firstSystemID, lastSystemID)
	}
	return a.freeID(firstUserID, lastUserID)
}

// join makes the user a member of the group.
func (a *accounts) join(user, group string) error {
	for _, table := range []string{groupPath, gshadowPath} {
		row := a.find(table, group)
		if row == nil {
			return fmt.Errorf("the base's /%s does not have %q", table, group)
		}
		members := strings.FieldsFunc(row[3], func(c rune) bool { return c == ',' })
		if !slices.Contains(members, user) {
			row[3] = strings.Join(append(members, user), ",")
			a.changed = true
		}
	}
	return nil
}

// render gives the table as its file has it.
func (a *accounts) render(table string) []byte {
	var b strings.Builder
	for _, row := range a.tables[table] {
		b.WriteString(strings.Join(row, ":") + "\n")
	}
	return []byte(b.String())
}
