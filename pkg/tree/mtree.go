package tree

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// WriteManifest lists the tree in the format of mtree(5), one line per path: type, mode, owner, time, and size and
// SHA-256 of a file, target of a link, numbers of a device, extended attributes. It is made to be compared by diff(1),
// and read by bsdtar(1) and other readers of that format. A hard link is listed as the file that it is.
func WriteManifest(w io.Writer, t *Tree) error {
	b := bufio.NewWriter(w)
	b.WriteString("#mtree\n")
	for _, n := range t.Nodes() {
		line, err := manifestLine(t, n)
		if err != nil {
			return fmt.Errorf("list %s: %w", n.Path, err)
		}
		b.WriteString(line + "\n")
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	return nil
}

func manifestLine(t *Tree, n Node) (string, error) {
	name := "."
	if n.Path != "." {
		name = "./" + vis(n.Path)
	}
	if n.HardLink != "" {
		real, ok := t.Get(n.HardLink)
		if !ok || real.HardLink != "" {
			return "", fmt.Errorf("hard link to %s, which is no file of the tree", n.HardLink)
		}
		n = real
	}
	words := []string{name, "type=" + mtreeType(n.Mode), fmt.Sprintf("mode=%04o", n.UnixMode()&0o7777)}
	words = append(words, owner("uid", "uname", n.Owner.UID, n.Owner.User), owner("gid", "gname", n.Owner.GID, n.Owner.Group))
	words = append(words, fmt.Sprintf("time=%d.0", n.ModTime.Unix()))
	switch n.Mode.Type() {
	case 0:
		digest, err := n.digest()
		if err != nil {
			return "", err
		}
		words = append(words, fmt.Sprintf("size=%d sha256digest=%x", n.Size, digest))
	case fs.ModeSymlink:
		words = append(words, "link="+vis(n.Target))
	case fs.ModeDevice, fs.ModeDevice | fs.ModeCharDevice:
		words = append(words, fmt.Sprintf("device=linux,%d,%d", n.Major, n.Minor))
	}
	return strings.Join(append(words, xattrWords(n.Xattrs)...), " "), nil
}

func owner(numberKey, nameKey string, id int, name string) string {
	if name != "" {
		return nameKey + "=" + vis(name)
	}
	return fmt.Sprintf("%s=%d", numberKey, id)
}

// digest reads the content and gives its SHA-256.
func (n Node) digest() ([]byte, error) {
	r, err := n.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
}

func mtreeType(m fs.FileMode) string {
	switch m.Type() {
	case fs.ModeDir:
		return "dir"
	case fs.ModeSymlink:
		return "link"
	case fs.ModeDevice:
		return "block"
	case fs.ModeDevice | fs.ModeCharDevice:
		return "char"
	case fs.ModeNamedPipe:
		return "fifo"
	case fs.ModeSocket:
		return "socket"
	}
	return "file"
}

// xattrWords gives extended attributes, for which mtree(5) has no keyword, in base64.
func xattrWords(xattrs map[string][]byte) []string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(xattrs)) {
		words = append(words, "xattr."+vis(name)+"="+base64.RawStdEncoding.EncodeToString(xattrs[name]))
	}
	return words
}

// vis writes what would end a word or start a comment as a backslash and three octal digits, as mtree(5) has it.
func vis(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '\\' || c == '#' || c == '=' {
			fmt.Fprintf(&b, `\%03o`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
