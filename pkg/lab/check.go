package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// meminfoPath is where the kernel says how much memory is free: proc_meminfo(5).
const meminfoPath = "/proc/meminfo"

// Validate tells everything that is wrong with the options themselves.
func (o Options) Validate() error {
	_, err := o.complete()
	return err
}

// complete puts the defaults in, and checks the rest.
func (o Options) complete() (Options, error) {
	if o.Now == nil {
		return o, errors.New("the lab needs a clock")
	}
	choice := func(what string, given *string, known ...string) error {
		if *given == "" {
			*given = known[0]
		}
		if !slices.Contains(known, *given) {
			return fmt.Errorf("%s %q is unknown; known are %s", what, *given, strings.Join(known, ", "))
		}
		return nil
	}
	return o, errors.Join(
		choice("firmware", &o.Firmware, "bios", "uefi"),
		choice("accelerator", &o.Accel, "auto", "tcg", "kvm"),
		choice("disk bus", &o.Bus, "virtio", "ahci", "nvme"),
		choice("NIC", &o.NIC, "virtio-net", "e1000"),
	)
}

// namePattern admits what can be part of a file's name and of QEMU's options as it is.
var namePattern = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]*$`)

func checkMachines(machines []Machine) []error {
	if len(machines) == 0 {
		return []error{errors.New("there are no machines to switch on")}
	}
	var errs []error
	names, macs := map[string]bool{}, map[string]string{}
	for _, m := range machines {
		if names[m.Name] {
			errs = append(errs, fmt.Errorf("two machines have the name %s", m.Name))
		}
		if other, ok := macs[strings.ToLower(m.MAC)]; ok {
			errs = append(errs, fmt.Errorf("machines %s and %s have the same MAC %s", other, m.Name, m.MAC))
		}
		names[m.Name], macs[strings.ToLower(m.MAC)] = true, m.Name
		for _, err := range m.check() {
			errs = append(errs, fmt.Errorf("machine %q: %w", m.Name, err))
		}
	}
	return errs
}

func (m Machine) check() []error {
	var errs []error
	add := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	add(!namePattern.MatchString(m.Name), "the name is not made of letters, digits, dots, dashes and underscores, the first a letter or a digit")
	add(m.Format != "qcow2" && m.Format != "raw", "the image's format %q is neither qcow2 nor raw", m.Format)
	add(m.Memory < 1<<20, "%d bytes of memory are less than 1 MiB", m.Memory)
	add(m.CPUs < 1, "%d CPUs are too few", m.CPUs)
	info, err := os.Stat(m.Disk)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		add(true, "the image %s does not exist; build it first", m.Disk)
	case err != nil:
		errs = append(errs, err)
	default:
		add(!info.Mode().IsRegular(), "the image %s is no regular file", m.Disk)
	}
	if _, err := forwardMAC(m.MAC); err != nil {
		errs = append(errs, err)
	}
	names, ports := map[string]bool{}, map[int]bool{}
	for _, f := range m.Forwards {
		add(f.GuestPort < 1 || f.GuestPort > 65535, "%s: there is no port %d", f.Name, f.GuestPort)
		add(f.HostPort < 0 || f.HostPort > 65535, "%s: there is no port %d", f.Name, f.HostPort)
		add(names[f.Name], "two forwarded ports have the name %s", f.Name)
		add(ports[f.GuestPort], "port %d is forwarded twice", f.GuestPort)
		names[f.Name], ports[f.GuestPort] = true, true
	}
	return errs
}

// checkMemory refuses machines that together have more memory than the host can give, which would end in the kernel
// killing one of them, or the user's own programs. A host that does not tell is trusted.
func checkMemory(machines []Machine, meminfo string) error {
	said, err := os.ReadFile(meminfo)
	if err != nil {
		return nil
	}
	free, ok := freeMemory(string(said))
	var wanted int64
	for _, m := range machines {
		wanted += m.Memory
	}
	if !ok || wanted <= free {
		return nil
	}
	return fmt.Errorf("%d machines want %s of memory together, and %s are free on this host: give them less, or start fewer",
		len(machines), mebibytes(wanted), mebibytes(free))
}

// freeMemory gives the bytes that can be had without taking them from another program, swap included.
func freeMemory(meminfo string) (bytes int64, ok bool) {
	for line := range strings.Lines(meminfo) {
		words := strings.Fields(line)
		if len(words) != 3 || words[0] != "MemAvailable:" && words[0] != "SwapFree:" {
			continue
		}
		kibibytes, err := strconv.ParseInt(words[1], 10, 64)
		if err != nil {
			return 0, false
		}
		bytes += kibibytes << 10
		ok = ok || words[0] == "MemAvailable:"
	}
	return bytes, ok
}

func mebibytes(n int64) string { return fmt.Sprintf("%d MiB", n>>20) }
