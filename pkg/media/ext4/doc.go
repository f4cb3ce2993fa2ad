// Package ext4 reads ext4 file systems and lays file trees over them: a whole root into an empty file system made by
// mkfs.ext4, or the few files of one machine into a finished root.
//
// It works on any random-access device and needs neither privileges nor a kernel. The same device and the same tree
// always give the same bytes: nothing depends on the clock, and inodes and blocks are taken first-fit and packed, so
// that a small tree touches few blocks of a large file system.
//
// Only what a current mkfs.ext4 makes and what GRUB 2.06 can read is accepted: every other feature, an unclean file
// system and a wrong checksum are refused. Names of fields and constants are those of Documentation/filesystems/ext4 in
// the Linux kernel and of lib/ext2fs in e2fsprogs, in the case of Go.
package ext4
