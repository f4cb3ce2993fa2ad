package qcow2

import (
	"context"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadWhatQEMUWrites(t *testing.T) {
	want := pattern(3<<20+512, 1)
	raw := writeRaw(t, "disk.raw", want)
	for name, args := range map[string][]string{
		"plain":        {"-O", "qcow2"},
		"version 2":    {"-O", "qcow2", "-o", "compat=0.10"},
		"4k clusters":  {"-O", "qcow2", "-o", "cluster_size=4k"},
		"2M clusters":  {"-O", "qcow2", "-o", "cluster_size=2M"},
		"512 clusters": {"-O", "qcow2", "-o", "cluster_size=512"},
		"zlib":         {"-O", "qcow2", "-c"},
		"zlib 4k":      {"-O", "qcow2", "-c", "-o", "cluster_size=4k"},
		"zstd":         {"-O", "qcow2", "-c", "-o", "compression_type=zstd"},
		"zstd 2M":      {"-O", "qcow2", "-c", "-o", "compression_type=zstd,cluster_size=2M"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "disk.qcow2")
			run(t, "qemu-img", append(append([]string{"convert", "-f", "raw"}, args...), raw, path)...)
			equal(t, mustOpen(t, path), want, !strings.Contains(name, "2M"))
		})
	}
}

// qemuIO applies the commands to an image.
func qemuIO(t *testing.T, path string, commands ...string) {
	t.Helper()
	args := []string{"-f", "qcow2"}
	for _, c := range commands {
		args = append(args, "-c", c)
	}
	run(t, "qemu-io", append(args, path)...)
}

func TestReadBackingChain(t *testing.T) {
	for _, format := range []string{"raw", "qcow2"} {
		t.Run(format, func(t *testing.T) {
			dir := t.TempDir()
			in := func(name string) string { return filepath.Join(dir, name) }
			raw := writeRaw(t, "disk.raw", pattern(2<<20, 2))
			run(t, "qemu-img", "convert", "-O", format, raw, in("base"))
			run(t, "qemu-img", "create", "-q", "-f", "qcow2", "-F", format, "-b", "base", "-o", "cluster_size=16k", in("middle"), "3M")
			qemuIO(t, in("middle"), "write -P 7 100k 300k", "write -z 512k 128k", "write -P 9 2500k 64k")
			run(t, "qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", "middle", in("top"), "5M")
			qemuIO(t, in("top"), "write -P 1 200k 10k", "write -z 640k 256k", "discard 1M 256k", "write -P 2 4M 1k")
			run(t, "qemu-img", "convert", "-O", "raw", in("top"), in("want"))
			want, err := os.ReadFile(in("want"))
			if err != nil {
				t.Fatal(err)
			}
			equal(t, mustOpen(t, in("top")), want, true)
		})
	}
}

func TestReadEmpty(t *testing.T) {
	path := filepath.Join(t.TempDir(), "empty.qcow2")
	run(t, "qemu-img", "create", "-q", "-f", "qcow2", path, "1T")
	im := mustOpen(t, path)
	if start, end, err := im.NextData(0); err != io.EOF {
		t.Errorf("an empty image has data from %d to %d, %v", start, end, err)
	}
	p := []byte{1, 2}
	if _, err := im.ReadAt(p, 1<<39); err != nil || p[0] != 0 || p[1] != 0 {
		t.Errorf("read % x, %v", p, err)
	}
	if n, err := im.ReadAt(p, im.Size()-1); n != 1 || err != io.EOF {
		t.Errorf("read %d bytes at the end, %v", n, err)
	}
}

func TestRefuseByName(t *testing.T) {
	dir := t.TempDir()
	for i, c := range []struct {
		name string
		args []string
		want string
	}{
		{"extended L2 entries", []string{"-o", "extended_l2=on"}, "extended L2 entries"},
		{"external data file", []string{"-o", "data_file=" + filepath.Join(dir, "data")}, "external data file"},
		{"absolute backing file", []string{"-u", "-F", "raw", "-b", "/etc/hostname"}, "not a path below"},
		{"backing file outside", []string{"-u", "-F", "raw", "-b", "../hostname"}, "not a path below"},
		{"backing file by protocol", []string{"-u", "-F", "raw", "-b", "nbd://host/x"}, "no such file"},
		{"backing format", []string{"-u", "-F", "vmdk", "-b", "disk.vmdk"}, "vmdk"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(dir, string(rune('a'+i)))
			run(t, "qemu-img", append(append([]string{"create", "-q", "-f", "qcow2"}, c.args...), path, "1M")...)
			refused(t, path, c.want)
		})
	}
}

// refused wants Open to fail with those words.
func refused(t *testing.T, path, want string) {
	t.Helper()
	im, err := Open(path)
	if err == nil {
		im.Close()
		t.Fatal("the image was opened")
	}
	if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
		t.Fatalf("%q does not name %q and the path", err, want)
	}
}

func TestRefusePatched(t *testing.T) {
	for name, c := range map[string]struct {
		at    int
		value uint32
		want  string
	}{
		"dirty":           {atIncompatible + 4, 1, "dirty"},
		"corrupt":         {atIncompatible + 4, 2, "corrupt"},
		"of the future":   {atIncompatible, 1 << 8, "bit 40"},
		"named by itself": {atIncompatible + 4, 1 << 5, `"flux capacitor"`},
		"both":            {atIncompatible + 4, 3, "dirty (a writer did not end cleanly; 'qemu-img check -r all' repairs it), corrupt"},
		"compression":     {atIncompatible + 4, 8, "compression type"},
		"version":         {atVersion, 4, "version 4"},
		"encrypted":       {atCryptMethod, 2, "encrypted"},
		"cluster bits":    {atClusterBits, 40, "2^40"},
		"no image":        {atMagic, 0, "not a qcow2 image"},
		"L1 too short":    {atL1Size, 0, "L1 table"},
		"L1 beyond end":   {atL1Offset, 7, "beyond the end"},
		"L1 not aligned":  {atL1Offset + 4, 0x30001, "not aligned"},
		"size":            {atSize, 0x7fffffff, "too large"},
		"header length":   {atHeaderLength, 99, "header length"},
		"backing name":    {atBackingOffset, 1, "outside the first cluster"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "disk.qcow2")
			image := written(t, Zlib, memory(pattern(1<<20, 3)))
			names := append([]byte{0, 5}, "flux capacitor"...)
			binary.BigEndian.PutUint32(image[headerLength:], extFeatureNames)
			binary.BigEndian.PutUint32(image[headerLength+4:], 48)
			copy(image[headerLength+8:], names)
			binary.BigEndian.PutUint32(image[c.at:], c.value)
			if err := os.WriteFile(path, image, 0o600); err != nil {
				t.Fatal(err)
			}
			refused(t, path, c.want)
		})
	}
}

func TestRefuseLoop(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ouroboros")
	run(t, "qemu-img", "create", "-q", "-u", "-f", "qcow2", "-F", "qcow2", "-b", "ouroboros", path, "1M")
	refused(t, path, "longer than")
}

// FuzzOpen reads images in which anything may be wrong: that must end, with or without an error. Clusters of 512 bytes
// make the seeds small.
func FuzzOpen(f *testing.F) {
	base := pattern(20<<10, 4)
	for _, method := range []Compression{None, Zlib, Zstd} {
		path := filepath.Join(f.TempDir(), "seed")
		out, err := os.Create(path)
		if err != nil {
			f.Fatal(err)
		}
		if err := write(context.Background(), out, memory(base), method, minClusterBits); err != nil {
			f.Fatal(err)
		}
		out.Close()
		seed, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
	}
	o, err := newOverlay(memory(base), 1<<20, minClusterBits)
	if err != nil {
		f.Fatal(err)
	}
	if _, err := o.WriteAt([]byte("changed"), 700); err != nil {
		f.Fatal(err)
	}
	f.Add(writeOverlay(f, filepath.Join(f.TempDir(), "seed"), o, "base", "raw"))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := writeRaw(t, "fuzz.qcow2", content)
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), "base"), base, 0o600); err != nil {
			t.Fatal(err)
		}
		im, err := Open(path)
		if err != nil {
			return
		}
		defer im.Close()
		p := make([]byte, 100)
		for off, n := int64(0), 0; n < 100; n++ {
			start, end, err := im.NextData(off)
			if err != nil {
				break
			}
			_, _ = im.ReadAt(p, start)
			_, _, _, _ = im.Locate(start)
			off = end
		}
	})
}
