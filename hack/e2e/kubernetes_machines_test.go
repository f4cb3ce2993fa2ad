package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nodekiln/nodekiln/hack/e2e/frame"
)

// The machines of these tests are rendered files on a Debian, without a kernel, a boot loader and a disk of their own:
// containers of systemd-nspawn. So it is systemd that reads the units, their drop-ins and environment files, sets users
// and waits for readiness, and it is networkd that gives a machine its address, as on the real machine. Nothing of the
// host is changed: each machine has a network of its own, in which it has the address that the cluster file gives it.

// debian bootstraps what the machines are laid over, in memory where it can be.
func debian(t *testing.T) string {
	t.Helper()
	root := filepath.Join(inMemory(t), "debian")
	frame.Command(t, nil, "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "mmdebstrap", "--quiet", "--mode=root",
		"--variant=minbase", "--include=ca-certificates,containerd,dbus,docker-registry,etcd-client,etcd-server,iproute2,logrotate,procps,systemd-sysv",
		`--aptopt=Apt::Install-Recommends "false"`, "--dpkgopt=force-unsafe-io", "--dpkgopt=path-exclude=/usr/share/doc/*",
		// As in a base of nodekiln's own.
		`--customize-hook=systemctl --root="$1" enable systemd-networkd && rm -f "$1/etc/resolv.conf"`, "bookworm", root)
	return root
}

func inMemory(t *testing.T) string {
	t.Helper()
	parent := "/dev/shm"
	if _, err := os.Stat(parent); err != nil {
		parent = ""
	}
	dir, err := os.MkdirTemp(parent, "nodekiln-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// machine is a rendered machine.
type machine struct {
	name string
	// rendered has its files alone, and root the Debian that they are laid over.
	rendered, root string
	// network is the path of its network namespace.
	network string
	// leader is the process number of its systemd.
	leader int
}

// lay lays a rendered machine over a copy of the Debian, with the owners and modes that its manifest says.
func lay(t *testing.T, debian, rendered, program string) *machine {
	t.Helper()
	m := &machine{name: filepath.Base(rendered), rendered: filepath.Join(rendered, "rootfs"), root: filepath.Join(inMemory(t), "root")}
	frame.Command(t, nil, "cp", "-a", debian, m.root)
	frame.Command(t, nil, "sh", "-euc", `cd "$1"; bsdtar -cf - @../rootfs.mtree | chroot "$2" tar -xpf - --overwrite -C /`, "sh", m.rendered, m.root)
	frame.Command(t, nil, "cp", program, filepath.Join(m.root, "usr/lib/hyperkube"))
	for _, name := range []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"} {
		if err := os.Symlink("../lib/hyperkube", filepath.Join(m.root, "usr/bin", name)); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// setting gives the value of a key of the machine's file for networkd.
func (m *machine) setting(t *testing.T, key string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(m.rendered, "etc/systemd/network/10-machine.network"))
	found := regexp.MustCompile(`(?m)^` + key + `=(.+)$`).FindSubmatch(b)
	if found == nil {
		t.Fatalf("the network of %s has no %s: %v", m.name, key, err)
	}
	return string(found[1])
}

// join gives two machines a network each, and a cable between these. That of the started machine is brought up by its own
// networkd, the other one's here.
func join(t *testing.T, started, other *machine) {
	t.Helper()
	for _, m := range []*machine{started, other} {
		m.network = network(t)
		frame.Command(t, nil, "nsenter", "--net="+m.network, "ip", "link", "set", "lo", "up")
	}
	frame.Command(t, nil, "nsenter", "--net="+started.network, "ip", "link", "add", "lan0", "address", started.setting(t, "MACAddress"),
		"type", "veth", "peer", "name", "lan0", "netns", strings.Split(other.network, "/")[2])
	frame.Command(t, nil, "nsenter", "--net="+other.network, "ip", "address", "add", other.setting(t, "Address"), "dev", "lan0")
	frame.Command(t, nil, "nsenter", "--net="+other.network, "ip", "link", "set", "lan0", "up")
}

// network gives a network namespace for the time of the test, even if that is killed: it ends with the process that it is
// in.
func network(t *testing.T) string {
	t.Helper()
	holder := exec.Command("unshare", "--net", "sleep", "infinity")
	holder.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = holder.Process.Kill()
		_ = holder.Wait()
	})
	path := fmt.Sprintf("/proc/%d/ns/net", holder.Process.Pid)
	host, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	frame.Eventually(t, time.Minute, "a network namespace", func(context.Context) error {
		if own, err := os.Readlink(path); err != nil || own == host {
			return fmt.Errorf("it is %s: %w", own, err)
		}
		return nil
	})
	return path
}

// start has systemd start the machine, for the time of the test.
func (m *machine) start(t *testing.T) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "console"))
	if err != nil {
		t.Fatal(err)
	}
	nspawn := exec.Command("systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--directory="+m.root,
		"--network-namespace-path="+m.network, "--capability=CAP_NET_ADMIN", "--console=read-only", "--kill-signal=SIGKILL")
	nspawn.Stdout, nspawn.Stderr = log, log
	nspawn.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := nspawn.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = nspawn.Process.Signal(syscall.SIGTERM)
		_ = nspawn.Wait()
		log.Close()
		if t.Failed() {
			m.report(t, log.Name())
		}
	})
	children := fmt.Sprintf("/proc/%d/task/%[1]d/children", nspawn.Process.Pid)
	frame.Eventually(t, time.Minute, m.name+" starts", func(context.Context) error {
		b, err := os.ReadFile(children)
		if err != nil {
			return err
		}
		m.leader, err = strconv.Atoi(strings.TrimSpace(string(b)))
		return err
	})
}

// hears gives what a server says over TLS to somebody on the machine who shows no credentials.
func (m *machine) hears(t *testing.T, server, path string, args ...string) string {
	t.Helper()
	cmd := exec.Command("nsenter", append([]string{"--net=" + m.network, "openssl", "s_client", "-quiet", "-connect", server}, args...)...)
	cmd.Stdin = strings.NewReader("GET " + path + " HTTP/1.0\r\n\r\n")
	said, err := output(cmd)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(said, "\r", "")
}

// enabled gives the units that the rendered machine wants at its start.
func (m *machine) enabled(t *testing.T) []string {
	t.Helper()
	links, err := filepath.Glob(filepath.Join(m.rendered, "etc/systemd/system/*.wants/*"))
	if err != nil || len(links) == 0 {
		t.Fatalf("%s has no units that are enabled: %v", m.name, err)
	}
	var units []string
	for _, link := range links {
		units = append(units, filepath.Base(link))
	}
	return units
}

// works gives an error unless a unit does its work, or has done it. Those that stay when their work is done are active.
// It also tells how often the unit was started again.
func (m *machine) works(ctx context.Context, unit string) (restarts string, err error) {
	said, err := output(exec.CommandContext(ctx, "nsenter", "--target", strconv.Itoa(m.leader), "--mount", "--uts", "--ipc", "--net", "--pid", "--root",
		"systemctl", "show", "--property=Type,Restart,RemainAfterExit,ActiveState,SubState,Result,ExecMainCode,ExecMainStatus,NRestarts", unit))
	if err != nil {
		return "", err
	}
	properties := map[string]string{}
	for line := range strings.Lines(said) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		properties[key] = value
	}
	done := properties["ActiveState"] == "active"
	switch {
	case properties["RemainAfterExit"] == "yes":
		done = done && properties["SubState"] == "exited"
	case properties["Type"] == "exec" && properties["Restart"] != "always": // a server is always started again
		done = properties["Result"] == "success" && properties["ExecMainCode"] == "1" && properties["ExecMainStatus"] == "0"
	}
	if !done {
		return "", fmt.Errorf("it has not done its work: %v", properties)
	}
	return properties["NRestarts"], nil
}

// report tells what the machine's programs last said.
func (m *machine) report(t *testing.T, console string) {
	b, err := os.ReadFile(console)
	t.Logf("%v: the last lines of the console of %s:\n%s", err, m.name, withoutSecrets(last(string(b), 5)))
	for _, unit := range m.enabled(t) {
		said, err := output(exec.Command("journalctl", "--directory="+filepath.Join(m.root, "var/log/journal"), "--unit="+unit, "--output=cat", "--no-pager"))
		if errors.Is(err, fs.ErrNotExist) || said == "" {
			continue
		}
		t.Logf("%v: %s on %s said:\n%s", err, unit, m.name, withoutSecrets(complaints(said)))
	}
	logs, _ := filepath.Glob(filepath.Join(m.root, "opt/kubernetes/log/*"))
	for _, log := range logs {
		said, err := os.ReadFile(log)
		t.Logf("%v: %s on %s says:\n%s", err, strings.TrimPrefix(log, m.root), m.name, withoutSecrets(complaints(string(said))))
	}
}

func last(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// complaint is a line by which a program may say why it fails: klog's E and F, systemd's and etcd's own words.
var complaint = regexp.MustCompile(`(?mi)^([EF][0-9]{4} |.*(error|fail|fatal|panic)).*$`)

// complaints gives the first of such lines and the last ones, or the last lines of all where there are none.
func complaints(text string) string {
	found := complaint.FindAllString(text, -1)
	if len(found) == 0 {
		return last(text, 5)
	}
	if len(found) > 10 {
		found = slices.Concat(found[:5], []string{"..."}, found[len(found)-5:])
	}
	return strings.Join(found, "\n")
}

// secret is whatever may be one: keys, certificates and tokens in PEM, base64 or hexadecimal.
var secret = regexp.MustCompile(`(?s)-----BEGIN.*?-----END[^\n]*|[A-Za-z0-9+_=-]{32,}(\.[A-Za-z0-9+_=-]+)*|\b[a-z0-9]{6}\.[a-z0-9]{16}\b`)

func withoutSecrets(text string) string { return secret.ReplaceAllString(text, "***") }

func TestWithoutSecrets(t *testing.T) {
	for text, want := range map[string]string{
		"a -----BEGIN X-----\nYQ==\n-----END X-----\nb":        "a ***\nb",
		"token eyJhbGciOiJSUzI1NiIsImtpZCI6Ik5vIn0.e30.c2ln x": "token *** x",
		"join abcdef.0123456789abcdef now":                     "join *** now",
		"/etc/kubernetes/ca/server.key: no such file":          "/etc/kubernetes/ca/server.key: no such file",
	} {
		if got := withoutSecrets(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// output runs a program and gives its stdout. The error has what it wrote to stderr.
func output(cmd *exec.Cmd) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, withoutSecrets(stderr.String()))
	}
	return stdout.String(), nil
}
