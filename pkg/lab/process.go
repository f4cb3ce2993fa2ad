package lab

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nodekiln/nodekiln/pkg/tool"
)

// process is one QEMU.
type process struct {
	cmd *exec.Cmd
	// command starts the same QEMU, without the monitor, from a shell.
	command string
	monitor *monitor
	// stderr has what QEMU last said itself, as opposed to the guest.
	stderr lastLines
	killed atomic.Bool
	// done is closed when QEMU has ended, its whole console has been written, and onEnd has returned; err is set before.
	done  chan struct{}
	err   error
	onEnd func(*process)
}

// startProcess starts QEMU with the arguments, and a monitor beside them. Its standard output goes to console.
func startProcess(qemu string, args []string, console io.Writer, onEnd func(*process)) (*process, error) {
	m, remote, err := newMonitor()
	if err != nil {
		return nil, err
	}
	defer remote.Close()
	p := &process{
		command: tool.Cmd{Name: qemu, Args: args}.String(), monitor: m,
		done: make(chan struct{}), onEnd: onEnd,
		// Descriptor 3 is the first of ExtraFiles.
		cmd: exec.Command(qemu, append(args[:len(args):len(args)], "-chardev", "socket,id=monitor,fd=3", "-mon", "chardev=monitor,mode=control")...),
	}
	p.cmd.ExtraFiles = []*os.File{remote}
	p.cmd.Stdout, p.cmd.Stderr = console, &lineCleaner{emit: p.stderr.add}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	// What a wrapper of QEMU leaves running, with QEMU's output in its hands, is not waited for.
	p.cmd.WaitDelay = 5 * time.Second
	started := make(chan error)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, errors.Join(&tool.Error{Command: p.command, Err: err}, m.close())
	}
	return p, nil
}

// run holds the thread that starts QEMU until QEMU has ended: the kernel kills the child when that thread ends, not
// when the whole process does, PR_SET_PDEATHSIG(2const). QEMU has a process group of its own, for Ctrl-C on the
// terminal is to reach nodekiln alone.
func (p *process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err == nil {
		p.err = p.cmd.Wait()
		p.onEnd(p)
		close(p.done)
	}
}

// kill ends QEMU, and waits until that has happened.
func (p *process) kill() {
	p.killed.Store(true)
	// One that has ended already has nothing left to kill.
	_ = p.cmd.Process.Kill()
	<-p.done
}

// ended tells whether QEMU has ended.
func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// failure tells why QEMU has ended, when it has; nil means that the guest has switched itself off.
func (p *process) failure() error {
	switch {
	case p.killed.Load():
		return errors.New("its QEMU was killed")
	case p.err != nil:
		return &tool.Error{Command: p.command, Output: strings.Join(p.stderr, "\n"), Err: p.err}
	}
	return nil
}
