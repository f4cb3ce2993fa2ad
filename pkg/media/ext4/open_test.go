package ext4_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/nodekiln/nodekiln/pkg/media/ext4"
)

func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct {
		name, request string
		as            error // nil is an UnsupportedError
		want          string
	}{
		{"journal", "feature needs_recovery", ext4.ErrNotClean, "needs_recovery"},
		{"unclean", "ssv state 0", ext4.ErrNotClean, "state is 0x0"},
		{"errors", "ssv state 3", ext4.ErrNotClean, "state is 0x3"},
		{"orphan", "ssv last_orphan 12", ext4.ErrNotClean, "inode 12 is an orphan"},
		{"bigalloc", "feature bigalloc", nil, "bigalloc"},
		{"meta_bg", "feature meta_bg", nil, "meta_bg"},
		{"inline data", "feature inline_data", nil, "inline_data"},
		{"several", "feature encrypt quota", nil, "encrypt, quota"},
		{"unknown incompat", "ssv feature_incompat 0x800002c2", nil, "unknown incompat feature 0x80000000"},
		{"unknown ro_compat", "ssv feature_ro_compat 0x4000046b", nil, "unknown ro_compat feature 0x40000000"},
		{"unknown compat", "ssv feature_compat 0x2000003c", nil, "unknown compat feature 0x20000000"},
		{"no extents", "ssv feature_incompat 0x282", nil, "^extent"},
	} {
		t.Run(c.name, func(t *testing.T) {
			image := makeImage(t, format{})
			changeImage(t, image, c.request)
			_, err := ext4.Open(openImage(t, image))
			var unsupported *ext4.UnsupportedError
			if errors.As(err, &unsupported) != (c.as == nil) || c.as != nil && !errors.Is(err, c.as) {
				t.Errorf("got %v, want %v", err, c.as)
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestOpenFindsDamage(t *testing.T) {
	image, err := os.ReadFile(makeImage(t, format{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		spoil func(b []byte)
		want  string
	}{
		{"no file system", func(b []byte) { clear(b[1024:2048]) }, "magic"},
		{"superblock", func(b []byte) { b[1024+0x78]++ }, "superblock's checksum"},
		{"group descriptor", func(b []byte) { b[4096+0xC]++ }, "group descriptor 0"},
		{"inodes per group", func(b []byte) { putSuper(b, 0x28, 0) }, "inodes per group"},
		{"blocks per group", func(b []byte) { putSuper(b, 0x20, 0) }, "blocks per group"},
		{"block size", func(b []byte) { putSuper(b, 0x18, 6) }, "blocks of"},
		{"blocks", func(b []byte) { putSuper(b, 0x150, 1<<31) }, "blocks"},
		{"inode size", func(b []byte) { putSuper(b, 0x58, 100) }, "inodes have"},
		{"truncated", nil, "EOF"},
	} {
		spoiled := bytes.Clone(image)
		if c.spoil == nil {
			spoiled = spoiled[:1500]
		} else {
			c.spoil(spoiled)
		}
		if _, err := ext4.Open(&inMemory{spoiled}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

func TestReadingWritesNothing(t *testing.T) {
	image := makeImage(t, format{size: gib})
	lay(t, image, allKinds()...)
	dev := &tracked{openImage(t, image), map[int64]bool{}}
	f := openFS(t, dev)
	compare(t, f.FS(), newTree(t, allKinds()...))
	if err := f.Flush(); err != nil || len(dev.clusters) > 0 {
		t.Errorf("%d clusters are written (%v) where nothing changed", len(dev.clusters), err)
	}
}

// putSuper changes a field of the superblock and makes the checksum right again.
func putSuper(b []byte, off int, v uint32) {
	sb := b[1024:2048]
	binary.LittleEndian.PutUint32(sb[off:], v)
	binary.LittleEndian.PutUint32(sb[0x3FC:], ^crc32.Checksum(sb[:0x3FC], crc32.MakeTable(crc32.Castagnoli)))
}

// TestReadFindsDamage changes one bit of every kind of metadata.
func TestReadFindsDamage(t *testing.T) {
	path := indexedImage(t, format{}, "half_md4", false, 300)
	lay(t, path, dir("p"), file("p/f", "x"), hardLink("p/g", "p/f"))
	image, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	blockOf := func(request string) int {
		said := strings.Fields(debugfs(t, path, request))
		n, err := strconv.Atoi(said[len(said)-1])
		if err != nil {
			t.Fatal(err)
		}
		return n * 4096
	}
	for name, at := range map[string]int{
		"index root": blockOf("bmap /d 0") + 0x30, "leaf": blockOf("bmap /d 1") + 8, "plain directory": blockOf("bmap /p 0") + 30,
	} {
		spoiled := bytes.Clone(image)
		spoiled[at] ^= 1
		f, err := ext4.Open(&inMemory{spoiled})
		if err == nil {
			err = f.Write(newTree(t, file("d/x", ""), file("p/x", "")))
		}
		if !errors.Is(err, ext4.ErrCorrupt) {
			t.Errorf("%s: got %v, want it to be found corrupt", name, err)
		}
	}
}

// inMemory is a device of bytes.
type inMemory struct{ b []byte }

func (m *inMemory) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(m.b).ReadAt(p, off)
}

func (m *inMemory) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 || off+int64(len(p)) > int64(len(m.b)) {
		return 0, errors.New("outside the device")
	}
	return copy(m.b[off:], p), nil
}
