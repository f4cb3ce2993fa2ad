package base

import (
	"archive/tar"
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/tree"
)

// BenchmarkRoot is what a build adds to the bootstrap before the disk is written: reading the tar, cleaning the tree,
// and packing an initrd of 12 MB of drivers.
func BenchmarkRoot(b *testing.B) {
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)
	add := func(p string, content []byte) {
		must(b, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "./" + p, Mode: 0o644, Size: int64(len(content)), ModTime: epoch()}))
		_, err := w.Write(content)
		must(b, err)
	}
	for i := range 10_000 {
		add(fmt.Sprintf("usr/lib/dir%d/file%d", i%100, i), make([]byte, 1024))
	}
	for _, n := range kernelTree(b).Nodes() {
		if n.Mode.IsRegular() {
			content, err := n.Content()
			must(b, err)
			add(n.Path, content)
		}
	}
	// Machine code is about as random as this: half of it compresses away.
	random := rand.New(rand.NewPCG(1, 2))
	driver := make([]byte, 12<<20)
	for i := range driver {
		driver[i] = byte(random.Uint32() & 0x0f)
	}
	add("usr/lib/modules/6.1.0-1-amd64/kernel/fs/ext4/ext4.ko", driver)
	for p, text := range map[string]string{"etc/passwd": "root:x:0:0::/:/bin/sh\n", "etc/group": "root:x:0:\nsystemd-journal:x:999:\n"} {
		add(p, []byte(text))
	}
	must(b, w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: "./bin", Linkname: "usr/bin", ModTime: epoch()}))
	must(b, w.Close())
	r := testRecipe(b, plan.Base{Debian: "bookworm"})
	for b.Loop() {
		t, err := tree.FromTar(bytes.NewReader(packed.Bytes()), int64(packed.Len()), "")
		must(b, err)
		_, _, err = r.root(t, &tree.Tree{})
		must(b, err)
	}
}
