// Package qcow2 reads and writes disk images of the QEMU copy-on-write format.
//
// Images are read with whatever they may hold: plain, zero and compressed clusters and a chain of backing files.
// They are written whole and once, never changed in place: as a self-contained image (Write), or as the few clusters in
// which an Overlay differs from its base (WriteOverlay).
//
// Every constant of the format is from docs/interop/qcow2.txt of QEMU, whose terms the names follow.
package qcow2
