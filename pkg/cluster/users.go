package cluster

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// Between lowUIDs and highUIDs, the two ranges that Debian has for users, are numbers that the system gives out itself
// (Debian Policy, section 9.2.2).
const (
	lowUIDs  = 59999
	highUIDs = 65536
)

// systemUsers are those that every Debian has (/usr/share/doc/base-passwd/users-and-groups).
var systemUsers = []string{
	"daemon", "bin", "sys", "sync", "games", "man", "lp", "mail", "news", "uucp", "proxy", "www-data", "backup", "list",
	"irc", "_apt", "nobody",
}

// hashPatterns are the methods of crypt(5) that are strong enough to be used for new hashes there: yescrypt,
// gost-yescrypt, scrypt, bcrypt, sha512crypt and sha256crypt.
var hashPatterns = []*regexp.Regexp{
	regexp.MustCompile(`^\$g?y\$[./A-Za-z0-9]+\$[./A-Za-z0-9]{0,86}\$[./A-Za-z0-9]{43}$`),
	regexp.MustCompile(`^\$7\$[./A-Za-z0-9]{11,97}\$[./A-Za-z0-9]{43}$`),
	regexp.MustCompile(`^\$2[abxy]\$[0-9]{2}\$[./A-Za-z0-9]{53}$`),
	regexp.MustCompile(`^\$6\$(rounds=[1-9][0-9]{0,8}\$)?[^$:]{1,16}\$[./0-9A-Za-z]{86}$`),
	regexp.MustCompile(`^\$5\$(rounds=[1-9][0-9]{0,8}\$)?[^$:]{1,16}\$[./0-9A-Za-z]{43}$`),
}

func (r *resolver) users(given []user) []User {
	var list []User
	names, uids := map[string]int{}, map[int64]int{}
	for i, u := range given {
		p := at("users", i)
		if u.Name != "" {
			r.report(p+".name", checkUserName(string(u.Name)))
			r.unused(names, string(u.Name), i, p+".name")
		}
		if u.UID > lowUIDs && u.UID < highUIDs {
			r.problems.Addf(p+".uid", "%d is one of the system's own; a user has 1000 to %d, or %d and more", u.UID, lowUIDs, highUIDs)
		} else if j, twice := uids[u.UID]; twice && u.UID != 0 {
			r.problems.Addf(p+".uid", "%d is used twice (also %s)", u.UID, at("users", j))
		} else {
			uids[u.UID] = i
		}
		for j, g := range u.Groups {
			r.account(at(p+".groups", j), g)
		}
		distinct(r, p+".groups", u.Groups)
		if u.Shell != "" {
			r.report(p+".shell", checkPath(string(u.Shell)))
		}
		if u.PasswordHash != "" {
			r.report(p+".passwordHash", checkHash(u.PasswordHash))
		}
		list = append(list, User{
			Name: string(u.Name), UID: u.UID, Groups: texts(u.Groups), Shell: string(u.Shell),
			PasswordHash: u.PasswordHash, AuthorizedKeys: r.authorizedKeys(p+".authorizedKeys", u.AuthorizedKeys),
		})
	}
	return list
}

// unused reports a name that an earlier user has.
func (r *resolver) unused(names map[string]int, name string, i int, path string) {
	if j, twice := names[name]; twice {
		r.problems.Addf(path, "%s is used twice (also %s)", cut(name), at("users", j))
		return
	}
	names[name] = i
}

func checkUserName(name string) error {
	switch {
	case name == "root":
		return errors.New("root is there already; ssh.authorizedKeys is who logs in as root")
	case slices.Contains(systemUsers, name):
		return fmt.Errorf("%s is a user that Debian has already", name)
	case !accountName.MatchString(name):
		return fmt.Errorf("%s is no user name: up to 32 of a-z, 0-9, _ and -, beginning with a letter or _", quote(name))
	}
	return nil
}

// account checks the name of a user or group that may be the system's.
func (r *resolver) account(path string, name accountText) {
	if name != "" && !accountName.MatchString(string(name)) {
		r.problems.Addf(path, "%s is no name of a user or group", quote(string(name)))
	}
}

// checkHash does not show the hash: it is a secret.
func checkHash(hash string) error {
	if slices.ContainsFunc(hashPatterns, func(p *regexp.Regexp) bool { return p.MatchString(hash) }) {
		return nil
	}
	return errors.New("this is no hash by a strong method of crypt(5); make one with: mkpasswd --method=yescrypt")
}
