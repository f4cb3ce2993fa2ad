package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// guest is a machine of a lab, on or off.
type guest struct {
	Machine
	devices devices
	// log keeps the console of all its lives in this lab, as it came.
	log *os.File

	// control is held while the machine is switched on or off, and while its monitor is spoken to.
	control sync.Mutex
	// process is the last QEMU, nil before the first.
	process *process
	// retired says that another guest has taken this one's place.
	retired bool

	// status is that of the last life, and addresses are those of the forwarded ports on the host, by name. The lab's mu
	// guards both.
	status    *status
	addresses map[string]string
}

// prepare makes the files that a machine needs. With fresh it forgets what the machine has written before.
func (l *Lab) prepare(ctx context.Context, g *guest, fresh bool) error {
	g.control.Lock()
	defer g.control.Unlock()
	d := diskIn(l.dir, g.Name)
	if err := d.open(ctx, g.Machine, fresh); err != nil {
		return err
	}
	before := g.devices.ports
	g.devices = devices{overlay: d.overlay, vars: varsIn(l.dir, g.Name), network: l.network.String(), ports: map[int]int{}}
	for _, f := range g.Forwards {
		g.devices.ports[f.GuestPort] = cmp.Or(f.HostPort, before[f.GuestPort])
	}
	var err error
	if g.devices.forwardMAC, err = forwardMAC(g.MAC); err != nil {
		return err
	}
	if l.hardware.uefi.code != "" {
		if err := copyFile(l.hardware.uefi.vars, g.devices.vars); err != nil {
			return fmt.Errorf("copy the UEFI variables: %w", err)
		}
	}
	if g.log != nil {
		return nil
	}
	name := filepath.Join(l.dir, g.Name+".console.log")
	if g.log, err = os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600); err != nil {
		return fmt.Errorf("keep the console's log: %w", err)
	}
	return nil
}

// errClosed is why a machine is not switched on after Close.
var errClosed = errors.New("the lab is closed")

func (l *Lab) switchOn(ctx context.Context, g *guest) error {
	if err := l.powerOn(ctx, g); err != nil {
		return fmt.Errorf("switch on machine %s: %w", g.Name, err)
	}
	return nil
}

// powerOn starts the machine's QEMU, after killing the one that runs, and returns when its ports are open.
func (l *Lab) powerOn(ctx context.Context, g *guest) error {
	g.control.Lock()
	defer g.control.Unlock()
	g.kill()
	switch {
	case l.isClosed():
		return errClosed
	case g.retired:
		return errors.New("it has been replaced")
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	s := &status{since: l.opts.Now()}
	c := &consoleReader{log: g.log, lines: lineCleaner{emit: func(line string) { l.heard(g, s, line) }}}
	l.update(func() { g.status = s })
	args := l.hardware.arguments(g.Machine, g.devices, s.since)
	p, err := startProcess(l.hardware.qemu, args, c, func(p *process) {
		c.lines.flush()
		l.ended(s, errors.Join(p.failure(), c.err))
	})
	if err != nil {
		l.ended(s, err)
		return err
	}
	g.process = p
	addresses, err := g.connect(ctx)
	if err != nil {
		g.kill()
		return err
	}
	l.update(func() { g.addresses = addresses })
	return nil
}

// connect waits for QEMU to be set up, and gives the addresses of the ports that it has opened.
func (g *guest) connect(ctx context.Context) (addresses map[string]string, err error) {
	p := g.process
	var ports map[int]int
	if err = p.monitor.greet(ctx); err == nil && len(g.Forwards) > 0 {
		ports, err = p.monitor.forwards(ctx)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		// Only a QEMU that ends closes its monitor, and it has more to say than that.
		<-p.done
		if failure := p.failure(); failure != nil {
			return nil, failure
		}
	}
	if err != nil {
		return nil, err
	}
	addresses = map[string]string{}
	for _, f := range g.Forwards {
		port, ok := ports[f.GuestPort]
		if !ok {
			return nil, fmt.Errorf("QEMU does not forward port %d of the machine", f.GuestPort)
		}
		// The next life gets the same.
		g.devices.ports[f.GuestPort] = port
		addresses[f.Name] = fmt.Sprintf("127.0.0.1:%d", port)
	}
	return addresses, nil
}

// kill ends the QEMU that runs, if one does. The caller holds control.
func (g *guest) kill() {
	if g.process != nil {
		g.process.kill()
		// The connection has ended with QEMU.
		_ = g.process.monitor.close()
	}
}

func (g *guest) pressPowerButton(ctx context.Context) error {
	g.control.Lock()
	defer g.control.Unlock()
	if g.process == nil || g.process.ended() {
		return nil
	}
	if err := g.process.monitor.powerButton(ctx); err != nil && !g.process.ended() {
		return fmt.Errorf("press the power button of machine %s: %w", g.Name, err)
	}
	return nil
}

// waitOff waits until the machine is off, and tells whether it is.
func (g *guest) waitOff(ctx context.Context) bool {
	g.control.Lock()
	p := g.process
	g.control.Unlock()
	if p == nil {
		return true
	}
	select {
	case <-p.done:
		return true
	case <-ctx.Done():
		return p.ended()
	}
}

func (g *guest) close() error {
	g.control.Lock()
	defer g.control.Unlock()
	g.kill()
	if g.log == nil {
		return nil
	}
	return g.log.Close()
}
