package tool

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestOutput(t *testing.T) {
	out, err := Cmd{Name: "sh", Args: []string{"-c", `printf '%s' "$GREETING"; cat`}, Env: []string{"GREETING=hello "}, Stdin: strings.NewReader("you")}.Output(t.Context())
	if err != nil || string(out) != "hello you" {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestErrorsCanBePastedAndCarryTheOutput(t *testing.T) {
	dir := t.TempDir()
	err := Cmd{Name: "sh", Args: []string{"-c", "echo out; echo 'to err' >&2; exit 7"}, Env: []string{"A=b c"}, Dir: dir}.Run(t.Context())
	var failed *Error
	if !errors.As(err, &failed) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"out\n", "to err\n"} {
		if !strings.Contains(failed.Output, want) {
			t.Errorf("the output %q lacks %q", failed.Output, want)
		}
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("the exit code is lost: %v", err)
	}
	// A shell takes the command as it is.
	said, err := exec.Command("env", "sh", "-c", failed.Command).CombinedOutput()
	if !errors.As(err, &exit) || exit.ExitCode() != 7 || string(said) != "out\nto err\n" {
		t.Errorf("%s: %v\n%s", failed.Command, err, said)
	}
}

func TestQuoteSurvivesAShell(t *testing.T) {
	for _, w := range []string{"", "plain", "a b", "it's", `back\slash`, "$HOME", "`id`", "new\nline", "*", "-", "ü", "a=b"} {
		out, err := exec.Command("sh", "-c", "printf %s "+Quote(w)).Output()
		if err != nil || string(out) != w {
			t.Errorf("%q became %q, %v", w, out, err)
		}
	}
}

func TestOutputOfErrorsIsBounded(t *testing.T) {
	err := Cmd{Name: "sh", Args: []string{"-c", "yes | head -c 100000; echo last; exit 1"}}.Run(t.Context())
	var failed *Error
	if !errors.As(err, &failed) {
		t.Fatalf("got %v", err)
	}
	if len(failed.Output) > tailSize+len("...") || !strings.HasPrefix(failed.Output, "...") || !strings.HasSuffix(failed.Output, "last\n") {
		t.Errorf("%d bytes: %.20q ... %q", len(failed.Output), failed.Output, failed.Output[len(failed.Output)-5:])
	}
}

func TestMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := Need("qemu-img", "no-such-program")
	if err == nil {
		t.Fatal("nothing is missing")
	}
	for _, want := range []string{"no-such-program is not installed", "apt-get install qemu-utils", "dnf install qemu-img"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
	var missing *MissingError
	if err := (Cmd{Name: "no-such-program"}).Run(t.Context()); !errors.As(err, &missing) {
		t.Errorf("got %v", err)
	}
}

func TestStderrIsPassedOnAndKept(t *testing.T) {
	var seen bytes.Buffer
	err := Cmd{Name: "sh", Args: []string{"-c", "echo progress >&2; exit 1"}, Stderr: &seen}.Run(t.Context())
	var failed *Error
	if !errors.As(err, &failed) || failed.Output != "progress\n" || seen.String() != "progress\n" {
		t.Errorf("got %v, seen %q", err, seen.String())
	}
}

// TestCancellationEndsGrandchildren starts a shell whose child ignores SIGTERM, and cancels.
func TestCancellationEndsGrandchildren(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	go func() {
		for {
			if b, err := os.ReadFile(pidFile); err == nil && bytes.HasSuffix(b, []byte("\n")) {
				cancel(why)
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	err := Cmd{Name: "sh", Args: []string{"-c", `trap '' TERM; sleep 600 & echo $! >"$0"; wait`, pidFile}}.Run(ctx)
	if !errors.Is(err, why) {
		t.Errorf("got %v, want %v", err, why)
	}
	b, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	for range 500 {
		if stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat"); err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
	t.Error("the grandchild still runs")
}
