package media

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/nodekiln/nodekiln/pkg/media/ext4"
	"github.com/nodekiln/nodekiln/pkg/tool"
	"github.com/nodekiln/nodekiln/pkg/tree"
)

// rootFeatures are those of the root file system: what mke2fs of e2fsprogs 1.47 gives to ext4 but orphan_file and
// metadata_csum_seed, which GRUB 2.06 and the kernels of the older distributions do not know. resize_inode keeps room for
// growing a mounted file system a thousandfold.
const rootFeatures = "none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super," +
	"large_file,huge_file,dir_nlink,extra_isize,metadata_csum"

const (
	blockSize  = 4096
	inodeSize  = 256
	groupSize  = 8 * blockSize * blockSize // one bitmap block's worth: 128 MiB
	inodeRatio = 16384                     // bytes for each inode, as mke2fs.conf has it

	// rootRoom is left free for a machine's files and for what its first start writes before the file system is grown.
	rootRoom = 256 * mebibyte
)

// rootFileSystem says how large a root file system is to be.
type rootFileSystem struct {
	size    int64 // bytes
	inodes  int64
	journal int64 // mebibytes
}

// sizeRoot gives a file system in which the tree has room. A size of 0 chooses one, in whole block groups.
func sizeRoot(t *tree.Tree, size int64) (rootFileSystem, error) {
	content, nodes := int64(0), int64(t.Len())
	for _, n := range t.Nodes() {
		switch {
		case n.HardLink != "":
		case n.Mode.IsRegular():
			content += (n.Size + blockSize - 1) / blockSize * blockSize
		case n.Mode.IsDir():
			content += blockSize
		}
	}
	if size == 0 {
		// An eighth more for extent blocks, large directories, bitmaps and the reserved share.
		size = content + content/8 + nodes*inodeSize + 64*mebibyte + rootRoom
		size = (size + groupSize - 1) / groupSize * groupSize
	}
	if size < 16*mebibyte || size%mebibyte != 0 {
		return rootFileSystem{}, fmt.Errorf("a root file system of %d bytes is too small or not made of whole mebibytes", size)
	}
	return rootFileSystem{
		size:    size,
		inodes:  max(size/inodeRatio, nodes+nodes/4+1024),
		journal: min(max(size/mebibyte/32, 4), 64),
	}, nil
}

// make makes the empty file system in the root partition of a disk. It is not to discard blocks: the file is empty, and
// some versions of mke2fs forget the offset when they punch holes.
func (r rootFileSystem) make(ctx context.Context, f *os.File, l Layout, s DiskSpec, scratch string) error {
	// In place of the host's in /etc, which has a say in everything that is not given below.
	config := filepath.Join(scratch, "mke2fs.conf")
	if err := os.WriteFile(config, []byte("[fs_types]\n\text4 = {\n\t}\n"), 0o600); err != nil {
		return err
	}
	cmd := tool.Cmd{
		Name: "mkfs.ext4",
		Args: []string{
			"-q", "-F", "-O", rootFeatures, "-b", strconv.Itoa(blockSize), "-I", strconv.Itoa(inodeSize),
			"-N", strconv.FormatInt(r.inodes, 10), "-J", "size=" + strconv.FormatInt(r.journal, 10), "-m", "1", "-e", "remount-ro",
			"-U", s.FSUUID, "-E", fmt.Sprintf("offset=%d,lazy_itable_init=0,lazy_journal_init=0,nodiscard,root_owner=0:0,hash_seed=%s", l.Root.Start, s.HashSeed),
			f.Name(), strconv.FormatInt(l.Root.Size/1024, 10) + "k",
		},
		Env: []string{"MKE2FS_CONFIG=" + config, "E2FSPROGS_FAKE_TIME=" + strconv.FormatInt(s.ModTime.Unix(), 10), "TZ=UTC", "LC_ALL=C"},
	}
	if err := cmd.Run(ctx); err != nil {
		return fmt.Errorf("make the root file system: %w", err)
	}
	return nil
}

// fillRoot lays the tree over the root file system of a disk.
func fillRoot(d disk, l Layout, t *tree.Tree) error {
	fsys, err := ext4.Open(section{disk: d, start: l.Root.Start, size: l.Root.Size})
	if err != nil {
		return fmt.Errorf("open the root file system: %w", err)
	}
	if err := fsys.Write(t); err != nil {
		return fmt.Errorf("write into the root file system: %w", err)
	}
	if err := fsys.Flush(); err != nil {
		return fmt.Errorf("finish the root file system: %w", err)
	}
	return nil
}

// earliest is the first second that FAT and e2fsprogs can both take for a time: the latter takes zero for none.
func earliest() time.Time { return time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC) }
