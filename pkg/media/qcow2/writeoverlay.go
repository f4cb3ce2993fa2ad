package qcow2

import (
	"fmt"
	"io"
)

// overlayClusterBits chooses the cluster size of an overlay. Small clusters hold little beside what changed: a disk of
// 20 GiB with forty new files takes 336 KiB in clusters of 4 KiB, 344 of 8, 464 of 16 and 1090 of 64. But QEMU keeps
// 32 MiB of L2 tables in memory, with which it addresses 16 GiB in clusters of 4 KiB and 64 GiB in clusters of 16, and the
// L1 table, which is always there whole, grows with the square: at 16 KiB it has 256 KiB for a disk of 1 TiB.
func overlayClusterBits(size int64) uint {
	if size > 1<<40 {
		return 16
	}
	return 14
}

// WriteOverlay writes an image that holds only what differs from the base of the overlay, and that names the base as
// its backing file. The name is put into the image as it is; the format is "qcow2" or "raw".
func WriteOverlay(w io.Writer, o *Overlay, backingName, backingFormat string) error {
	if backingName == "" || backingFormat == "" || len(backingFormat) > 16 {
		return fmt.Errorf("write qcow2 overlay: the backing file needs a name and a format, not %q and %q", backingName, backingFormat)
	}
	changes, err := o.changes()
	if err != nil {
		return fmt.Errorf("write qcow2 overlay: compare with the base: %w", err)
	}
	t := newTables(o.clusterBits, o.size)
	for _, c := range changes {
		if c.content == nil {
			t.set(c.number, flagZero)
			continue
		}
		offset := int64(len(t.refs)) << o.clusterBits
		t.set(c.number, uint64(offset)|flagCopied)
		t.refer(offset, o.clusterSize())
	}
	p := t.place()
	head, err := t.header(p, None, backingName, backingFormat)
	if err != nil {
		return fmt.Errorf("write qcow2 overlay: %w", err)
	}
	if _, err := w.Write(head); err != nil {
		return fmt.Errorf("write qcow2 overlay: %w", err)
	}
	for _, c := range changes {
		if _, err := w.Write(c.content); err != nil {
			return fmt.Errorf("write qcow2 overlay: %w", err)
		}
	}
	if err := t.writeTo(w, p); err != nil {
		return fmt.Errorf("write qcow2 overlay: %w", err)
	}
	return nil
}
