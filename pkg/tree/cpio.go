package tree

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
)

// The "new ASCII" cpio format without checksums, as the kernel unpacks it into its initial root filesystem:
// Documentation/driver-api/early-userspace/buffer-format.rst.
const (
	cpioMagic   = "070701"
	cpioTrailer = "TRAILER!!!"
	// cpioAlign is what names and contents are padded to.
	cpioAlign = 4
	// cpioMaxSize is what eight hexadecimal digits can say.
	cpioMaxSize = 1<<32 - 1
)

// WriteCpio writes the tree as a cpio archive in the newc format. Inode numbers follow the order of the tree. Extended
// attributes have no place in the format; names of owners, hard links and sockets are errors.
func WriteCpio(w io.Writer, t *Tree) error {
	c := &cpioWriter{w: bufio.NewWriter(w)}
	for i, n := range t.Nodes() {
		if err := c.node(uint32(i+1), n); err != nil {
			return fmt.Errorf("write cpio: %s: %w", n.Path, err)
		}
	}
	if err := c.header(cpioHeader{nlink: 1}, cpioTrailer); err != nil {
		return fmt.Errorf("write cpio: %w", err)
	}
	if err := c.w.Flush(); err != nil {
		return fmt.Errorf("write cpio: %w", err)
	}
	return nil
}

type cpioWriter struct {
	w      *bufio.Writer
	offset int64
}

type cpioHeader struct {
	ino, mode, uid, gid, nlink, mtime, size, rmajor, rminor uint32
}

func (c *cpioWriter) node(ino uint32, n Node) error {
	switch {
	case n.HardLink != "" || n.Mode.Type() == fs.ModeSocket:
		return fmt.Errorf("hard links and sockets are not supported")
	case n.Owner.User != "" || n.Owner.Group != "":
		return fmt.Errorf("the owner is a name, not a number")
	case n.Size > cpioMaxSize:
		return fmt.Errorf("%d bytes are more than the format can say", n.Size)
	}
	h := cpioHeader{
		ino: ino, mode: uint32(n.UnixMode()), uid: uint32(n.Owner.UID), gid: uint32(n.Owner.GID), nlink: 1,
		mtime: uint32(n.ModTime.Unix()), rmajor: n.Major, rminor: n.Minor,
	}
	switch n.Mode.Type() {
	case fs.ModeDir:
		h.nlink = 2
	case fs.ModeSymlink:
		h.size = uint32(len(n.Target))
	case 0:
		h.size = uint32(n.Size)
	}
	if err := c.header(h, n.Path); err != nil {
		return err
	}
	if n.Mode.Type() == fs.ModeSymlink {
		if _, err := c.Write([]byte(n.Target)); err != nil {
			return err
		}
		return c.pad()
	}
	if n.Mode.IsRegular() {
		return c.content(n)
	}
	return nil
}

func (c *cpioWriter) header(h cpioHeader, name string) error {
	// After the sizes come the numbers of the device that holds the file, then those that it stands for, then the
	// length of the name with its final NUL and the checksum, which this variant leaves 0.
	_, err := fmt.Fprintf(c, "%s%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00", cpioMagic,
		h.ino, h.mode, h.uid, h.gid, h.nlink, h.mtime, h.size, 0, 0, h.rmajor, h.rminor, len(name)+1, 0, name)
	if err != nil {
		return err
	}
	return c.pad()
}

func (c *cpioWriter) content(n Node) error {
	r, err := n.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	// One byte more than announced is asked for, to notice a file that has grown.
	copied, err := io.Copy(c, io.LimitReader(r, n.Size+1))
	if err != nil {
		return err
	}
	if copied != n.Size {
		return fmt.Errorf("the content is not of the size %d that was announced", n.Size)
	}
	return c.pad()
}

func (c *cpioWriter) pad() error {
	_, err := c.Write(make([]byte, (cpioAlign-c.offset%cpioAlign)%cpioAlign))
	return err
}

func (c *cpioWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.offset += int64(n)
	return n, err
}
