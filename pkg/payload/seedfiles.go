package payload

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/coreos/ignition/v2/config/util"
	"github.com/coreos/ignition/v2/config/v3_4/types"
)

// unlinkScript takes links away where files are to be: cloud-init writes through a link, be it to a file of some other
// program's, as /etc/resolv.conf is, or to /dev/null, as a masked unit is.
const unlinkScript = `for file; do [ ! -L "$file" ] || rm "$file"; done`

// appendScript appends $2, in base64, to the file $1, unless the file ends with it since an earlier seed of the machine.
const appendScript = `part=$(mktemp)
echo "$2" | base64 -d >"$part"
mkdir -p "$(dirname "$1")"
touch "$1"
tail -c "$(stat -c %s "$part")" "$1" | cmp -s - "$part" || cat "$part" >>"$1"
rm "$part"`

// directories makes the directories. Those above one that are missing get the default mode.
func (s *seed) directories(cfg types.Config) error {
	for _, d := range cfg.Storage.Directories {
		if util.IsTrue(d.Overwrite) {
			return fmt.Errorf("directory %s: it can not replace what is there; leave overwrite out", d.Path)
		}
		// Without a mode, one that is there keeps its own.
		s.run("mkdir", "-p", d.Path)
		s.chown(d.Node)
		if d.Mode != nil {
			s.run("chmod", octal(*d.Mode), d.Path)
		}
	}
	return nil
}

func (s *seed) files(cfg types.Config) error {
	for _, f := range cfg.Storage.Files {
		content, err := contents(f)
		if err != nil {
			return fmt.Errorf("file %s: %w", f.Path, err)
		}
		own, err := s.identity(rel(f.Path), content)
		switch {
		case err != nil:
			return fmt.Errorf("file %s: %w", f.Path, err)
		case own:
		case f.Contents.Source == nil && !util.IsTrue(f.Overwrite):
			s.amend(f, content)
		default:
			s.write(f, content)
		}
	}
	return nil
}

// contents gives what a file is to hold, with what is appended to it.
func contents(f types.File) ([]byte, error) {
	parts := f.Append
	if f.Contents.Source != nil {
		parts = slices.Insert(slices.Clone(parts), 0, f.Contents)
	}
	var content []byte
	for _, p := range parts {
		b, err := resource(p)
		if err != nil {
			return nil, err
		}
		content = append(content, b...)
	}
	return content, nil
}

// write adds a file to write_files.
func (s *seed) write(f types.File, content []byte) {
	mode := defaultFileMode
	if f.Mode != nil {
		mode = *f.Mode
	}
	w := seedFile{Path: f.Path, Permissions: octal(mode), content: content, secret: mode&0o004 == 0}
	user, group := nodeOwner(f.Node)
	user, group = cmp.Or(user, rootUser), cmp.Or(group, rootUser)
	switch {
	case !isName(user) || !isName(group):
		// write_files takes names only.
		s.chown(f.Node)
	case user != rootUser || group != rootUser:
		w.Owner, w.Defer = user+":"+group, true
	}
	if mode&^0o777 != 0 {
		// cloud-init sets the owner after the mode, and that takes setuid and setgid away: chown(2).
		s.run("chmod", octal(mode), f.Path)
	}
	if util.IsTrue(f.Overwrite) {
		s.replaced = append(s.replaced, f.Path)
	}
	s.noteReader(f.Path)
	s.written = append(s.written, w)
}

// amend appends to a file, which keeps its mode and owner where the config states none; write_files would reset them.
func (s *seed) amend(f types.File, content []byte) {
	s.run(shell(appendScript, f.Path, base64.StdEncoding.EncodeToString(content))...)
	s.chown(f.Node)
	if f.Mode != nil {
		s.run("chmod", octal(*f.Mode), f.Path)
	}
	s.noteReader(f.Path)
}

// links makes links, which cloud-init has no module for. A link replaces a file or a link, but no directory.
func (s *seed) links(cfg types.Config) error {
	for _, l := range cfg.Storage.Links {
		if dir := path.Dir(l.Path); dir != "/" {
			s.run("mkdir", "-p", dir)
		}
		if util.IsTrue(l.Hard) {
			s.run("ln", "-fT", str(l.Target), l.Path)
			continue
		}
		s.run("ln", "-sfT", str(l.Target), l.Path)
		s.chown(l.Node)
	}
	return nil
}

// chown adds the command that gives a node the owner that the config states, if it states one.
func (s *seed) chown(n types.Node) {
	user, group := nodeOwner(n)
	if group != "" {
		group = ":" + group
	}
	if user+group != "" {
		s.run("chown", "-h", user+group, n.Path)
	}
}

const rootUser = "root"

// nodeOwner gives the user and the group that the config states for a node, each a name, a number, or "" for none.
func nodeOwner(n types.Node) (user, group string) {
	pick := func(id *int, name *string) string {
		switch {
		case id == nil:
			return str(name)
		case *id == 0:
			return rootUser
		}
		return strconv.Itoa(*id)
	}
	return pick(n.User.ID, n.User.Name), pick(n.Group.ID, n.Group.Name)
}

func isName(owner string) bool {
	_, err := strconv.Atoi(owner)
	return err != nil
}

var errOtherName = errors.New("it names another machine")

// identity takes a file that cloud-init has a module of its own for, or that can not be changed like others.
func (s *seed) identity(p string, content []byte) (taken bool, err error) {
	if key, ok := hostKey(p); ok {
		if s.config.SSHKeys == nil {
			s.config.SSHKeys = map[string]string{}
		}
		s.config.SSHKeys[key] = string(content)
		return true, nil
	}
	switch text := string(bytes.TrimSpace(content)); {
	case p == machineIDPath:
		s.boot(shell(machineIDScript, text)...)
		return true, nil
	case p == "etc/hostname":
		// The module that sets the name writes the file as well.
		if text != s.host.Name {
			return false, fmt.Errorf("%w than %s", errOtherName, s.host.Name)
		}
		return true, nil
	case strings.HasPrefix(p, "etc/systemd/network/") && path.Ext(p) == ".network":
		// network-config says the same, for whatever the image configures its network with.
		return matchesMAC(content, s.host.MAC), nil
	}
	return false, nil
}
