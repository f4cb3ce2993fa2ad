package base

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"
)

// What a directory of the cache holds. A directory without infoName holds no finished image.
const (
	imageName = "golden.qcow2"
	infoName  = "golden.json"
	lockName  = "lock"
)

// lockPoll is how often a process asks whether the one that builds is done.
const lockPoll = 250 * time.Millisecond

// entry is the place of one recipe in the cache.
type entry struct {
	dir, recipe string
}

func (e entry) path(name string) string { return filepath.Join(e.dir, name) }

// lock waits until no other process builds this base. The kernel lets go of the lock when its holder dies.
func (e entry) lock(ctx context.Context, p Progress) (unlock func(), err error) {
	l := flock.New(e.path(lockName))
	locked, err := l.TryLock()
	if err == nil && !locked {
		p.Stage("waiting for another process, which builds the same base", 0)
		locked, err = l.TryLockContext(ctx, lockPoll)
	}
	if err != nil || !locked {
		return nil, fmt.Errorf("lock %s: %w", e.path(lockName), err)
	}
	return func() { _ = l.Unlock() }, nil
}

// load gives the finished image. It is wrapped os.ErrNotExist if there is none, and another error if there is one that
// is not as it was made. The digest is compared whenever the file's time is not the one at which that was last done.
func (e entry) load() (Golden, error) {
	g := Golden{Path: e.path(imageName), Recipe: e.recipe}
	text, err := os.ReadFile(e.path(infoName))
	if err != nil {
		return Golden{}, fmt.Errorf("read the cached base: %w", err)
	}
	if err := json.Unmarshal(text, &g.Info); err != nil {
		return Golden{}, fmt.Errorf("read %s: %w", e.path(infoName), err)
	}
	if sum, err := hex.DecodeString(g.Digest); err != nil || len(sum) != sha256.Size {
		return Golden{}, fmt.Errorf("%s has the digest %q, which is none", e.path(infoName), g.Digest)
	}
	stat, err := os.Stat(g.Path)
	if errors.Is(err, os.ErrNotExist) {
		return Golden{}, fmt.Errorf("%s is gone", g.Path)
	}
	if err != nil {
		return Golden{}, fmt.Errorf("find the cached base: %w", err)
	}
	if stat.Size() != g.Size {
		return Golden{}, fmt.Errorf("%s has %d bytes instead of %d", g.Path, stat.Size(), g.Size)
	}
	if stat.ModTime().UnixNano() == g.Verified {
		return g, nil
	}
	digest, err := fileDigest(g.Path)
	if err != nil {
		return Golden{}, fmt.Errorf("check the cached base: %w", err)
	}
	if digest != g.Digest {
		return Golden{}, fmt.Errorf("%s has the digest %s instead of %s", g.Path, digest, g.Digest)
	}
	// A cache that can not be written is still good to read: the digest is then compared each time.
	if kept, err := e.keep(g.Info); err == nil {
		return kept, nil
	}
	return g, nil
}

// keep records a finished image, after which load finds it.
func (e entry) keep(info Info) (Golden, error) {
	stat, err := os.Stat(e.path(imageName))
	if err != nil {
		return Golden{}, fmt.Errorf("keep the base: %w", err)
	}
	info.Size, info.Verified = stat.Size(), stat.ModTime().UnixNano()
	text, err := json.MarshalIndent(info, "", "  ")
	if err != nil {
		return Golden{}, fmt.Errorf("describe the base: %w", err)
	}
	if err := renameio.WriteFile(e.path(infoName), append(text, '\n'), 0o644, renameio.IgnoreUmask()); err != nil {
		return Golden{}, fmt.Errorf("keep the base: %w", err)
	}
	return Golden{Path: e.path(imageName), Recipe: e.recipe, Info: info}, nil
}

// clear removes whatever an interrupted build or a damaged image has left. The description goes first, so that at no
// moment it describes something that is not there.
func (e entry) clear() error {
	if err := os.RemoveAll(e.path(infoName)); err != nil {
		return fmt.Errorf("clear the cached base: %w", err)
	}
	names, err := os.ReadDir(e.dir)
	if err != nil {
		return fmt.Errorf("clear the cached base: %w", err)
	}
	for _, n := range names {
		if n.Name() == lockName {
			continue
		}
		if err := os.RemoveAll(e.path(n.Name())); err != nil {
			return fmt.Errorf("clear the cached base: %w", err)
		}
	}
	return nil
}

func fileDigest(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
