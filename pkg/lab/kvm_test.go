package lab

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nodekiln/nodekiln/pkg/tool"
)

// fakeQEMU makes a program that stands for QEMU.
func fakeQEMU(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "qemu-system-x86_64")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestProbeSeesItsGuestEnd(t *testing.T) {
	t.Parallel()
	need(t, "qemu-system-x86_64")
	image := filepath.Join(t.TempDir(), "guest.img")
	if err := os.WriteFile(image, probeDisk(), 0o600); err != nil {
		t.Fatal(err)
	}
	// What KVM must manage, the emulator manages too, so the guest is sound.
	if err := runProbe(t.Context(), "qemu-system-x86_64", image, "-accel", "tcg"); err != nil {
		t.Error(err)
	}
	if err := os.Truncate(image, 0); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 1<<20); err != nil {
		t.Fatal(err)
	}
	if err := runProbe(t.Context(), "qemu-system-x86_64", image, "-accel", "tcg"); err == nil {
		t.Error("a guest that cannot boot is said to have come to its end")
	}
}

func TestProbeJudgesQEMU(t *testing.T) {
	for _, c := range []struct{ name, script, want string }{
		{"works", "exit 33", ""},
		{"fails", "echo 'failed to initialize kvm' >&2; exit 1", "failed to initialize kvm"},
		{"crashes", "kill -ABRT $$", "aborted"},
		{"switches off", "exit 0", "instead of reporting"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := probeKVM(t.Context(), fakeQEMU(t, c.script), os.DevNull)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("the probe says %v", err)
			}
		})
	}
	if err := probeKVM(t.Context(), fakeQEMU(t, "exit 33"), "/nonexistent/kvm"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without the device: %v", err)
	}
}

func TestProbeGivesHangingKVMUp(t *testing.T) {
	t.Parallel()
	pid := filepath.Join(t.TempDir(), "pid")
	err := probeKVM(t.Context(), fakeQEMU(t, "echo $$ >"+pid+"; exec sleep 1000"), os.DevNull)
	if err == nil || !strings.Contains(err.Error(), "has not come to its end") {
		t.Errorf("the probe says %v", err)
	}
	b, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the hanging program was ended", func() bool {
		_, err := os.Stat("/proc/" + strings.TrimSpace(string(b)))
		return errors.Is(err, os.ErrNotExist)
	})
}

func TestProbeIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupted")
	time.AfterFunc(20*time.Millisecond, func() { cancel(interrupted) })
	if err := probeKVM(ctx, fakeQEMU(t, "exec sleep 1000"), os.DevNull); !errors.Is(err, interrupted) {
		t.Errorf("the probe says %v", err)
	}
}

// TestProbeKVM is of use by coming to its end wherever it is run.
func TestProbeKVM(t *testing.T) {
	t.Parallel()
	need(t, "qemu-system-x86_64")
	qemu, err := findQEMU()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("KVM: %v", probeKVM(t.Context(), qemu, kvmDevice))
}

func TestBrokenKVMIsReplacedByTCG(t *testing.T) {
	image, err := exec.LookPath("qemu-img")
	if err != nil {
		need(t, "qemu-img")
	}
	t.Setenv("PATH", filepath.Dir(fakeQEMU(t, "echo broken >&2; exit 1"))+":"+filepath.Dir(image))
	var notices []string
	o, err := Options{Now: time.Now, StateDir: "x", Notice: func(text string) { notices = append(notices, text) }}.complete()
	if err != nil {
		t.Fatal(err)
	}
	hw, err := chooseHardware(t.Context(), o)
	if err != nil || hw.accel != "tcg" {
		t.Errorf("%+v, %v", hw, err)
	}
	if len(notices) != 1 || !strings.Contains(notices[0], "KVM does not work here") || strings.Contains(notices[0], "\n") {
		t.Errorf("notices: %q", notices)
	}
	o.Accel = "kvm"
	if _, err := chooseHardware(t.Context(), o); err == nil || !strings.Contains(err.Error(), "KVM was asked for") {
		t.Errorf("KVM that does not work is accepted: %v", err)
	}
}

func TestMissingQEMU(t *testing.T) {
	if isFile("/usr/libexec/qemu-kvm") {
		t.Skip("it is installed outside of PATH")
	}
	t.Setenv("PATH", t.TempDir())
	o, err := Options{Now: time.Now}.complete()
	if err != nil {
		t.Fatal(err)
	}
	_, err = chooseHardware(t.Context(), o)
	var missing *tool.MissingError
	if !errors.As(err, &missing) {
		t.Fatalf("the error is %v", err)
	}
	for _, want := range []string{"apt-get install qemu-system-x86'", "apt-get install qemu-utils'", "dnf install qemu-kvm'"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q: %v", want, err)
		}
	}
}
