package base

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// filled gives an entry with a finished image of that content.
func filled(t *testing.T, content string) entry {
	t.Helper()
	e := entry{dir: t.TempDir(), recipe: "r"}
	must(t, os.WriteFile(e.path(imageName), []byte(content), 0o644))
	digest, err := fileDigest(e.path(imageName))
	must(t, err)
	_, err = e.keep(Info{Digest: digest, Kernel: "6.1"})
	must(t, err)
	return e
}

func TestCacheEntry(t *testing.T) {
	e := filled(t, "image")
	g, err := e.load()
	must(t, err)
	if g.Path != e.path(imageName) || g.Size != 5 || g.Kernel != "6.1" || g.Recipe != "r" {
		t.Errorf("got %+v", g)
	}
	// A copied cache has other times: the digest is compared once, and then the new time is known.
	later := time.Unix(2000000000, 0)
	must(t, os.Chtimes(e.path(imageName), later, later))
	g, err = e.load()
	must(t, err)
	if g.Verified != later.UnixNano() {
		t.Errorf("verified at %d", g.Verified)
	}
}

func TestCacheRefusesDamage(t *testing.T) {
	for name, damage := range map[string]func(entry) error{
		"short":   func(e entry) error { return os.Truncate(e.path(imageName), 3) },
		"changed": func(e entry) error { return os.WriteFile(e.path(imageName), []byte("imagE"), 0o644) },
		"gone":    func(e entry) error { return os.Remove(e.path(imageName)) },
		"no json": func(e entry) error { return os.WriteFile(e.path(infoName), []byte("{"), 0o644) },
	} {
		e := filled(t, "image")
		must(t, damage(e))
		if name == "changed" {
			must(t, os.Chtimes(e.path(imageName), time.Unix(1, 0), time.Unix(1, 0)))
		}
		if _, err := e.load(); err == nil || errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	empty := entry{dir: t.TempDir()}
	if _, err := empty.load(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an empty entry: %v", err)
	}
}

func TestClearLeavesTheLock(t *testing.T) {
	e := filled(t, "image")
	must(t, os.WriteFile(e.path(lockName), nil, 0o600))
	must(t, os.MkdirAll(e.path("golden.qcow2.tmp.d"), 0o755))
	must(t, e.clear())
	left, err := os.ReadDir(e.dir)
	must(t, err)
	if len(left) != 1 || left[0].Name() != lockName {
		t.Errorf("left: %v", left)
	}
}

type heard struct {
	mu     sync.Mutex
	stages []string
	done   []float64
}

func (h *heard) Stage(what string, done float64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stages, h.done = append(h.stages, what), append(h.done, done)
}

func TestLockIsHeldByOne(t *testing.T) {
	e := entry{dir: t.TempDir()}
	unlock, err := e.lock(t.Context(), silent{})
	must(t, err)
	h := &heard{}
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error)
	go func() {
		_, err := e.lock(ctx, h)
		result <- err
	}()
	for {
		h.mu.Lock()
		waiting := len(h.stages) == 1 && strings.Contains(h.stages[0], "waiting")
		h.mu.Unlock()
		if waiting {
			break
		}
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled wait: %v", err)
	}
	unlock()
	again, err := e.lock(t.Context(), silent{})
	must(t, err)
	again()
}

func TestWorkdirsOfKilledBuildsAreSwept(t *testing.T) {
	alive, dead := entry{dir: t.TempDir()}, entry{dir: t.TempDir()}
	fill := func(e entry) (dir string, lock *os.File) {
		dir, lock, err := e.makeWorkdir(t.Context())
		if err != nil {
			skip(t, err)
		}
		t.Cleanup(func() {
			lock.Close()
			must(t, e.removeWorkdirs(context.Background()))
		})
		must(t, os.WriteFile(filepath.Join(dir, "root.tar"), nil, 0o600))
		return dir, lock
	}
	kept, _ := fill(alive)
	swept, lock := fill(dead)
	must(t, lock.Close())
	sweep(t.Context())
	if _, err := os.Stat(kept); err != nil {
		t.Errorf("a build lost its directory: %v", err)
	}
	if _, err := os.Stat(swept); !os.IsNotExist(err) {
		t.Errorf("the directory of a killed build is left: %v", err)
	}
}

func TestWorkdirIsMadeAndRemoved(t *testing.T) {
	e := entry{dir: t.TempDir()}
	dir, lock, err := e.makeWorkdir(t.Context())
	if err != nil {
		skip(t, err)
	}
	defer lock.Close()
	info, err := os.Stat(dir)
	must(t, err)
	if info.Mode().Perm() != 0o777 || info.Mode()&os.ModeSticky == 0 {
		t.Errorf("mode %v", info.Mode())
	}
	must(t, os.MkdirAll(filepath.Join(dir, "mmdebstrap.x/etc"), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "mmdebstrap.x/etc/f"), nil, 0o600))
	again, lockAgain, err := e.makeWorkdir(t.Context())
	must(t, err)
	defer lockAgain.Close()
	if left, err := os.ReadDir(again); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	must(t, e.removeWorkdirs(t.Context()))
	for _, d := range e.workdirs() {
		for _, name := range []string{d, d + ".stale"} {
			if _, err := os.Lstat(name); err == nil {
				t.Errorf("%s is left", name)
			}
		}
	}
	if other := (entry{dir: t.TempDir()}); other.workdirs()[0] == e.workdirs()[0] {
		t.Error("two caches share a working directory")
	}
}
