package lab

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// fakeMonitor gives a monitor, and QEMU's end of it for a test to play.
func fakeMonitor(t *testing.T) (*monitor, *bufio.Reader, *os.File) {
	t.Helper()
	m, remote, err := newMonitor()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(m.close(), remote.Close()); err != nil {
			t.Error(err)
		}
	})
	return m, bufio.NewReader(remote), remote
}

// TestMonitorOutlivesACommandThatWasNotWaitedFor gives one up within its answer, which is not taken for that to the next.
func TestMonitorOutlivesACommandThatWasNotWaitedFor(t *testing.T) {
	m, asked, qemu := fakeMonitor(t)
	late := errors.New("too late")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		_, _ = asked.ReadString('\n')
		_, _ = io.WriteString(qemu, `{"return": "TCP[HOST_FORWARD] 9 127.0.0.1 1000 `)
		time.AfterFunc(20*time.Millisecond, func() { cancel(late) })
	}()
	if _, err := m.forwards(ctx); !errors.Is(err, late) {
		t.Fatalf("got %v", err)
	}
	// Nor does one whose time is over before it is asked spoil the next.
	if err := m.powerButton(ctx); !errors.Is(err, late) {
		t.Fatalf("got %v", err)
	}
	go func() {
		for {
			line, err := asked.ReadString('\n')
			if err != nil {
				return
			}
			if strings.Contains(line, "human-monitor-command") {
				break
			}
		}
		_, _ = io.WriteString(qemu, `10.0.2.15 22 0 0", "id": 1}`+"\n"+`{"event": "POWERDOWN"}`+"\n"+
			`{"return": "TCP[HOST_FORWARD] 9 127.0.0.1 2000 10.0.2.15 22 0 0", "id": 3}`+"\n")
	}()
	within, cancelWithin := context.WithTimeout(t.Context(), patience)
	defer cancelWithin()
	if ports, err := m.forwards(within); err != nil || ports[22] != 2000 {
		t.Errorf("the ports are %v, %v", ports, err)
	}
}

func TestMonitorIsRefused(t *testing.T) {
	m, asked, qemu := fakeMonitor(t)
	go func() {
		_, _ = asked.ReadString('\n')
		_, _ = io.WriteString(qemu, `{"error": {"class": "GenericError", "desc": "no button"}, "id": 1}`+"\n")
	}()
	if err := m.powerButton(t.Context()); err == nil || !strings.Contains(err.Error(), "QEMU refuses system_powerdown: no button") {
		t.Errorf("got %v", err)
	}
}
