package pki

import (
	"context"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nodekiln/nodekiln/pkg/plan"
)

// helperVar is set for this test binary when it is started again, as another process that issues into a bundle.
const helperVar = "NODEKILN_PKI_HELPER"

// helper tells such a process what to do.
type helper struct {
	dir   string
	umask int
	// killAt is the file that it is killed at, before that gets its name; the first is 1, and 0 is none.
	killAt   int
	machines int
	// renew has it renew everything instead.
	renew bool
}

func TestMain(m *testing.M) {
	var h helper
	if text := os.Getenv(helperVar); text != "" {
		if _, err := fmt.Sscanf(text, "%d %d %d %t %s", &h.umask, &h.killAt, &h.machines, &h.renew, &h.dir); err != nil {
			panic(err)
		}
		os.Exit(h.main())
	}
	os.Exit(m.Run())
}

func (h helper) main() int {
	syscall.Umask(h.umask)
	named := 0
	rename := func(root *os.Root, from, to string) error {
		if named++; named == h.killAt {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		return root.Rename(from, to)
	}
	names := machines(h.machines)
	interrupt := func(o *options) { o.rename = rename }
	_, err := Ensure(context.Background(), h.dir, lab(names), names, WithClock(clock), interrupt)
	if h.renew {
		_, err = Renew(context.Background(), h.dir, lab(names), names, renewAll, WithClock(later), interrupt)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// command gives the process, not yet started.
func (h helper) command(t testing.TB) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), helperVar+"="+fmt.Sprintf("%d %d %d %t %s", h.umask, h.killAt, h.machines, h.renew, h.dir))
	cmd.Stderr = os.Stderr
	return cmd
}

// issuedAt is when the tests issue.
var issuedAt = time.Date(2026, 3, 1, 12, 0, 0, 500, time.UTC)

func clock() time.Time { return issuedAt }

// later is when they renew: certificates have a day left.
func later() time.Time { return issuedAt.Add(8736 * time.Hour) }

// renewAll renews all that is in a bundle.
var renewAll = RenewOptions{All: true, Authorities: true}

func machines(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = "node" + strconv.Itoa(i+1)
	}
	return out
}

// lab is the plan of an etcd cluster.
func lab(machines []string) plan.PKI {
	p := plan.PKI{
		Key: "ecdsa-p256", Expiry: 8760 * time.Hour, CAExpiry: 87600 * time.Hour,
		Subject:     plan.Subject{Country: "CN", Province: "BeiJing", Locality: "XS", Organization: "k8s", Unit: "System"},
		Authorities: []plan.Authority{{Name: "etcd", CommonName: "etcd-ca", KeyMachines: machines[:min(len(machines), 1)]}},
		Secrets:     []plan.Secret{{Name: "bootstrap", Machines: machines}},
		Certificates: []plan.Certificate{
			{Name: "etcd-client", Authority: "etcd", CommonName: "operator", Client: true},
		},
	}
	for i, m := range machines {
		p.Certificates = append(p.Certificates, plan.Certificate{
			Name: "etcd", Machine: m, Authority: "etcd", CommonName: m, Server: true, Client: true,
			DNSNames:  []string{m, m + ".example.com", "localhost"},
			Addresses: []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)})},
		})
	}
	return p
}

func ensure(t testing.TB, dir string, p plan.PKI, machines []string) *Bundle {
	t.Helper()
	b, err := Ensure(t.Context(), dir, p, machines, WithClock(clock))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// newLab issues a bundle for n machines.
func newLab(t testing.TB, n int) (*Bundle, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "lab.pki")
	return ensure(t, dir, lab(machines(n)), machines(n)), dir
}

// snapshot gives for each path below a directory what must not change: inode, time, mode and content.
func snapshot(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		var content []byte
		if info.Mode().IsRegular() {
			if content, err = os.ReadFile(p); err != nil {
				return err
			}
		}
		rel, err := filepath.Rel(dir, p)
		out[rel] = fmt.Sprintf("%v %v %d %x", info.Mode(), info.ModTime(), info.Sys().(*syscall.Stat_t).Ino, content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// wantKept fails for each file of a snapshot that is not the same in another.
func wantKept(t testing.TB, before, after map[string]string) {
	t.Helper()
	for path, was := range before {
		if !strings.HasPrefix(was, "d") && after[path] != was {
			t.Errorf("%s has changed", path)
		}
	}
}

// outside gives a program that is not part of this project, or skips the test where it is missing.
func outside(t testing.TB, name string) func(args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("NODEKILN_CONFORMANCE") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return func(args ...string) string {
		t.Helper()
		out, err := exec.Command(name, args...).CombinedOutput()
		if err != nil {
			t.Errorf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return string(out)
	}
}
