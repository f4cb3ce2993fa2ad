package base

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// initrdModules are the drivers that a root filesystem may be behind, by the names that modprobe(8) takes. Those that a
// kernel has built in, or does not have at all, are left out.
func initrdModules() []string {
	return []string{
		"ext4", "crc32c_generic", "crc32c_intel",
		// Virtual machines: KVM, VirtualBox, Hyper-V, VMware, Xen.
		"virtio_pci", "virtio_mmio", "virtio_blk", "virtio_scsi", "hv_storvsc", "hv_vmbus", "vmw_pvscsi", "mptspi", "mptsas",
		"BusLogic", "xen_blkfront",
		// Disks of any computer.
		"ahci", "ata_piix", "ata_generic", "pata_acpi", "sd_mod", "nvme", "vmd", "mmc_block", "sdhci_pci", "sdhci_acpi",
		"uhci_hcd", "ehci_pci", "ohci_pci", "xhci_pci", "usb_storage", "uas",
		// Controllers of servers: Broadcom and LSI, HPE, Adaptec and Microchip, Areca, Intel, Marvell, 3ware.
		"megaraid_sas", "mpt3sas", "mpi3mr", "hpsa", "aacraid", "smartpqi", "pm80xx", "arcmsr", "isci", "mvsas", "3w_9xxx", "3w_sas",
		// A keyboard, for whoever has to look why there is no root filesystem.
		"usbhid", "hid_generic",
	}
}

// modules is the module directory of a kernel: kmod's modules.dep, modules.alias and modules.softdep.
type modules struct {
	// dir of the tree that holds them, and the kernel's version that it is named after.
	dir, version string
	// paths by name, and the paths that each path depends on, all relative to dir.
	paths map[string]string
	needs map[string][]string
}

// findModules gives the module directory of the only kernel that the tree has.
func findModules(t *tree.Tree) (*modules, error) {
	m := &modules{paths: map[string]string{}, needs: map[string][]string{}}
	for _, n := range t.Nodes() {
		if path.Base(n.Path) == "modules.dep" && strings.HasPrefix(n.Path, "usr/lib/modules/") {
			if m.dir != "" {
				return nil, fmt.Errorf("find the kernel's modules: there are two kernels, %s and %s", m.dir, path.Dir(n.Path))
			}
			m.dir = path.Dir(n.Path)
		}
	}
	if m.dir == "" {
		return nil, fmt.Errorf("find the kernel's modules: usr/lib/modules/*/modules.dep: %w", fs.ErrNotExist)
	}
	m.version = path.Base(m.dir)
	text, err := content(t, m.dir+"/modules.dep")
	if err != nil {
		return nil, fmt.Errorf("read the kernel's modules: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		p, needs, found := strings.Cut(line, ":")
		if !found {
			return nil, fmt.Errorf("read the kernel's modules: %s/modules.dep: no colon in %q", m.dir, line)
		}
		m.paths[moduleName(p)] = p
		m.needs[p] = strings.Fields(needs)
	}
	return m, nil
}

// moduleName gives the name by which the kernel knows a module file; "-" and "_" are the same to it.
func moduleName(p string) string {
	name, _, _ := strings.Cut(path.Base(p), ".")
	return strings.ReplaceAll(name, "-", "_")
}

// closure gives the paths of the named modules and of all that they depend on, sorted.
func (m *modules) closure(names []string) []string {
	var out []string
	for _, name := range names {
		if p, ok := m.paths[moduleName(name)]; ok {
			// modules.dep lists a module's dependencies whole, those of its dependencies included.
			out = append(append(out, p), m.needs[p]...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// aliases gives those lines of modules.alias that name one of the modules.
func (m *modules) aliases(t *tree.Tree, paths []string) (string, error) {
	text, err := content(t, m.dir+"/modules.alias")
	if err != nil {
		return "", fmt.Errorf("read the kernel's modules: %w", err)
	}
	have := map[string]bool{}
	for _, p := range paths {
		have[moduleName(p)] = true
	}
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "alias" && have[moduleName(f[2])] {
			b.WriteString(line)
		}
	}
	return b.String(), nil
}
