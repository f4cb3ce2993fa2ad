package tree

import (
	"testing"
	"time"
)

func TestResolve(t *testing.T) {
	modTime := time.Unix(1700000000, 0).UTC()
	in, err := New(Symlink("bin", "usr/bin", modTime, ""), Dir("usr", 0o755, modTime, ""), Dir("usr/bin", 0o755, modTime, ""),
		File("usr/bin/busybox", 0o755, modTime, []byte("bb"), ""), Symlink("usr/bin/sh", "/bin/busybox", modTime, ""),
		Symlink("usr/up", "../../../bin", modTime, ""), Symlink("loop", "loop", modTime, ""),
		Node{Path: "usr/bin/hard", HardLink: "usr/bin/busybox"}, Symlink("dangling", "nowhere", modTime, ""))
	must(t, err)
	for _, p := range []string{"bin/busybox", "usr/bin/sh", "bin/sh", "usr/up/sh", "bin/hard"} {
		if n, err := in.Resolve(p); err != nil || n.Path != "usr/bin/busybox" {
			t.Errorf("%s: %+v, %v", p, n.Path, err)
		}
	}
	for _, p := range []string{"loop", "dangling", "usr/bin/none", "."} {
		if n, err := in.Resolve(p); err == nil {
			t.Errorf("%s: %+v", p, n)
		}
	}
}
