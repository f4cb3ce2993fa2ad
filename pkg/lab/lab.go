// Package lab switches machines on in QEMU, on a network of their own and without root, and waits until each has said
// on its console that it is healthy. It knows disks and consoles, not clusters: whatever boots from the disk reports
// itself by lines "nodekiln: healthy: TEXT" and "nodekiln: failed: TEXT".
//
//	lab.Start ──▶ overlay on each image ──▶ one QEMU per machine ──▶ console lines ──▶ marks ──▶ []Result
//
// Images are never written to: each machine writes to an overlay in the state directory. No QEMU outlives the process
// that started it, however that process ends.
package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"
)

// Machine is one machine to switch on.
type Machine struct {
	// Name is what the machine is called in the console's prefix, in results and in the names of the state's files.
	Name string
	// Disk is the path of the machine's image, which is only read, and Format is qcow2 or raw.
	Disk, Format string
	// Digest is what the image's content is known by, usually its SHA-256; "" if that is not known. A state is continued
	// on an image of the same digest, and without one on an image of the same size and time of modification.
	Digest string
	// MAC is the address of the machine's card on the network that the lab's machines share.
	MAC string
	// Memory in bytes, of which whole MiB are given.
	Memory int64
	CPUs   int
	// ClockOffset is how far the machine's hardware clock is ahead of UTC at each power-on, in whole seconds; negative for
	// one that is behind.
	ClockOffset time.Duration
	// Forwards are the TCP ports that can be reached from the host, through a second card.
	Forwards []Forward
}

// Forward makes a TCP port of a machine reachable from the host's loopback interface alone.
type Forward struct {
	// Name of the service, unique within the machine: "ssh".
	Name string
	// GuestPort on the machine; HostPort on 127.0.0.1, 0 for any that is free.
	GuestPort, HostPort int
}

// Options say how the machines are made. The empty string stands for the first of the values named.
type Options struct {
	// Firmware is bios or uefi.
	Firmware string
	// Accel is auto, tcg or kvm. auto takes KVM where a guest is found to run on it.
	Accel string
	// Bus of the disk is virtio, ahci or nvme.
	Bus string
	// NIC is virtio-net or e1000.
	NIC string
	// StateDir keeps what the machines write to their disks from one lab to the next. It has their UEFI variables and
	// console logs too, which begin anew with each lab. With "" it is a temporary directory, which Close removes.
	StateDir string
	// Fresh forgets what machines of these names have written to StateDir before.
	Fresh bool
	// Console gets the consoles of all machines, whole lines with the machine's name before each, cleaned of control
	// sequences; nil discards them. A Writer that fails or blocks does not hold the machines up for longer than its Write,
	// and Close for a few seconds.
	Console io.Writer
	// Notice gets a sentence about a decision that was taken for the user; nil ignores it.
	Notice func(text string)
	// Now is the clock by which the time since power-on is told. It is required.
	Now func() time.Time
}

// Lab is a set of machines that are switched on and off together or one by one. Its methods may be called from any goroutine.
type Lab struct {
	opts      Options
	dir       string
	temporary bool
	lock      *os.File
	network   *network
	hardware  hardware
	console   *consoleWriter

	// change is held while a machine is added or replaced.
	change sync.Mutex

	mu sync.Mutex
	// machines is never written to in place: whoever has read it may go on with what was there.
	machines []*guest
	// changed is closed, and replaced, when the status of a machine changes.
	changed chan struct{}
	closed  bool
}

// Start switches the machines on, and returns when each QEMU runs. The context bounds the starting alone: the machines
// run until Close, which must be called also when the context ends. On an error nothing is left running.
func Start(ctx context.Context, machines []Machine, o Options) (*Lab, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(checkMachines(machines)...); err != nil {
		return nil, err
	}
	if err := checkMemory(machines, meminfoPath); err != nil {
		return nil, err
	}
	hw, err := chooseHardware(ctx, o)
	if err != nil {
		return nil, err
	}
	l := &Lab{opts: o, hardware: hw, changed: make(chan struct{}), console: newConsoleWriter(o.Console, machines)}
	for _, m := range machines {
		l.machines = append(l.machines, &guest{Machine: m, status: &status{since: o.Now()}})
	}
	if err := l.start(ctx); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *Lab) start(ctx context.Context) error {
	var err error
	if l.network, err = newNetwork(); err != nil {
		return err
	}
	if l.dir, l.temporary, err = openStateDir(l.opts.StateDir); err != nil {
		return err
	}
	if l.lock, err = lockDir(l.dir); err != nil {
		return err
	}
	for _, g := range l.machines {
		if err := l.prepare(ctx, g, l.opts.Fresh); err != nil {
			return fmt.Errorf("prepare machine %s: %w", g.Name, err)
		}
	}
	return l.PowerOn(ctx)
}

// Kill ends the machines of these names, without names all, at once and as a power cut does. What they have flushed to
// their disks stays.
func (l *Lab) Kill(names ...string) error {
	guests, err := l.pick(names...)
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	for _, g := range guests {
		all.Go(func() {
			g.control.Lock()
			defer g.control.Unlock()
			g.kill()
		})
	}
	all.Wait()
	return nil
}

// PowerOn switches the machines of these names on, without names all, with the disks and the forwarded ports that they
// had, and after a power cut where they run. Their results start anew.
func (l *Lab) PowerOn(ctx context.Context, names ...string) error {
	guests, err := l.pick(names...)
	if err != nil {
		return err
	}
	for _, g := range guests {
		if err := l.switchOn(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

// Shutdown presses the power button of every machine, and waits until all are off or the context ends, which is an
// error that names those still running. Close is called after it all the same.
func (l *Lab) Shutdown(ctx context.Context) error {
	guests, err := l.pick()
	errs := []error{err}
	for _, g := range guests {
		errs = append(errs, g.pressPowerButton(ctx))
	}
	for _, g := range guests {
		if !g.waitOff(ctx) {
			errs = append(errs, fmt.Errorf("machine %s has not switched itself off: %w", g.Name, context.Cause(ctx)))
		}
	}
	return errors.Join(errs...)
}

// closeLimit is how long Close waits for whoever reads the consoles, who then gets no more of them.
const closeLimit = 5 * time.Second

// Close ends every machine as a power cut does, waits for that, and removes a temporary state. A second Close does
// nothing.
func (l *Lab) Close() error {
	l.mu.Lock()
	closed, guests := l.closed, l.machines
	l.closed = true
	l.mu.Unlock()
	if closed {
		return nil
	}
	abandon := time.AfterFunc(closeLimit, l.console.abandon)
	defer abandon.Stop()
	var errs []error
	for _, g := range guests {
		errs = append(errs, g.close())
	}
	if l.network != nil {
		errs = append(errs, l.network.Close())
	}
	if l.temporary {
		errs = append(errs, os.RemoveAll(l.dir))
	}
	if l.lock != nil {
		errs = append(errs, l.lock.Close())
	}
	return errors.Join(errs...)
}

// pick gives the machines of these names, in the order of the lab, and without names all.
func (l *Lab) pick(names ...string) ([]*guest, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var picked []*guest
	found := map[string]bool{}
	for _, g := range l.machines {
		if len(names) == 0 || slices.Contains(names, g.Name) {
			picked = append(picked, g)
			found[g.Name] = true
		}
	}
	var errs []error
	for _, name := range names {
		if !found[name] {
			errs = append(errs, unknown(name))
		}
	}
	return picked, errors.Join(errs...)
}

func unknown(name string) error { return fmt.Errorf("the lab has no machine %s", name) }
