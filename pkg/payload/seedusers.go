package payload

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/coreos/ignition/v2/config/util"
	"github.com/coreos/ignition/v2/config/v3_4/types"
)

// seedUser is an entry of users. What is said of a user who exists is heeded only in part: password hash and SSH keys.
type seedUser struct {
	Name         string   `yaml:"name"`
	UID          *int     `yaml:"uid,omitempty"`
	Gecos        string   `yaml:"gecos,omitempty"`
	PrimaryGroup string   `yaml:"primary_group,omitempty"`
	Groups       []string `yaml:"groups,omitempty,flow"`
	HomeDir      string   `yaml:"homedir,omitempty"`
	Shell        string   `yaml:"shell,omitempty"`
	System       bool     `yaml:"system,omitempty"`
	NoCreateHome bool     `yaml:"no_create_home,omitempty"`
	NoUserGroup  bool     `yaml:"no_user_group,omitempty"`
	NoLogInit    bool     `yaml:"no_log_init,omitempty"`
	// NewPassword is the hash for a user who does not exist yet, Password one for any user.
	NewPassword string `yaml:"passwd,omitempty"`
	Password    string `yaml:"hashed_passwd,omitempty"`
	// LockPassword is always stated: it is true by default, which would undo Password.
	LockPassword   bool     `yaml:"lock_passwd"`
	AuthorizedKeys []string `yaml:"ssh_authorized_keys,omitempty"`
}

// defaultShell is a new user's who is given no other.
const defaultShell = "/bin/bash"

// addGroupScript adds the group $1 with the options that follow, unless there is one.
const addGroupScript = `getent group "$1" >/dev/null && exit
name=$1
shift
groupadd "$@" "$name"`

var errSeedDeletes = errors.New("cloud-init can not delete it")

func (s *seed) passwd(cfg types.Config) error {
	for _, g := range cfg.Passwd.Groups {
		if util.IsFalse(g.ShouldExist) {
			return fmt.Errorf("group %s: %w", g.Name, errSeedDeletes)
		}
		s.group(g)
	}
	for _, u := range cfg.Passwd.Users {
		if util.IsFalse(u.ShouldExist) {
			return fmt.Errorf("user %s: %w", u.Name, errSeedDeletes)
		}
		s.user(u)
	}
	return nil
}

// group makes a group before the users, who can be its members; cloud-init's own groups have no numbers.
func (s *seed) group(g types.PasswdGroup) {
	args := []string{g.Name}
	if g.Gid != nil {
		args = append(args, "--gid", strconv.Itoa(*g.Gid))
	}
	if util.IsTrue(g.System) {
		args = append(args, "--system")
	}
	if hash := str(g.PasswordHash); hash != "" {
		args = append(args, "--password", hash)
	}
	s.boot(shell(addGroupScript, args...)...)
}

func (s *seed) user(u types.PasswdUser) {
	entry := seedUser{
		Name: u.Name, UID: u.UID, Gecos: str(u.Gecos), PrimaryGroup: str(u.PrimaryGroup),
		HomeDir: str(u.HomeDir), Shell: str(u.Shell), System: util.IsTrue(u.System),
		NoCreateHome: util.IsTrue(u.NoCreateHome), NoUserGroup: util.IsTrue(u.NoUserGroup), NoLogInit: util.IsTrue(u.NoLogInit),
	}
	if u.Name != rootUser {
		// The default of useradd(8) differs from one distribution to the next.
		entry.Shell = cmp.Or(entry.Shell, defaultShell)
		entry.NewPassword = lockedPassword
	}
	if u.PasswordHash != nil {
		entry.NewPassword, entry.Password = "", cmp.Or(*u.PasswordHash, lockedPassword)
	}
	for _, g := range u.Groups {
		entry.Groups = append(entry.Groups, string(g))
	}
	for _, k := range u.SSHAuthorizedKeys {
		entry.AuthorizedKeys = append(entry.AuthorizedKeys, strings.TrimSpace(string(k)))
	}
	s.config.Users = append(s.config.Users, entry)
	if len(entry.Groups) > 0 {
		// cloud-init puts only users who are new into groups.
		s.run("usermod", "--groups", strings.Join(entry.Groups, ","), u.Name)
	}
}
