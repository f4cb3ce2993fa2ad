package ext4_test

import (
	"bytes"
	"encoding/binary"
	"io/fs"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/nodekiln/nodekiln/pkg/media/ext4"
	"github.com/nodekiln/nodekiln/pkg/tree"
)

// smallImage is a file system without checksums, so that damage to it is not found by them.
func smallImage(t testing.TB) []byte {
	t.Helper()
	image := makeImage(t, format{size: 4 * mib, block: 1024, features: without("metadata_csum", "has_journal")})
	nodes := []tree.Node{dir("d"), dir("d/e"), patternFile("d/e/f", 20_000), symlink("d/l", "e/f"), hardLink("d/h", "d/e/f"), file("g", "g")}
	described := file("x", "x")
	described.Xattrs = map[string][]byte{"user.long": pattern(300), "user.short": []byte("s")}
	nodes = append(nodes, described, dir("many"))
	nodes = append(nodes, manyFiles("many/file-", 100, 0)...)
	layOnly(t, image, nodes...)
	run(t, "sh", "-c", "e2fsck -fyD "+image+" || test $? = 1")
	b, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// use reads everything and writes something; that it ends, and does not panic, is all that is asked.
func use(dev ext4.Device) {
	f, err := ext4.Open(dev)
	if err != nil {
		return
	}
	_ = fs.WalkDir(f.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if d.Type().IsRegular() {
			_, _ = fs.ReadFile(f.FS(), p)
		}
		_, _ = fs.Stat(f.FS(), p)
		return nil
	})
	nodes := []tree.Node{dir("d"), file("d/e", "instead of a directory"), file("many/new", "n"), file("g", "new"), symlink("x", "y"), dir("new")}
	nodes = append(nodes, manyFiles("many/file-", 30, 3000)...)
	if t, err := tree.New(nodes...); err == nil && f.Write(t) == nil {
		_ = f.Flush()
	}
}

// damaged gives a device on which an image can be spoiled again and again.
func damaged(image []byte) *overlay {
	return &overlay{base: bytes.NewReader(image), blocks: map[int64][]byte{}}
}

// FuzzDamage takes changes to an image: an offset and a byte in each four bytes of input.
func FuzzDamage(f *testing.F) {
	image := smallImage(f)
	f.Add([]byte{0, 4, 0, 1, 0, 8, 0, 255})
	f.Fuzz(func(_ *testing.T, changes []byte) {
		dev := damaged(image)
		for ; len(changes) >= 4; changes = changes[4:] {
			word := binary.LittleEndian.Uint32(changes)
			_, _ = dev.WriteAt([]byte{byte(word >> 24)}, int64(word&0xffffff)%int64(len(image)))
		}
		use(dev)
	})
}

// TestDamage spoils metadata at random places, which are the same in each run.
func TestDamage(t *testing.T) {
	image := smallImage(t)
	var used []int
	for at := 0; at < len(image); at += 4 {
		if !bytes.Equal(image[at:at+4], []byte{0, 0, 0, 0}) {
			used = append(used, at)
		}
	}
	random := rand.New(rand.NewPCG(7, 11))
	for range 3000 {
		dev := damaged(image)
		for range 1 + random.IntN(6) {
			at := used[random.IntN(len(used))] + random.IntN(4)
			spoiled := image[at] ^ 1<<random.IntN(8)
			if random.IntN(2) == 0 {
				spoiled = byte(random.Uint32())
			}
			_, _ = dev.WriteAt([]byte{spoiled}, int64(at))
		}
		use(dev)
	}
}
