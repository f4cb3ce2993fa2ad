package base

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/tool"
)

func TestCommand(t *testing.T) {
	r := testRecipe(t, plan.Base{Debian: "bookworm", Packages: []string{"etcd-server"}})
	for _, root := range []bool{true, false} {
		cmd := r.command("/tmp/it's here", root, archive("bookworm"))
		text := cmd.String()
		for _, want := range []string{"--variant=minbase", "etcd-server", "linux-image-amd64", "SOURCE_DATE_EPOCH=1700000000", "bookworm-security"} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is missing in %s", want, text)
			}
		}
		if own := slices.Contains(cmd.Args, "--mode=unshare"); own == root {
			t.Errorf("as root %v: %s", root, text)
		}
		if cmd.Dir != "/" {
			t.Errorf("it runs in %q, which others may not be able to enter", cmd.Dir)
		}
	}
}

func TestDpkgConfig(t *testing.T) {
	text := dpkgConfig()
	if strings.Index(text, "path-include") < strings.LastIndex(text, "path-exclude") {
		t.Error("dpkg heeds the last pattern that matches, so inclusions have to follow exclusions")
	}
}

func TestNamespaceErrors(t *testing.T) {
	root := t.TempDir() + "/"
	for _, dir := range []string{"etc", "proc/sys/kernel", "proc/sys/user"} {
		must(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
	}
	write := func(name, text string) { must(t, os.WriteFile(root+name, []byte(text), 0o644)) }
	write("etc/subuid", "other:100000:65536\n")
	write("proc/sys/kernel/unprivileged_userns_clone", "0\n")
	err := namespaceErrors(root, "me")
	for _, want := range []string{"/etc/subuid", "/etc/subgid", "usermod --add-subuids", "kernel.unprivileged_userns_clone"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in: %v", want, err)
		}
	}
	write("etc/subuid", "other:1:1\nme:100000:65536\n")
	write("etc/subgid", "me:100000:65536\n")
	write("proc/sys/kernel/unprivileged_userns_clone", "1\n")
	write("proc/sys/user/max_user_namespaces", "1000\n")
	must(t, namespaceErrors(root, "me"))
}

func TestExplain(t *testing.T) {
	failed := &tool.Error{Command: "mmdebstrap", Output: "E: Unable to locate package nonesuch"}
	if err := explain(failed); !errors.As(err, &failed) || !strings.HasPrefix(err.Error(), "the mirrors do not have") {
		t.Errorf("got %v", err)
	}
	if err := explain(os.ErrClosed); err != os.ErrClosed {
		t.Errorf("got %v", err)
	}
}

func TestProgressOfABootstrap(t *testing.T) {
	h := &heard{}
	l := &bootstrapLog{progress: h}
	text := "I: running apt-get update...\nI: downloading packages with apt...\n0 upgraded, 60 newly installed, 0 to remove\n" +
		"I: installing essential packages...\nSetting up dash (1) ...\nI: installing remaining packages inside the chroot...\n" +
		"1 upgraded, 4 newly installed, 0 to remove and 0 not upgraded.\n"
	for i := range 9 {
		text += fmt.Sprintf("Setting up p%d (1) ...\n", i)
	}
	text += "I: creating tarball...\n"
	// However the output is cut into writes.
	for _, b := range []byte(text) {
		_, err := l.Write([]byte{b})
		must(t, err)
	}
	if !slices.IsSorted(h.done) || h.done[len(h.done)-1] != doneInstalled {
		t.Errorf("done: %v", h.done)
	}
	if !slices.Contains(h.stages, "installing p3") || slices.Contains(h.stages, "installing dash") {
		t.Errorf("stages: %v", h.stages)
	}
}

// The leash ends with the context as well as with the run.
func TestRunOnLeash(t *testing.T) {
	out := &strings.Builder{}
	must(t, runOnLeash(t.Context(), tool.Cmd{Name: "sh", Args: []string{"-c", "exec 3<&0; (cat <&3; :) >/dev/null 2>&1 & echo ran"}, Stdout: out}))
	if out.String() != "ran\n" {
		t.Errorf("got %q", out)
	}
}
