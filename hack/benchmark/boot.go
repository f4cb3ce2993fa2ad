package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/nodekiln/nodekiln/pkg/build"
	"github.com/nodekiln/nodekiln/pkg/lab"
	"github.com/nodekiln/nodekiln/pkg/pki"
)

// bootLimit is how long a cluster may take to be ready on a slow computer without KVM.
const bootLimit = 40 * time.Minute

// bootFile gives the cluster file of a master and two nodes. kubeadm refuses a master with one processor; what the
// machines have is the same for every profile.
func bootFile(profile, masterRoles string) string {
	return fmt.Sprintf(`apiVersion: nodekiln.dev/v1
kind: Cluster
metadata: {name: boot-%s}
profile: %[1]s
network: {machines: 172.20.10.0/24}
base: {debian: bookworm}
machines:
  - {name: master, roles: [%s], address: 172.20.10.101, disk: 10G, memory: 2G, cpus: 2}
  - {name: "node[1-2]", roles: [node], address: "172.20.10.[102-103]", disk: 10G, memory: 1G, cpus: 1}
`, profile, masterRoles)
}

// booted is what is known of a cluster that was switched on.
type booted struct {
	// ready is the time from power-on until the last machine was healthy, and machines that of each.
	ready    time.Duration
	machines []bootedMachine
	// golden is the size of the base on disk in bytes.
	golden int64
}

// bootedMachine is a machine that is healthy.
type bootedMachine struct {
	name  string
	ready time.Duration
	// image is what the machine's image takes on disk, total its memory, and available what it could still give to
	// programs, in bytes: MemTotal and MemAvailable in proc(5).
	image, total, available int64
}

// boots measures from power-on to a cluster: of machines that are baked, and of the same machines that kubeadm makes one
// of. Both have all container images and all programs, so that neither waits for a network.
func (b bench) boots(ctx context.Context) error {
	baked, err := b.boot(ctx, "deepin", "etcd, master")
	if err != nil {
		return err
	}
	joined, err := b.boot(ctx, "kubeadm", "master")
	if err != nil {
		return err
	}
	fmt.Println("Boot: a master and two nodes, in seconds from power-on until a machine is ready: the API answers, the Node is Ready")
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "machine\tbaked (deepin)\tkubeadm init, join\t")
	for i, m := range baked.machines {
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t\n", m.name, m.ready.Seconds(), joined.machines[i].ready.Seconds())
	}
	fmt.Fprintf(w, "all\t%.1f\t%.1f\t\n", baked.ready.Seconds(), joined.ready.Seconds())
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Printf("a baked cluster takes %.2f of the time of kubeadm (goal: at most 0.50)\n\n", baked.ready.Seconds()/joined.ready.Seconds())
	return writeNeeds(baked)
}

// writeNeeds prints what a cluster takes of disks and memory.
func writeNeeds(c booted) error {
	fmt.Println("Sizes: images of deepin on disk, and the memory that its machines use once all are ready")
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "machine\timage KiB\tmemory MiB\tin use\t")
	for _, m := range c.machines {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t\n", m.name, m.image>>10, m.total>>20, (m.total-m.available)>>20)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Printf("all lie on a golden image of %d MiB\n\n", c.golden>>20)
	return nil
}

// boot builds a cluster, switches it on, and asks its machines for their memory once all are healthy.
func (b bench) boot(ctx context.Context, profile, masterRoles string) (c booted, err error) {
	file, out := filepath.Join(b.dir, profile+".yaml"), filepath.Join(b.dir, profile)
	if err := os.WriteFile(file, []byte(bootFile(profile, masterRoles)), 0o644); err != nil {
		return c, err
	}
	fmt.Fprintf(os.Stderr, "benchmark: baking and booting a cluster of %s\n", profile)
	if _, err := measure(ctx, b.program, "build", file, "--out", out); err != nil {
		return c, err
	}
	dir := filepath.Join(out, "boot-"+profile)
	manifest, err := build.ReadManifest(dir)
	if err != nil {
		return c, err
	}
	results, err := switchOn(ctx, build.Machines(dir, manifest), func(r lab.Result) error {
		m, err := b.bootedMachine(ctx, filepath.Join(b.dir, "boot-"+profile+".pki"), dir, r)
		c.machines = append(c.machines, m)
		return err
	})
	if err != nil {
		return c, fmt.Errorf("boot a cluster of %s: %w", profile, err)
	}
	for _, r := range results {
		c.ready = max(c.ready, r.Elapsed)
	}
	fmt.Fprintf(os.Stderr, "benchmark: ready after %.1f s\n", c.ready.Seconds())
	c.golden, err = onDisk(filepath.Join(dir, manifest.Base.File))
	return c, err
}

// switchOn runs machines until all are healthy and each was looked at.
func switchOn(ctx context.Context, machines []lab.Machine, look func(lab.Result) error) (_ []lab.Result, err error) {
	ctx, cancel := context.WithTimeout(ctx, bootLimit)
	defer cancel()
	l, err := lab.Start(ctx, machines, lab.Options{Now: time.Now})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	results, err := l.WaitHealthy(ctx)
	if err != nil {
		return nil, errors.Join(err, lab.WriteTable(os.Stderr, results))
	}
	for _, r := range results {
		if err := look(r); err != nil {
			return nil, fmt.Errorf("look at %s: %w", r.Machine, err)
		}
	}
	return results, nil
}

// bootedMachine looks at a machine that is healthy, by the operator's key.
func (b bench) bootedMachine(ctx context.Context, bundle, dir string, r lab.Result) (bootedMachine, error) {
	m := bootedMachine{name: r.Machine, ready: r.Elapsed}
	var err error
	if m.image, err = onDisk(filepath.Join(dir, r.Machine+".qcow2")); err != nil {
		return m, err
	}
	host, port, err := net.SplitHostPort(r.Forwards["ssh"])
	if err != nil {
		return m, err
	}
	said, err := exec.CommandContext(ctx, "ssh", "-i", filepath.Join(bundle, pki.OperatorKeyFile), "-o", "BatchMode=yes",
		"-o", "UserKnownHostsFile="+filepath.Join(dir, build.KnownHostsName), "-o", "HostKeyAlias="+r.Machine, "-p", port, "root@"+host,
		"cat /proc/meminfo").Output()
	if err != nil {
		return m, fmt.Errorf("read /proc/meminfo: %w", err)
	}
	for name, to := range map[string]*int64{"MemTotal": &m.total, "MemAvailable": &m.available} {
		found := regexp.MustCompile(`(?m)^` + name + `: +([0-9]+) kB$`).FindSubmatch(said)
		if found == nil {
			return m, fmt.Errorf("/proc/meminfo has no %s", name)
		}
		kib, err := strconv.ParseInt(string(found[1]), 10, 64)
		if err != nil {
			return m, err
		}
		*to = kib << 10
	}
	return m, nil
}

// onDisk gives the bytes that a file takes: stat(2) counts blocks of 512 bytes, whatever the file system's are.
func onDisk(name string) (int64, error) {
	var s syscall.Stat_t
	if err := syscall.Stat(name, &s); err != nil {
		return 0, &os.PathError{Op: "stat", Path: name, Err: err}
	}
	return s.Blocks * 512, nil
}
