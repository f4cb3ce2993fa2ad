package ext4

import "fmt"

// Feature flags that decide how this package reads or writes, from struct ext4_super_block in
// Documentation/filesystems/ext4/super.rst: COMPAT_, INCOMPAT_ and RO_COMPAT_.
const (
	compatExtAttr = 0x8

	incompatFiletype = 0x2
	incompatRecover  = 0x4
	incompatExtents  = 0x40
	incompat64Bit    = 0x80

	roCompatSparseSuper  = 0x1
	roCompatLargeFile    = 0x2
	roCompatHugeFile     = 0x8
	roCompatDirNlink     = 0x20
	roCompatMetadataCsum = 0x400
)

// feature is one bit of a feature word. Those that are not supported are known only to be named in the refusal.
type feature struct {
	bit       uint32
	name      string
	supported bool
}

// compatFeatures, incompatFeatures and roCompatFeatures name the features as mke2fs and ext4(5) do; values are
// EXT2_FEATURE_* and EXT4_FEATURE_* of lib/ext2fs/ext2_fs.h.
func compatFeatures() []feature {
	return []feature{
		{0x1, "dir_prealloc", false},
		{0x2, "imagic_inodes", false},
		{0x4, "has_journal", true},
		{compatExtAttr, "ext_attr", true},
		{0x10, "resize_inode", true},
		{0x20, "dir_index", true},
		{0x40, "lazy_bg", false},
		{0x100, "snapshot_bitmap", false},
		{0x200, "sparse_super2", false},
		{0x400, "fast_commit", false},
		{0x800, "stable_inodes", false},
		{0x1000, "orphan_file", false},
	}
}

func incompatFeatures() []feature {
	return []feature{
		{0x1, "compression", false},
		{incompatFiletype, "filetype", true},
		{incompatRecover, "needs_recovery", false},
		{0x8, "journal_dev", false},
		{0x10, "meta_bg", false},
		{incompatExtents, "extent", true},
		{incompat64Bit, "64bit", true},
		{0x100, "mmp", false},
		{0x200, "flex_bg", true},
		{0x400, "ea_inode", false},
		{0x1000, "dirdata", false},
		{0x2000, "metadata_csum_seed", false},
		{0x4000, "large_dir", false},
		{0x8000, "inline_data", false},
		{0x10000, "encrypt", false},
		{0x20000, "casefold", false},
	}
}

func roCompatFeatures() []feature {
	return []feature{
		{roCompatSparseSuper, "sparse_super", true},
		{roCompatLargeFile, "large_file", true},
		{roCompatHugeFile, "huge_file", true},
		{0x10, "uninit_bg", false},
		{roCompatDirNlink, "dir_nlink", true},
		{0x40, "extra_isize", true},
		{0x80, "snapshot", false},
		{0x100, "quota", false},
		{0x200, "bigalloc", false},
		{roCompatMetadataCsum, "metadata_csum", true},
		{0x800, "replica", false},
		{0x1000, "read-only", false},
		{0x2000, "project", false},
		{0x4000, "shared_blocks", false},
		{0x8000, "verity", false},
		{0x10000, "orphan_present", false},
	}
}

// unsupported names the features of a word that are not supported, known or unknown.
func unsupported(kind string, word uint32, known []feature) []string {
	var names []string
	for _, f := range known {
		if word&f.bit != 0 && !f.supported {
			names = append(names, f.name)
		}
		word &^= f.bit
	}
	for bit := uint32(1); bit != 0; bit <<= 1 {
		if word&bit != 0 {
			names = append(names, fmt.Sprintf("unknown %s feature %#x", kind, bit))
		}
	}
	return names
}

// checkFeatures refuses a superblock with a feature that is not supported, or without one that is needed.
func checkFeatures(compat, incompat, roCompat uint32) error {
	if incompat&incompatRecover != 0 {
		return fmt.Errorf("%w: needs_recovery is set, its journal is to be replayed first", ErrNotClean)
	}
	names := unsupported("compat", compat, compatFeatures())
	names = append(names, unsupported("incompat", incompat, incompatFeatures())...)
	names = append(names, unsupported("ro_compat", roCompat, roCompatFeatures())...)
	if incompat&incompatFiletype == 0 {
		names = append(names, "^filetype")
	}
	if incompat&incompatExtents == 0 {
		names = append(names, "^extent")
	}
	if len(names) > 0 {
		return &UnsupportedError{Features: names}
	}
	return nil
}
