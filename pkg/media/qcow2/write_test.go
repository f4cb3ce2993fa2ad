package qcow2

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// written gives the image that Write makes of the source.
func written(t testing.TB, method Compression, src Source) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "written.qcow2")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := Write(context.Background(), f, src, Options{Compression: method}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWrite(t *testing.T) {
	for _, method := range []Compression{None, Zlib, Zstd} {
		for _, size := range []int{512, 64 << 10, 20<<20 + 1536} {
			t.Run(fmt.Sprint(method, " ", size), func(t *testing.T) {
				want := pattern(size, 5)
				image := written(t, method, memory(want))
				path := writeRaw(t, "disk.qcow2", image)
				check(t, path)
				run(t, "qemu-img", "compare", "-f", "raw", "-F", "qcow2", writeRaw(t, "want.raw", want), path)
				equal(t, mustOpen(t, path), want, size > 1<<20)
				if method != None && size > 1<<20 && len(image) > size*2/3 {
					t.Errorf("%d bytes became %d", size, len(image))
				}
			})
		}
	}
}

func TestCompareCanFail(t *testing.T) {
	want := pattern(1<<20, 5)
	path := writeRaw(t, "disk.qcow2", written(t, Zstd, memory(want)))
	want[4097] ^= 1
	if bytes.Equal(readAll(t, mustOpen(t, path)), want) {
		t.Fatal("one changed byte does not show")
	}
}

// TestWriteEmpty writes a large disk of nothing.
func TestWriteEmpty(t *testing.T) {
	o, err := NewOverlay(memory(nil), 3<<40)
	if err != nil {
		t.Fatal(err)
	}
	path := writeRaw(t, "disk.qcow2", written(t, None, o))
	check(t, path)
	if size := mustOpen(t, path).Size(); size != 3<<40 {
		t.Errorf("a size of %d bytes", size)
	}
}

func TestWriteIsReproducible(t *testing.T) {
	content := pattern(10<<20, 6)
	for _, method := range []Compression{None, Zlib, Zstd} {
		first := written(t, method, memory(content))
		was := runtime.GOMAXPROCS(7)
		second := written(t, method, memory(content))
		runtime.GOMAXPROCS(was)
		if !bytes.Equal(first, second) {
			t.Errorf("%s: the number of processors shows", method)
		}
		image := mustOpen(t, writeRaw(t, "disk.qcow2", first))
		if !bytes.Equal(first, written(t, method, image)) {
			t.Errorf("%s: holes in the source show", method)
		}
	}
}

func TestWriteStops(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "disk.qcow2"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := Write(ctx, f, memory(pattern(4<<20, 7)), Options{Compression: Zstd}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled write gives %v", err)
	}
	f.Close()
	if err := Write(context.Background(), f, memory(pattern(4<<20, 7)), Options{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a write to a closed file gives %v", err)
	}
}

func BenchmarkWrite(b *testing.B) {
	content := memory(pattern(64<<20, 8))
	for _, method := range []Compression{None, Zlib, Zstd} {
		b.Run(method.String(), func(b *testing.B) {
			b.SetBytes(content.Size())
			for range b.N {
				written(b, method, content)
			}
		})
	}
}
