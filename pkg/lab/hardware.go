package lab

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/nodekiln/nodekiln/pkg/tool"
)

// hardware is what all machines of a lab are made of.
type hardware struct {
	// qemu is the path of the program.
	qemu string
	// accel is tcg or kvm.
	accel string
	// uefi is empty under BIOS.
	uefi uefi
	// bus and nic as in Options.
	bus, nic string
	// temporary disks need not survive a crash of the host.
	temporary bool
}

// findQEMU gives the path of the program, which CentOS keeps out of PATH and calls otherwise.
func findQEMU() (string, error) {
	path, err := tool.Look("qemu-system-x86_64")
	if err == nil {
		return path, nil
	}
	if path, err := tool.Look("/usr/libexec/qemu-kvm"); err == nil {
		return path, nil
	}
	return "", err
}

// chooseHardware finds the programs and firmware that the options ask for, and whether KVM can be relied on.
func chooseHardware(ctx context.Context, o Options) (hardware, error) {
	hw := hardware{accel: o.Accel, bus: o.Bus, nic: o.NIC, temporary: o.StateDir == ""}
	var err error
	if hw.qemu, err = findQEMU(); err != nil {
		return hw, errors.Join(err, tool.Need("qemu-img"))
	}
	if err := tool.Need("qemu-img"); err != nil {
		return hw, err
	}
	if o.Firmware == "uefi" {
		if hw.uefi, err = findUEFI("/"); err != nil {
			return hw, err
		}
	}
	if o.Accel == "tcg" {
		return hw, nil
	}
	hw.accel = "kvm"
	err = probeKVM(ctx, hw.qemu, kvmDevice)
	switch {
	case err == nil:
		return hw, nil
	case ctx.Err() != nil:
		return hw, context.Cause(ctx)
	case o.Accel == "kvm":
		return hw, fmt.Errorf("KVM was asked for, but does not work here: %w", err)
	}
	hw.accel = "tcg"
	if o.Notice != nil {
		o.Notice(fmt.Sprintf("KVM does not work here (%v): the machines are emulated, which is slower", err))
	}
	return hw, nil
}

// devices are the devices of one machine that do not follow from the hardware alone.
type devices struct {
	overlay, vars string
	// network is the group and port that the lab's machines share, forwardMAC the address of the second card.
	network, forwardMAC string
	// ports of the host by port of the guest; 0 lets the host choose.
	ports map[int]int
}

// rtcFormat is how QEMU takes the time of the hardware clock: -rtc base= in qemu(1).
const rtcFormat = "2006-01-02T15:04:05"

// arguments gives QEMU's for a machine that is switched on now. The console is QEMU's own standard output, which a person
// who pastes the command into a terminal sees.
func (hw hardware) arguments(m Machine, d devices, now time.Time) []string {
	cpu, accel := "qemu64", "tcg,thread=multi"
	if hw.accel == "kvm" {
		cpu, accel = "host", "kvm"
	}
	args := []string{
		"-nodefaults", "-no-user-config", "-display", "none", "-name", m.Name,
		"-machine", "q35", "-accel", accel, "-cpu", cpu, "-smp", strconv.Itoa(m.CPUs),
		"-m", strconv.FormatInt(m.Memory>>20, 10) + "M",
		"-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console",
		"-object", "rng-random,id=rng,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng",
	}
	if m.ClockOffset != 0 {
		args = append(args, "-rtc", "base="+now.Add(m.ClockOffset).UTC().Format(rtcFormat))
	}
	if hw.uefi.code != "" {
		args = append(args, "-drive", "if=pflash,format=raw,readonly=on,file="+escape(hw.uefi.code),
			"-drive", "if=pflash,format=raw,file="+escape(d.vars))
	}
	args = append(args, hw.disk(d.overlay)...)
	return append(args, hw.cards(m, d)...)
}

func (hw hardware) disk(overlay string) []string {
	block := "driver=qcow2,node-name=disk,discard=unmap,file.driver=file,file.filename=" + escape(overlay)
	if hw.temporary {
		// What the guest flushes then outlives QEMU, which is all that is wanted, but not the host.
		block += ",cache.no-flush=on"
	}
	var device string
	switch hw.bus {
	case "ahci":
		device = "ide-hd,bus=ide.0"
	case "nvme":
		device = "nvme,serial=nodekiln"
	default:
		device = "virtio-blk-pci"
	}
	return []string{"-blockdev", block, "-device", device + ",drive=disk,bootindex=0"}
}

// cards gives the card on the lab's network, and the one for forwarded ports, in an order that the guest sees.
// None has the ROM that would try to boot from the network.
func (hw hardware) cards(m Machine, d devices) []string {
	model := "virtio-net-pci"
	if hw.nic == "e1000" {
		model = "e1000"
	}
	card := func(id, mac string) string { return model + ",netdev=" + id + ",mac=" + mac + ",romfile=" }
	args := []string{
		"-netdev", "socket,id=lab,mcast=" + d.network + ",localaddr=127.0.0.1", "-device", card("lab", m.MAC),
	}
	if len(m.Forwards) == 0 {
		return args
	}
	user := "user,id=forward,restrict=on"
	for _, f := range m.Forwards {
		user += fmt.Sprintf(",hostfwd=tcp:127.0.0.1:%d-:%d", d.ports[f.GuestPort], f.GuestPort)
	}
	return append(args, "-netdev", user, "-device", card("forward", d.forwardMAC))
}

// escape writes a path as a value of QEMU's options, in which a comma ends the value.
func escape(path string) string { return strings.ReplaceAll(path, ",", ",,") }

// varsIn gives where the UEFI variables of a machine are kept.
func varsIn(dir, machine string) string { return filepath.Join(dir, machine+".vars.fd") }
