package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// monitor speaks the QEMU Machine Protocol (docs/interop/qmp-spec.txt of QEMU) with one QEMU. It serves one command at a
// time.
type monitor struct {
	conn net.Conn
	// in decodes what is left of received.
	in       *json.Decoder
	received io.Reader
	// asked is how many commands were sent, and the id of the last one.
	asked int
}

// newMonitor makes a connection, of which remote is QEMU's end. It has no name in any file system that another
// program could find, and that could be too long for a socket's address.
func newMonitor() (m *monitor, remote *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a connection to QEMU's monitor: %w", err)
	}
	local := os.NewFile(uintptr(fds[0]), "monitor")
	remote = os.NewFile(uintptr(fds[1]), "monitor")
	conn, err := net.FileConn(local)
	local.Close()
	if err != nil {
		remote.Close()
		return nil, nil, fmt.Errorf("make a connection to QEMU's monitor: %w", err)
	}
	return &monitor{conn: conn, in: json.NewDecoder(conn), received: conn}, remote, nil
}

// greet waits until QEMU is set up and has said so, and enters command mode.
func (m *monitor) greet(ctx context.Context) error {
	return m.within(ctx, func() error {
		var greeting struct {
			QMP *struct{} `json:"QMP"`
		}
		if err := m.in.Decode(&greeting); err != nil {
			return fmt.Errorf("await the greeting of QEMU's monitor: %w", err)
		}
		if greeting.QMP == nil {
			return fmt.Errorf("QEMU's monitor has not greeted")
		}
		_, err := m.execute("qmp_capabilities", nil)
		return err
	})
}

// powerButton has the guest notice that its power button was pressed.
func (m *monitor) powerButton(ctx context.Context) error {
	return m.within(ctx, func() error {
		_, err := m.execute("system_powerdown", nil)
		return err
	})
}

// forwards gives the host's port for each forwarded port of the guest.
func (m *monitor) forwards(ctx context.Context) (map[int]int, error) {
	var said string
	err := m.within(ctx, func() error {
		// Only the monitor for people knows them.
		answer, err := m.execute("human-monitor-command", map[string]string{"command-line": "info usernet"})
		if err != nil {
			return err
		}
		return json.Unmarshal(answer, &said)
	})
	return parseForwards(said), err
}

// execute sends a command and awaits its answer. The events before it are of no interest, nor is the answer to a command
// that was not waited for.
func (m *monitor) execute(command string, arguments any) (json.RawMessage, error) {
	m.asked++
	request := struct {
		Execute   string `json:"execute"`
		Arguments any    `json:"arguments,omitempty"`
		ID        int    `json:"id"`
	}{command, arguments, m.asked}
	if err := json.NewEncoder(m.conn).Encode(request); err != nil {
		return nil, fmt.Errorf("ask QEMU for %s: %w", command, err)
	}
	for {
		var answer struct {
			ID     int             `json:"id"`
			Return json.RawMessage `json:"return"`
			Error  *struct {
				Desc string `json:"desc"`
			} `json:"error"`
		}
		if err := m.in.Decode(&answer); err != nil {
			return nil, fmt.Errorf("await QEMU's answer to %s: %w", command, err)
		}
		switch {
		case answer.ID != m.asked && answer.ID != 0:
			continue
		case answer.Error != nil:
			return nil, fmt.Errorf("QEMU refuses %s: %s", command, answer.Error.Desc)
		case answer.Return != nil:
			return answer.Return, nil
		}
	}
}

// within ends what is done on the connection when the context ends. The connection can be used again after that.
func (m *monitor) within(ctx context.Context, do func() error) error {
	cut := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(cut)
		// Any time that is over will do.
		_ = m.conn.SetDeadline(time.Unix(1, 0))
	})
	err := do()
	if !stop() {
		<-cut
		_ = m.conn.SetDeadline(time.Time{})
		// A decoder keeps its first error, but also what it has read of a message.
		m.received = io.MultiReader(m.in.Buffered(), m.received)
		m.in = json.NewDecoder(m.received)
	}
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (m *monitor) close() error { return m.conn.Close() }
