package fat

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// run runs an outside program, and skips the test where it is not installed, unless the environment says that all must
// be there.
func run(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("NODEKILN_CONFORMANCE") == "1" {
			t.Fatalf("%s is not installed", name)
		}
		t.Skipf("%s is not installed", name)
	}
	cmd := exec.Command(name, args...)
	cmd.Env = append(cmd.Environ(), "TZ=UTC")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return out
}

var modTime = time.Date(2024, 2, 29, 23, 58, 58, 0, time.UTC)

func mustTree(t testing.TB, nodes ...tree.Node) *tree.Tree {
	t.Helper()
	tr, err := tree.New(nodes...)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// volume writes a volume and gives its path.
func volume(t testing.TB, v Volume, tr *tree.Tree) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fat.img")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(v.Size); err != nil {
		t.Fatal(err)
	}
	if err := Write(f, v, tr); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWrite(t *testing.T) {
	big := bytes.Repeat([]byte("boot me "), 20_001)
	nodes := []tree.Node{
		tree.Dir("EFI", 0o755, modTime, ""), tree.Dir("EFI/BOOT", 0o755, modTime, ""),
		tree.File("EFI/BOOT/BOOTX64.EFI", 0o644, modTime, big, ""),
		tree.File("EFI/EMPTY", 0o644, modTime, nil, ""),
		tree.Dir("MANY", 0o755, modTime, ""),
	}
	for i := range 300 {
		nodes = append(nodes, tree.File(fmt.Sprintf("MANY/F%04d.TXT", i), 0o644, modTime, fmt.Appendf(nil, "%d", i), ""))
	}
	for _, size := range []int64{40 << 20, 64 << 20, 260 << 20, 512 << 20, 3 << 30} {
		t.Run(fmt.Sprint(size>>20, " MiB"), func(t *testing.T) {
			img := volume(t, Volume{Size: size, HiddenSectors: 4096, ID: 0x12345678, Label: "NODE"}, mustTree(t, nodes...))
			out := run(t, "fsck.vfat", "-n", "-v", img)
			if !strings.Contains(string(out), "306 files") {
				t.Errorf("fsck.vfat: %s", out)
			}
			if got := run(t, "mtype", "-i", img, "::/EFI/BOOT/BOOTX64.EFI"); !bytes.Equal(got, big) {
				t.Errorf("BOOTX64.EFI has %d bytes that differ", len(got))
			}
			if got := run(t, "mtype", "-i", img, "::/MANY/F0299.TXT"); string(got) != "299" {
				t.Errorf("F0299.TXT is %q", got)
			}
			list := string(run(t, "mdir", "-i", img, "::/EFI/BOOT"))
			for _, want := range []string{"NODE", "1234-5678", "2024-02-29  23:58"} {
				if !strings.Contains(list, want) {
					t.Errorf("mdir shows no %s:\n%s", want, list)
				}
			}
		})
	}
}

func TestWriteIsReproducible(t *testing.T) {
	write := func(content string) []byte {
		b, err := os.ReadFile(volume(t, Volume{Size: 64 << 20}, mustTree(t,
			tree.Dir("A", 0o755, modTime, ""), tree.Dir("B", 0o755, modTime, ""), tree.File("B/C", 0o644, modTime, []byte(content), ""))))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if !bytes.Equal(write("x"), write("x")) {
		t.Error("the same tree gives other bytes")
	}
	if bytes.Equal(write("x"), write("y")) {
		t.Error("one changed byte does not show")
	}
}

// nowhere takes all writes.
type nowhere struct{}

func (nowhere) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }

func TestWriteRefuses(t *testing.T) {
	file := func(p string) *tree.Tree { return mustTree(t, tree.File(p, 0o644, modTime, []byte("x"), "")) }
	for name, c := range map[string]struct {
		v    Volume
		tree *tree.Tree
		want string
	}{
		"small":       {Volume{Size: 32 << 20}, file("A"), "FAT32 is for"},
		"tiny":        {Volume{Size: 512}, file("A"), "too few"},
		"odd":         {Volume{Size: 64<<20 + 1}, file("A"), "no possible size"},
		"label":       {Volume{Size: 64 << 20, Label: "twelve chars"}, file("A"), "label"},
		"lower case":  {Volume{Size: 64 << 20}, file("a"), `"a" is not a short FAT name`},
		"long name":   {Volume{Size: 64 << 20}, file("LONGNAME9"), "short FAT name"},
		"two dots":    {Volume{Size: 64 << 20}, file("A.B.C"), "short FAT name"},
		"no parent":   {Volume{Size: 64 << 20}, file("A/B"), "A/B: the parent directory is missing"},
		"a link":      {Volume{Size: 64 << 20}, mustTree(t, tree.Symlink("A", "B", modTime, "")), "A is no regular file"},
		"out of room": {Volume{Size: 34 << 20}, mustTree(t, tree.File("A", 0o644, modTime, make([]byte, 40<<20), "")), "clusters are needed"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := Write(nowhere{}, c.v, c.tree); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, not %q", err, c.want)
			}
		})
	}
}

func TestDOSTime(t *testing.T) {
	for _, c := range []struct {
		t           time.Time
		date, clock uint16
	}{
		{time.Unix(0, 0), 0x0021, 0},
		{modTime.In(time.FixedZone("", 3600)), 44<<9 | 2<<5 | 29, 23<<11 | 58<<5 | 29},
		{time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC), 127<<9 | 12<<5 | 31, 23<<11 | 59<<5 | 29},
	} {
		if date, clock := dosTime(c.t); date != c.date || clock != c.clock {
			t.Errorf("%v is %#x %#x", c.t, date, clock)
		}
	}
}
