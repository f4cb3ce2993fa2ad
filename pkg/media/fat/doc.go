// Package fat writes new FAT32 file systems, such as an EFI system partition, from file trees.
//
// Everything in the result comes from the arguments: the serial number, the times and the order of what is written.
// The constants are from Microsoft's "FAT: General Overview of On-Disk Format" (fatgen103), whose names are used.
package fat
