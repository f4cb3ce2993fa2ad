package base

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// leftBehind are patterns of what a bootstrap leaves of the machine it ran on, of itself, or of any chance: names and
// addresses, keys, sources, caches, backups, locks, logs. "*" stands for slashes too. Removing a unit's enablement lets
// a machine's configuration alone decide what runs on it: a package that one role needs is in every machine's image.
func leftBehind() []string {
	return []string{
		"etc/hostname", "etc/hosts", "etc/resolv.conf", "etc/machine-id", "etc/ssh/ssh_host_*", "etc/fstab",
		"etc/apt/sources.list", "etc/apt/sources.list.d/*", "etc/apt/apt.conf.d/99mmdebstrap", "etc/apt/auth.conf*",
		"etc/dpkg/dpkg.cfg.d/99mmdebstrap", "etc/*-", "etc/.pwd.lock",
		"etc/systemd/system/*.wants/*", "etc/systemd/system/*.requires/*", "etc/systemd/system/*.service",
		"initrd.img", "initrd.img.old", "vmlinuz", "vmlinuz.old", "boot/initrd.img-*",
		"root/.ssh/*", "root/.*_history", "run/*", "tmp/*", "var/tmp/*", "var/backups/*",
		"var/cache/apt/*", "var/cache/debconf/*-old", "var/cache/ldconfig/aux-cache", "var/cache/man/*",
		"var/lib/apt/lists/*", "var/lib/dbus/machine-id", "var/lib/dpkg/*-old", "var/lib/dpkg/lock*", "var/lib/dpkg/triggers/Lock",
		"var/lib/systemd/random-seed", "var/lib/systemd/deb-systemd-helper-*", "var/lib/systemd/timesync/*", "var/lib/ucf/*.0", "var/lib/ucf/*.1", "var/lib/ucf/*.2",
		"var/log/*", "usr/share/info/dir",
	}
}

// keptLogs are files below /var/log that programs write to but do not create, utmp(5) and lastlog(5) among them. They
// stay, without content.
var keptLogs = regexp.MustCompile(`^var/log/(btmp|wtmp|lastlog|faillog)$`)

// normalise gives the tree as mmdebstrap packed it in a state that depends on nothing but the packages. Nodes that are
// newer than modTime get that time.
func normalise(t *tree.Tree, modTime time.Time) (*tree.Tree, error) {
	excluded, included, leftovers := matchAny(excluded()), matchAny(included()), matchAny(leftBehind())
	kept, err := without(t, func(n tree.Node) bool {
		// udev, systemd-tmpfiles and the kernel fill these; a mount hides what an image has there.
		if dir, _, below := strings.Cut(n.Path, "/"); below && slices.Contains([]string{"dev", "proc", "sys", "run"}, dir) {
			return true
		}
		// Directories stay, as they do when dpkg excludes their contents.
		if n.Mode.IsDir() || keptLogs.MatchString(n.Path) {
			return false
		}
		// dpkg learns of the exclusions only after the essential packages, whose files are still here.
		p := "/" + n.Path
		return leftovers.MatchString(n.Path) || excluded.MatchString(p) && !included.MatchString(p)
	})
	if err != nil {
		return nil, err
	}
	for _, n := range kept.Nodes() {
		if err := kept.Add(normaliseNode(n, modTime)); err != nil {
			return nil, err
		}
	}
	return kept, nil
}

func normaliseNode(n tree.Node, modTime time.Time) tree.Node {
	if n.ModTime.After(modTime) || n.ModTime.Unix() < 0 {
		n.ModTime = modTime
	}
	n.ModTime = n.ModTime.Truncate(time.Second)
	if keptLogs.MatchString(n.Path) {
		n = emptied(n)
	}
	// Access control lists name users by number in a form of the running kernel's. The one that there is, on the
	// journal, systemd-tmpfiles sets anew at boot.
	for name := range n.Xattrs {
		if strings.HasPrefix(name, "system.posix_acl_") {
			delete(n.Xattrs, name)
		}
	}
	return n
}

func emptied(n tree.Node) tree.Node {
	empty := tree.File(n.Path, 0, n.ModTime, nil, n.Origin)
	empty.Mode, empty.Owner = n.Mode, n.Owner
	return empty
}

// resolveOwners replaces the names of owners in the overlay by the numbers that the root filesystem's passwd(5) and
// group(5) give them.
func resolveOwners(overlay, root *tree.Tree) error {
	for _, n := range overlay.Nodes() {
		var err error
		if n.Owner.UID, err = lookup(root, "etc/passwd", n.Owner.User, n.Owner.UID); err != nil {
			return fmt.Errorf("owner of %s: %w", n.Path, err)
		}
		if n.Owner.GID, err = lookup(root, "etc/group", n.Owner.Group, n.Owner.GID); err != nil {
			return fmt.Errorf("group of %s: %w", n.Path, err)
		}
		n.Owner.User, n.Owner.Group = "", ""
		if err := overlay.Add(n); err != nil {
			return err
		}
	}
	return nil
}

func lookup(root *tree.Tree, table, name string, number int) (int, error) {
	if name == "" {
		return number, nil
	}
	text, err := content(root, table)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Split(strings.TrimSpace(line), ":"); len(f) > 2 && f[0] == name {
			return strconv.Atoi(f[2])
		}
	}
	return 0, fmt.Errorf("%q is not in /%s", name, table)
}

// content reads a file of the tree, following links and usr-merged directories.
func content(t *tree.Tree, p string) ([]byte, error) {
	n, err := t.Resolve(p)
	if err != nil {
		return nil, err
	}
	return n.Content()
}
