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

// accountTable is one file of the database, and the number of fields in a line of it.
type accountTable struct {
	path   string
	fields int
}

func accountTables() [4]accountTable {
	return [...]accountTable{{passwdPath, 7}, {groupPath, 4}, {shadowPath, 9}, {gshadowPath, 4}}
}

func (r *rootfs) loadAccounts() error {
	if r.base == nil {
		return nil
	}
	a := &accounts{tables: map[string][][]string{}}
	for _, t := range accountTables() {
		b, err := fs.ReadFile(r.base, t.path)
		if err != nil {
			return fmt.Errorf("read the base's accounts: %w", err)
		}
		for i, line := range strings.Split(strings.TrimSuffix(string(b), "\n"), "\n") {
			row := strings.Split(line, ":")
			if len(row) != t.fields {
				return fmt.Errorf("the base's /%s:%d: %d fields, not %d", t.path, i+1, len(row), t.fields)
			}
			a.tables[t.path] = append(a.tables[t.path], row)
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

// isTaken tells whether a row of the table has the number, of a user in the one and of a group in the other.
func (a *accounts) isTaken(table string, id int) bool {
	return slices.ContainsFunc(a.tables[table], func(row []string) bool { return row[2] == strconv.Itoa(id) })
}

// freeID gives the first number of its range that neither a user nor a group has.
func (a *accounts) freeID(system bool) (int, error) {
	first, last := firstUserID, lastUserID
	if system {
		first, last = firstSystemID, lastSystemID
	}
	for id := first; id <= last; id++ {
		if !a.isTaken(passwdPath, id) && !a.isTaken(groupPath, id) {
			return id, nil
		}
	}
	return 0, fmt.Errorf("no free id from %d to %d", first, last)
}

// pick gives the number that is wanted, if it is not taken in the table, or a free one for nil.
func (a *accounts) pick(table string, want *int, system bool) (int, error) {
	if want == nil {
		return a.freeID(system)
	}
	if a.isTaken(table, *want) {
		return 0, fmt.Errorf("the id %d is taken in /%s", *want, table)
	}
	return *want, nil
}

// addGroup adds a group and gives its number; want is nil for a free one.
func (a *accounts) addGroup(name string, want *int, system bool) (int, error) {
	id, err := a.pick(groupPath, want, system)
	if err != nil {
		return 0, err
	}
	a.tables[groupPath] = append(a.tables[groupPath], []string{name, "x", strconv.Itoa(id), ""})
	a.tables[gshadowPath] = append(a.tables[gshadowPath], []string{name, lockedPassword, "", ""})
	a.changed = true
	return id, nil
}

// setGroups makes the user a member of these groups and of no others.
func (a *accounts) setGroups(user string, groups []string) error {
	for _, g := range groups {
		if a.find(groupPath, g) == nil {
			return fmt.Errorf("the base's /%s does not have %q", groupPath, g)
		}
	}
	for _, table := range []string{groupPath, gshadowPath} {
		for _, row := range a.tables[table] {
			members := strings.FieldsFunc(row[3], func(c rune) bool { return c == ',' })
			is, wanted := slices.Contains(members, user), slices.Contains(groups, row[0])
			switch {
			case wanted && !is:
				members = append(members, user)
			case is && !wanted:
				members = slices.DeleteFunc(members, func(m string) bool { return m == user })
			default:
				continue
			}
			row[3] = strings.Join(members, ",")
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
