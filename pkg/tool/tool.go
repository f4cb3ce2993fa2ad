// Package tool runs outside programs. Its errors can be pasted into a shell, carry what the program said, and tell
// which package a missing program is in.
package tool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Cmd is one run of a program.
type Cmd struct {
	Name string
	Args []string
	// Env is added to the environment of this process.
	Env []string
	Dir string
	// Stdin is empty when nil.
	Stdin io.Reader
	// Stdout and Stderr get what the program prints as it does so; what goes to Stderr, and to Stdout when it is nil, is
	// also kept for the error.
	Stdout, Stderr io.Writer
}

// MissingError says that a program is not installed, and which package has it.
type MissingError struct {
	Program        string
	Debian, CentOS string
}

func (e *MissingError) Error() string {
	if e.Debian == "" {
		return fmt.Sprintf("the program %s is not installed", e.Program)
	}
	return fmt.Sprintf("the program %s is not installed: on Debian and Ubuntu run 'apt-get install %s', on CentOS and Fedora 'dnf install %s'",
		e.Program, e.Debian, e.CentOS)
}

// Error is a program that ran and failed.
type Error struct {
	// Command as a shell would take it.
	Command string
	// Output is the tail of what the program said.
	Output string
	Err    error
}

func (e *Error) Error() string {
	if e.Output == "" {
		return fmt.Sprintf("%s: %v", e.Command, e.Err)
	}
	return fmt.Sprintf("%s: %v\n%s", e.Command, e.Err, indent(e.Output))
}

func (e *Error) Unwrap() error { return e.Err }

// Look finds a program in PATH and in the directories for administrators' programs, which a plain user's PATH lacks.
func Look(name string) (string, error) {
	if p, err := exec.LookPath(name); err == nil {
		return p, nil
	}
	if !strings.Contains(name, "/") {
		for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin"} {
			if p, err := exec.LookPath(dir + "/" + name); err == nil {
				return p, nil
			}
		}
	}
	debian, centos := packageOf(name)
	return "", &MissingError{Program: name, Debian: debian, CentOS: centos}
}

// Need looks for all the programs and reports every missing one at once.
func Need(names ...string) error {
	var errs []error
	for _, n := range names {
		if _, err := Look(n); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Run runs the program until it ends or the context does. On cancellation the whole process group gets SIGTERM, and
// SIGKILL five seconds later.
func (c Cmd) Run(ctx context.Context) error {
	p, err := Look(c.Name)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, p, c.Args...)
	cmd.Dir = c.Dir
	cmd.Stdin = c.Stdin
	if len(c.Env) > 0 {
		cmd.Env = append(cmd.Environ(), c.Env...)
	}
	said := &tail{}
	cmd.Stdout, cmd.Stderr = c.Stdout, io.Writer(said)
	if c.Stdout == nil {
		cmd.Stdout = said
	}
	if c.Stderr != nil {
		cmd.Stderr = io.MultiWriter(c.Stderr, said)
	}
	// A killed nodekiln takes the program with it. The kernel sends the signal when the starting thread ends, so that
	// thread is held until the program has ended.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	err = cmd.Run()
	if cmd.Process != nil && ctx.Err() != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return &Error{Command: c.String(), Output: said.String(), Err: err}
	}
	return nil
}

// Output runs the program and gives what it printed.
func (c Cmd) Output(ctx context.Context) ([]byte, error) {
	var b bytes.Buffer
	c.Stdout = &b
	err := c.Run(ctx)
	return b.Bytes(), err
}

// String gives the command as a shell would take it.
func (c Cmd) String() string {
	words := make([]string, 0, len(c.Args)+len(c.Env)+1)
	for _, e := range c.Env {
		// The name stays as it is: a shell takes no quoted word for an assignment.
		name, value, _ := strings.Cut(e, "=")
		words = append(words, name+"="+Quote(value))
	}
	words = append(words, Quote(c.Name))
	for _, w := range c.Args {
		words = append(words, Quote(w))
	}
	return strings.Join(words, " ")
}

// Quote writes a word so that a POSIX shell reads it back as it is.
func Quote(w string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("@%+=:,./_-", r)
	}
	if w != "" && strings.TrimFunc(w, plain) == "" {
		return w
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}

func indent(s string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n  ")
}

// tailSize bounds what an error carries of a program's output.
const tailSize = 4 << 10

// tail keeps the last bytes written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
	cut bool
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if n := len(t.buf) - tailSize; n > 0 {
		t.buf, t.cut = append(t.buf[:0], t.buf[n:]...), true
	}
	return len(p), nil
}

func (t *tail) String() string {
	if t.cut {
		return "..." + string(t.buf)
	}
	return string(t.buf)
}
