package lab

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Add switches one more machine on, beside those that run, on the network that they share. What it has written to the
// state directory before is continued, or forgotten with Options.Fresh. On an error the lab is as it was.
func (l *Lab) Add(ctx context.Context, m Machine) error {
	l.change.Lock()
	defer l.change.Unlock()
	guests, err := l.pick()
	if err != nil {
		return err
	}
	if err := errors.Join(checkMachines(append(machinesOf(guests), m))...); err != nil {
		return err
	}
	if err := checkMemory([]Machine{m}, meminfoPath); err != nil {
		return err
	}
	g := &guest{Machine: m, status: &status{since: l.opts.Now()}}
	if err := l.prepare(ctx, g, l.opts.Fresh); err != nil {
		return errors.Join(fmt.Errorf("prepare machine %s: %w", m.Name, err), g.close())
	}
	l.console.admit(m)
	if !l.update(func() { l.machines = append(slices.Clip(l.machines), g) }) {
		return errors.Join(errClosed, g.close())
	}
	if err := l.switchOn(ctx, g); err != nil {
		l.update(func() { l.machines = guests })
		return errors.Join(err, g.close())
	}
	return nil
}

// Replace cuts the power of the machine with m's name, and switches m on in its place: with the image that m names now,
// and nothing of what the old one has written. Forwarded ports for which m does not choose one of the host stay where
// they were. On an error after the power was cut the machine stays off, and its result says why.
func (l *Lab) Replace(ctx context.Context, m Machine) error {
	l.change.Lock()
	defer l.change.Unlock()
	guests, err := l.pick()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(guests, func(g *guest) bool { return g.Name == m.Name })
	if i < 0 {
		return unknown(m.Name)
	}
	machines := machinesOf(guests)
	machines[i] = m
	if err := errors.Join(checkMachines(machines)...); err != nil {
		return err
	}
	g := guests[i].retire(m)
	replacing := &status{since: l.opts.Now(), dead: "it is being replaced"}
	g.status = replacing
	guests[i] = g
	if !l.update(func() { l.machines = guests }) {
		return errors.Join(errClosed, g.close())
	}
	if err = l.prepare(ctx, g, true); err != nil {
		err = fmt.Errorf("prepare machine %s: %w", m.Name, err)
	} else {
		err = l.switchOn(ctx, g)
	}
	if err != nil {
		l.update(func() { replacing.dead = err.Error() })
	}
	return err
}

// retire ends a guest for good, and gives the one that takes its place, with its console's log and its ports.
func (g *guest) retire(m Machine) *guest {
	g.control.Lock()
	defer g.control.Unlock()
	g.kill()
	next := &guest{Machine: m, log: g.log, devices: devices{ports: maps.Clone(g.devices.ports)}}
	g.log, g.retired = nil, true
	return next
}

func machinesOf(guests []*guest) []Machine {
	var machines []Machine
	for _, g := range guests {
		machines = append(machines, g.Machine)
	}
	return machines
}
