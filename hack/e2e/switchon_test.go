package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nodekiln/nodekiln/hack/e2e/frame"
)

func TestEveryBusAndFirmware(t *testing.T) {
	file, images := nodekiln.Lab(t, strings.NewReplacer("linux-node[1-3]", "linux-node1", "192.168.56.[110,120,130]", "192.168.56.110").Replace(threeHosts(t)))
	for _, hw := range []struct{ bus, nic string }{{"virtio", "virtio-net"}, {"ahci", "e1000"}, {"nvme", "virtio-net"}} {
		for _, firmware := range []string{"bios", "uefi"} {
			t.Run(hw.bus+" "+hw.nic+" "+firmware, func(t *testing.T) {
				table := nodekiln.Run(t, "test", file, "--out", filepath.Dir(images), "--bus", hw.bus, "--nic", hw.nic, "--firmware", firmware)
				if !strings.Contains(table, "etcd 1 of 1") {
					t.Errorf("not healthy:\n%s", table)
				}
				t.Log("\n" + table)
			})
		}
	}
}

// TestPlainQEMU starts copies of the images by the commands of the README, as somebody without nodekiln would.
func TestPlainQEMU(t *testing.T) {
	file, images := nodekiln.Lab(t, threeHosts(t))
	elsewhere := filepath.Join(t.TempDir(), "elsewhere")
	frame.Command(t, nil, "cp", "-a", images, elsewhere)
	names := []string{"linux-node1", "linux-node2", "linux-node3"}

	shell := exec.Command("bash", "-euc", readmeCommands(t)+"\nwait")
	shell.Dir = elsewhere
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-shell.Process.Pid, syscall.SIGKILL)
		_ = shell.Wait()
	})
	ssh := sshInto(strings.TrimSuffix(file, "cluster.yaml")+"etcd-lab.pki", filepath.Join(elsewhere, "known_hosts"))
	healthy := func(name string, since int) {
		t.Helper()
		frame.Eventually(t, frame.BootLimit, name, func(context.Context) error {
			b, err := os.ReadFile(filepath.Join(elsewhere, name+".log"))
			if err != nil {
				return err
			}
			if !bytes.Contains(b[min(since, len(b)):], []byte("nodekiln: healthy: etcd 3 of 3")) {
				return fmt.Errorf("it has not reported itself healthy; its console ends in:\n%s", b[max(0, len(b)-2000):])
			}
			return nil
		})
	}
	for _, name := range names {
		healthy(name, 0)
	}
	if said, err := ssh(t.Context(), 1, "etcdctl put kiln hot"); err != nil || !strings.Contains(said, "OK") {
		t.Fatalf("put: %v\n%s", err, said)
	}

	t.Log("cutting the power of linux-node2, and switching it on again")
	pid := strings.TrimSpace(frame.Command(t, nil, "pgrep", "-f", "^qemu-system-x86_64 .*file=linux-node2.qcow2"))
	frame.Command(t, nil, "kill", "-KILL", pid)
	// The log is written from its start again.
	again := exec.Command("bash", "-euc", strings.Split(readmeCommands(t), "\nboot ")[0]+"\nboot linux-node2 52:54:00:a8:38:78 2202\nwait")
	again.Dir = elsewhere
	again.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	frame.Eventually(t, time.Minute, "the end of linux-node2", func(context.Context) error {
		if syscall.Kill(atoi(pid), 0) == nil {
			return errors.New("it still runs")
		}
		return nil
	})
	if err := os.Remove(filepath.Join(elsewhere, "linux-node2.log")); err != nil {
		t.Fatal(err)
	}
	if err := again.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-again.Process.Pid, syscall.SIGKILL)
		_ = again.Wait()
	})
	frame.Eventually(t, time.Minute, "the console of linux-node2", func(context.Context) error {
		_, err := os.Stat(filepath.Join(elsewhere, "linux-node2.log"))
		return err
	})
	healthy("linux-node2", 0)
	said, err := ssh(t.Context(), 2, "etcdctl get kiln --print-value-only; etcdctl member list; df --output=size -BM / | tail -1")
	if err != nil || !strings.HasPrefix(said, "hot\n") || strings.Count(said, "started") != 3 {
		t.Errorf("after the power cut: %v\n%s", err, said)
	}
	if size := regexp.MustCompile(`(\d+)M\s*$`).FindStringSubmatch(said); size == nil || atoi(size[1]) < 7<<10 {
		t.Errorf("the root file system has not grown to its disk of 8 GiB: %s", said)
	}
	// The right client comes first, or a member that is down would pass for one that refuses.
	if said, err := ssh(t.Context(), 3, "etcdctl get kiln --print-value-only && "+wrongCA); err == nil || !strings.HasPrefix(said, "hot\n") || !strings.Contains(said, "connection closed") && !strings.Contains(said, "deadline") && !strings.Contains(said, "bad certificate") {
		t.Errorf("a client with a certificate of another authority: %v\n%s", err, said)
	}
}

// wrongCA calls etcd with a certificate that its authority has not signed.
const wrongCA = `cd /tmp && openssl req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -days 1 -subj /CN=operator 2>/dev/null &&
ETCDCTL_CERT=/tmp/c.pem ETCDCTL_KEY=/tmp/k.pem etcdctl --command-timeout=10s get kiln`

func atoi(s string) int {
	n := 0
	_, _ = fmt.Sscan(s, &n)
	return n
}

// sshInto gives a way to run commands on linux-node1..3 as root with the operator's key, checking the host's.
func sshInto(pki, knownHosts string) func(ctx context.Context, node int, script string) (string, error) {
	return func(ctx context.Context, node int, script string) (string, error) {
		cmd := exec.CommandContext(ctx, "ssh", "-F", "/dev/null", "-i", filepath.Join(pki, "operator", "id_ed25519"),
			"-o", "UserKnownHostsFile="+knownHosts, "-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", "-o", "ConnectTimeout=60",
			"-o", fmt.Sprintf("HostKeyAlias=linux-node%d", node), "-p", fmt.Sprint(2200+node), "root@127.0.0.1", ". /etc/profile; "+script)
		said, err := cmd.CombinedOutput()
		return string(said), err
	}
}

// readmeCommands gives the README's shell commands that start the machines by QEMU alone.
func readmeCommands(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(b), -1) {
		if strings.Contains(block[1], "qemu-system-x86_64") {
			return block[1]
		}
	}
	t.Fatal("the README has no block of commands with qemu-system-x86_64")
	return ""
}
