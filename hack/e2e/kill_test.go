package e2e

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/nodekiln/nodekiln/hack/e2e/frame"
)

// TestKilled ends builds by SIGKILL at random moments. The next build gives the same bytes as if nothing had happened,
// and clears what the killed one left.
func TestKilled(t *testing.T) {
	const kills = 50
	file, images := nodekiln.Lab(t, threeHosts(t))
	out := filepath.Dir(images)
	begin := time.Now()
	nodekiln.Run(t, "build", file, "--out", filepath.Join(filepath.Dir(file), "timed"))
	whole := time.Since(begin)
	want := sums(t, images)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d, a whole build takes %s", seed, whole)
	moments := rand.New(rand.NewPCG(seed, 0))
	interrupted := 0
	for i := range kills {
		if err := os.RemoveAll(out); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(nodekiln.Path, "build", file, "--out", out)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		at := time.Duration(moments.Int64N(int64(whole)))
		time.Sleep(at)
		_ = cmd.Process.Kill()
		if cmd.Wait() != nil {
			interrupted++
		}
		checkNames(t, images, want)
		nodekiln.Run(t, "build", file, "--out", out)
		if got := differing(want, sums(t, images)); len(got) > 0 {
			t.Fatalf("kill %d after %s: these differ or are left over: %v", i, at, got)
		}
	}
	t.Logf("%d of %d builds were interrupted", interrupted, kills)
	if interrupted == 0 {
		t.Error("no build was interrupted")
	}
}

// checkNames fails the test if a file with a final name is not whole.
func checkNames(t *testing.T, images string, want map[string]string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(images, "[^.]*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := "./" + filepath.Base(f)
		got := frame.Command(t, nil, "sha256sum", f)[:64]
		if got != want[name] {
			t.Errorf("%s has its name and is not whole", f)
		}
	}
}
