package lab

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// syncBuffer may be read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestMachinesBecomeHealthy(t *testing.T) {
	machines := tinyMachines(t, tinyHealthy, "\x1b[2Jnodekiln: failed: a.service\n"+tinyHealthy)
	machines[1].Name = "a-long-name"
	images := map[string][]byte{}
	for _, m := range machines {
		b, err := os.ReadFile(m.Disk)
		if err != nil {
			t.Fatal(err)
		}
		images[m.Disk] = b
	}
	var console syncBuffer
	o := options(t)
	o.Console = &console
	l := start(t, machines, o)
	results := healthy(t, l)
	for i, r := range results {
		if r.Machine != machines[i].Name || !r.Healthy || r.Text != "ok" || r.Elapsed <= 0 {
			t.Errorf("result %d: %+v", i, r)
		}
	}
	if f := results[1].Failures; len(f) != 1 || f[0].Text != "a.service" {
		t.Errorf("failures: %v", f)
	}
	if n := len(qemus(t, o.StateDir)); n != 2 {
		t.Errorf("%d QEMUs run, not 2", n)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if left := qemus(t, o.StateDir); len(left) > 0 {
		t.Errorf("left running: %v", left)
	}
	for _, want := range []string{"node1       | boot 1\n", "a-long-name | nodekiln: failed: a.service\n"} {
		if !strings.Contains(console.String(), want) {
			t.Errorf("the console lacks %q:\n%s", want, console.String())
		}
	}
	log, err := os.ReadFile(filepath.Join(o.StateDir, "a-long-name.console.log"))
	if want := "boot 1\r\n\x1b[2Jnodekiln: failed: a.service\n" + tinyHealthy; err != nil || string(log) != want {
		t.Errorf("the log is %q, %v, not %q", log, err, want)
	}
	for disk, before := range images {
		if after, err := os.ReadFile(disk); err != nil || !bytes.Equal(before, after) {
			t.Errorf("%s was written to, %v", disk, err)
		}
	}
}

func TestEveryBusAndCard(t *testing.T) {
	for _, c := range []struct{ bus, nic string }{{"virtio", "virtio-net"}, {"ahci", "e1000"}, {"nvme", "virtio-net"}} {
		t.Run(c.bus, func(t *testing.T) {
			o := options(t)
			// A name that QEMU's option syntax could trip over.
			o.StateDir = filepath.Join(o.StateDir, "a, b=c")
			o.Bus, o.NIC = c.bus, c.nic
			healthy(t, start(t, tinyMachines(t, tinyHealthy), o))
		})
	}
}

func TestKilledMachineKeepsItsDisk(t *testing.T) {
	o := options(t)
	machines := tinyMachines(t, tinyHealthy, tinyHealthy)
	l := start(t, machines, o)
	before := healthy(t, l)[0]
	if err := l.Kill("node1"); err != nil {
		t.Fatal(err)
	}
	results, err := l.WaitHealthy(t.Context())
	if err == nil || results[0].Healthy || results[0].Text != "its QEMU was killed" || !results[1].Healthy {
		t.Errorf("after the kill: %+v, %v", results, err)
	}
	if err := l.PowerOn(t.Context(), "node1"); err != nil {
		t.Fatal(err)
	}
	after := healthy(t, l)[0]
	if got := after.ConsoleTail[0]; got != "boot 2" {
		t.Errorf("the restarted machine says %q", got)
	}
	if before.Forwards["ssh"] == "" || after.Forwards["ssh"] != before.Forwards["ssh"] {
		t.Errorf("the ports were %v and are %v", before.Forwards, after.Forwards)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.PowerOn(t.Context(), "node1"); err == nil {
		t.Error("a machine of a closed lab starts")
	}
}

func TestUnknownMachine(t *testing.T) {
	l := start(t, tinyMachines(t, tinySilent), options(t))
	if err := l.Kill("node9"); err == nil || !strings.Contains(err.Error(), "node9") {
		t.Errorf("Kill: %v", err)
	}
	if err := l.PowerOn(t.Context(), "node9"); err == nil {
		t.Error("PowerOn works")
	}
}

func TestDeadMachineEndsTheWait(t *testing.T) {
	for name, c := range map[string]struct{ says, want string }{
		"panic":     {"[ 1.2] Kernel panic - not syncing: VFS: Unable to mount root fs\n", "[ 1.2] Kernel panic - not syncing: VFS: Unable to mount root fs"},
		"emergency": {"You are in emergency mode. After logging in, type ...\n", "You are in emergency mode. After logging in, type ..."},
	} {
		t.Run(name, func(t *testing.T) {
			l := start(t, tinyMachines(t, tinySilent, c.says), options(t))
			results, err := l.WaitHealthy(t.Context())
			if err == nil || !strings.Contains(err.Error(), "machine node2: "+c.want) {
				t.Errorf("the error is %v", err)
			}
			if results[0].Healthy || results[1].Text != c.want {
				t.Errorf("%+v", results)
			}
		})
	}
}

func TestKilledQEMUEndsTheWait(t *testing.T) {
	o := options(t)
	l := start(t, tinyMachines(t, tinySilent), o)
	for _, pid := range qemus(t, o.StateDir) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	results, err := l.WaitHealthy(t.Context())
	if err == nil || !strings.Contains(results[0].Text, "signal: killed") {
		t.Errorf("%+v, %v", results, err)
	}
}

func TestSilentMachineTimesOut(t *testing.T) {
	l := start(t, tinyMachines(t, tinySilent), options(t))
	late := errors.New("too late")
	eventually(t, "the machine spoke", func() bool {
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, late)
		defer cancel()
		results, err := l.WaitHealthy(ctx)
		if !errors.Is(err, late) || results[0].Healthy || results[0].Text != "too late" || results[0].Elapsed <= 0 {
			t.Fatalf("%+v, %v", results, err)
		}
		tail := results[0].ConsoleTail
		return len(tail) == 2 && tail[1] == strings.TrimSpace(tinySilent)
	})
}

func TestCancelledWaitLeavesNothing(t *testing.T) {
	o := options(t)
	l := start(t, tinyMachines(t, tinySilent), o)
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupted")
	time.AfterFunc(50*time.Millisecond, func() { cancel(interrupted) })
	if results, err := l.WaitHealthy(ctx); !errors.Is(err, interrupted) || len(results) != 1 {
		t.Errorf("%v, %v", results, err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if left := qemus(t, o.StateDir); len(left) > 0 {
		t.Errorf("left running: %v", left)
	}
}

func TestCancelledStartLeavesNothing(t *testing.T) {
	need(t, "qemu-system-x86_64", "qemu-img")
	o := options(t)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	var texts []string
	for range 20 {
		texts = append(texts, tinySilent)
	}
	if _, err := Start(ctx, tinyMachines(t, texts...), o); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	if left := qemus(t, o.StateDir); len(left) > 0 {
		t.Errorf("left running: %v", left)
	}
}

func TestShutdownPressesThePowerButton(t *testing.T) {
	o := options(t)
	l := start(t, tinyMachines(t, tinyHealthy, tinyHealthy), o)
	healthy(t, l)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	// A guest that has just reported may not yet listen to its button.
	eventually(t, "the machines switched themselves off", func() bool {
		short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		defer cancel()
		return l.Shutdown(short) == nil
	})
	results, err := l.WaitHealthy(ctx)
	if err == nil || results[0].Text != "it has switched itself off" {
		t.Errorf("%+v, %v", results, err)
	}
}

func TestTemporaryStateIsRemoved(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	o := options(t)
	o.StateDir = ""
	l := start(t, tinyMachines(t, tinyHealthy), o)
	healthy(t, l)
	dir := l.dir
	if _, err := os.Stat(dir); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is still there: %v", dir, err)
	}
}

func TestForwardedPortInUse(t *testing.T) {
	need(t, "qemu-system-x86_64", "qemu-img")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	o := options(t)
	machines := tinyMachines(t, tinySilent, tinySilent)
	machines[1].Forwards[0].HostPort = port
	_, err = Start(t.Context(), machines, o)
	if err == nil || !strings.Contains(err.Error(), "machine node2") || !strings.Contains(err.Error(), strconv.Itoa(port)) {
		t.Errorf("the error is %v", err)
	}
	if left := qemus(t, o.StateDir); len(left) > 0 {
		t.Errorf("left running: %v", left)
	}
}

func TestForwardedPortsAreOpen(t *testing.T) {
	l := start(t, tinyMachines(t, tinyHealthy, tinyHealthy), options(t))
	seen := map[string]bool{}
	for _, r := range healthy(t, l) {
		for _, name := range []string{"ssh", "etcd"} {
			conn, err := net.Dial("tcp", r.Forwards[name])
			if err != nil {
				t.Errorf("%s of %s: %v", name, r.Machine, err)
				continue
			}
			conn.Close()
			seen[r.Forwards[name]] = true
		}
	}
	if len(seen) != 4 {
		t.Errorf("the addresses are not four: %v", seen)
	}
}

func TestMachineOutlivesTheThreadThatStartedIt(t *testing.T) {
	need(t, "qemu-system-x86_64", "qemu-img")
	machines, o := tinyMachines(t, tinyHealthy), options(t)
	type started struct {
		l   *Lab
		err error
	}
	done := make(chan started)
	go func() {
		// The thread ends with a goroutine that does not unlock it.
		runtime.LockOSThread()
		l, err := Start(context.Background(), machines, o)
		done <- started{l, err}
	}()
	s := <-done
	if s.err != nil {
		t.Fatal(s.err)
	}
	defer s.l.Close()
	healthy(t, s.l)
}
