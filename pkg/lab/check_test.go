package lab

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestMachinesAreChecked(t *testing.T) {
	disk := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(disk, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	good := func() []Machine {
		m := Machine{Name: "a", Disk: disk, Format: "raw", MAC: "52:54:00:00:00:01", Memory: 1 << 28, CPUs: 1}
		n := m
		n.Name, n.MAC = "b", "52:54:00:00:00:02"
		n.Forwards = []Forward{{Name: "ssh", GuestPort: 22}, {Name: "etcd", GuestPort: 2379, HostPort: 1234}}
		return []Machine{m, n}
	}
	if err := errors.Join(checkMachines(good())...); err != nil {
		t.Errorf("good machines: %v", err)
	}
	if errs := checkMachines(nil); len(errs) != 1 {
		t.Errorf("no machines: %v", errs)
	}
	for _, c := range []struct {
		want   string
		change func(m *Machine)
	}{
		{"the name", func(m *Machine) { m.Name = "../b" }},
		{"two machines have the name a", func(m *Machine) { m.Name = "a" }},
		{"have the same MAC", func(m *Machine) { m.MAC = "52:54:00:00:00:01" }},
		{"none of Ethernet", func(m *Machine) { m.MAC = "52:54" }},
		{"of a group", func(m *Machine) { m.MAC = "01:00:5e:00:00:01" }},
		{"build it first", func(m *Machine) { m.Disk += ".missing" }},
		{"no regular file", func(m *Machine) { m.Disk = filepath.Dir(m.Disk) }},
		{`format "vmdk"`, func(m *Machine) { m.Format = "vmdk" }},
		{"less than 1 MiB", func(m *Machine) { m.Memory = 512 }},
		{"CPUs", func(m *Machine) { m.CPUs = 0 }},
		{"no port 65536", func(m *Machine) { m.Forwards[0].GuestPort = 65536 }},
		{"no port -1", func(m *Machine) { m.Forwards[0].HostPort = -1 }},
		{"have the name etcd", func(m *Machine) { m.Forwards[0].Name = "etcd" }},
		{"port 22 is forwarded twice", func(m *Machine) { m.Forwards[1].GuestPort = 22 }},
	} {
		machines := good()
		c.change(&machines[1])
		errs := checkMachines(machines)
		if len(errs) != 1 || !strings.Contains(errs[0].Error(), c.want) {
			t.Errorf("%s: %v", c.want, errs)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	o, err := Options{Now: time.Now}.complete()
	if err != nil || o.Firmware != "bios" || o.Accel != "auto" || o.Bus != "virtio" || o.NIC != "virtio-net" {
		t.Errorf("defaults: %+v, %v", o, err)
	}
	_, err = Options{Now: time.Now, Firmware: "efi", Accel: "xen", Bus: "scsi", NIC: "rtl8139"}.complete()
	for _, want := range []string{`firmware "efi"`, `accelerator "xen"`, `disk bus "scsi"`, `NIC "rtl8139"`, "virtio, ahci, nvme"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %s: %v", want, err)
		}
	}
	if _, err := (Options{}).complete(); err == nil {
		t.Error("a lab without a clock")
	}
}

func TestMemoryIsChecked(t *testing.T) {
	meminfo := filepath.Join(t.TempDir(), "meminfo")
	write := func(s string) {
		if err := os.WriteFile(meminfo, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	machines := []Machine{{Memory: 512 << 20}, {Memory: 512 << 20}}
	write("MemTotal:  9999999 kB\nMemFree: 1 kB\nMemAvailable:   1048576 kB\nSwapFree: 0 kB\n")
	if err := checkMemory(machines, meminfo); err != nil {
		t.Errorf("just enough: %v", err)
	}
	write("MemTotal:  9999999 kB\nMemAvailable:   1000000 kB\nSwapFree: 48575 kB\n")
	if err := checkMemory(machines, meminfo); err == nil || !strings.Contains(err.Error(), "2 machines want 1024 MiB of memory together, and 1023 MiB are free") {
		t.Errorf("too little: %v", err)
	}
	write("SwapFree: 1 kB\n")
	if err := checkMemory(machines, meminfo); err != nil {
		t.Errorf("a host that does not tell: %v", err)
	}
	if _, err := os.Stat(meminfoPath); err == nil {
		if err := checkMemory([]Machine{{Memory: 1 << 60}}, meminfoPath); err == nil {
			t.Error("this host is said to have an exbibyte of memory")
		}
	}
}
