package build

import (
	"os"
	"path/filepath"
	"testing"
)

// sparse makes a file of that size with bytes at the offsets.
func sparse(t *testing.T, size int64, data map[int64]string) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "disk"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	for at, text := range data {
		if _, err := f.WriteAt([]byte(text), at); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func TestSameContent(t *testing.T) {
	// Too large to be read as a whole in a test.
	const size = 1 << 42
	disk := map[int64]string{0: "first", 1 << 30: "middle", size - 4: "last"}
	for name, c := range map[string]struct {
		size int64
		data map[int64]string
		want bool
	}{
		"the same":         {size, disk, true},
		"zeros for a hole": {size, map[int64]string{0: "first", 1 << 20: "\x00\x00", 1 << 30: "middle", size - 4: "last"}, true},
		"another byte":     {size, map[int64]string{0: "first", 1 << 30: "middle", size - 4: "lasT"}, false},
		"more":             {size, map[int64]string{0: "first", 1 << 25: "x", 1 << 30: "middle", size - 4: "last"}, false},
		"less":             {size, map[int64]string{0: "first", 1 << 30: "middle"}, false},
		"longer":           {size + 1, disk, false},
		"nothing":          {size, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := sparse(t, size, disk), sparse(t, c.size, c.data)
			for _, pair := range [][2]*os.File{{a, b}, {b, a}} {
				got, err := sameContent(pair[0], pair[1])
				if err != nil || got != c.want {
					t.Errorf("got %v, %v", got, err)
				}
			}
		})
	}
}
