// Package media writes the disks that machines start from.
//
// A golden disk is made once from a root tree (WriteGolden): a GPT with a BIOS-boot partition, an EFI system partition
// and an ext4 root, and GRUB for both kinds of firmware, kept as a qcow2 image. A machine's disk is the golden one and
// the machine's own files (Bake): they are written straight into the root file system through an overlay in memory,
// which is then written as a small qcow2 image on top of the golden one, or flattened into one file that needs no
// other (Baked). Neither takes privileges, loop devices or mounts.
//
// The bytes of a disk depend on its description alone: every identifier and time is given by the caller. A file gets its
// name when it is complete.
package media
