package oci

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// skip ends a test that lacks something outside, unless everything has to be judged.
func skip(t *testing.T, reason error) {
	t.Helper()
	if os.Getenv("NODEKILN_CONFORMANCE") == "1" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			skip(t, err)
		}
	}
}

// startPause runs the program as process 1 of a namespace of processes.
func startPause(t *testing.T, program []byte) *exec.Cmd {
	t.Helper()
	name := filepath.Join(t.TempDir(), "pause")
	if err := os.WriteFile(name, program, 0o755); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(name)
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		c.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		c.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
	}
	if err := c.Start(); errors.Is(err, syscall.EPERM) {
		skip(t, fmt.Errorf("a namespace of processes: %w", err))
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	return c
}

// status gives a field of /proc/PID/status.
func status(t *testing.T, pid int, field string) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); name == field {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("there is no %s", field)
	return ""
}

// eventually waits until something holds; a test that waits in vain fails.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

func (p *processes) list() []string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", p.parent))
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.Fields(string(text))
}

// processes are the children of another one, ended ones that nobody has waited for among them.
type processes struct {
	t      *testing.T
	parent int
}

func TestPause(t *testing.T) {
	need(t, "nsenter", "sh", "sleep")
	for _, end := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		c := startPause(t, pauseProgram())
		pid := c.Process.Pid
		eventually(t, "it waits", func() bool { return strings.HasPrefix(status(t, pid, "State"), "S") })
		children := &processes{t, pid}

		// The shell ends at once, and what it has started becomes a child of process 1.
		args := []string{"--target", fmt.Sprint(pid), "--pid"}
		if os.Getuid() != 0 {
			args = append(args, "--user", "--preserve-credentials")
		}
		shell := exec.Command("nsenter", append(args, "--", "sh", "-c", "exec >/dev/null 2>&1; sleep 60 & sleep 60 & exit 0")...)
		if said, err := shell.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
		orphans := children.list()
		if len(orphans) != 2 {
			t.Fatalf("the orphans are %v", orphans)
		}
		for _, o := range orphans {
			var orphan int
			if _, err := fmt.Sscan(o, &orphan); err != nil {
				t.Fatal(err)
			}
			if err := syscall.Kill(orphan, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "the orphans have been waited for", func() bool { return len(children.list()) == 0 })

		// What is none of its business does not end it.
		for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGPIPE} {
			if err := c.Process.Signal(s); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "it waits again", func() bool {
			return status(t, pid, "SigPnd") == strings.Repeat("0", 16) && strings.HasPrefix(status(t, pid, "State"), "S")
		})
		if err := c.Process.Signal(end); err != nil {
			t.Fatal(err)
		}
		if err := c.Wait(); err != nil {
			t.Errorf("%v: it ended with %v", end, err)
		}
	}
}

// A program that does not wait for orphans is seen to leave them.
func TestPauseCanFail(t *testing.T) {
	need(t, "nsenter", "sh", "true")
	program := pauseProgram()
	reap := []byte{0x83, 0xf8, 0x11, 0x74}
	at := bytes.Index(program, reap)
	if at < 0 {
		t.Fatal("it compares with no SIGCHLD")
	}
	program[at+2] = 0x3f // a signal that nobody sends
	c := startPause(t, program)
	args := []string{"--target", fmt.Sprint(c.Process.Pid), "--pid"}
	if os.Getuid() != 0 {
		args = append(args, "--user", "--preserve-credentials")
	}
	if said, err := exec.Command("nsenter", append(args, "--", "sh", "-c", "true & exit 0")...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	children := &processes{t, c.Process.Pid}
	eventually(t, "the orphan has ended", func() bool {
		left := children.list()
		if len(left) != 1 {
			t.Fatalf("the orphans are %v", left)
		}
		var pid int
		if _, err := fmt.Sscan(left[0], &pid); err != nil {
			t.Fatal(err)
		}
		return strings.HasPrefix(status(t, pid, "State"), "Z")
	})
}

func TestPauseIsSmall(t *testing.T) {
	if n := len(pauseProgram()); n > 512 {
		t.Errorf("it has %d bytes", n)
	}
}
