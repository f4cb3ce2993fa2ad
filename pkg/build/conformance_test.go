package build

import (
	"bytes"
	"errors"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nodekiln/nodekiln/pkg/profile"
	"github.com/nodekiln/nodekiln/pkg/tool"
)

// TestConformance holds what the profiles' examples are rendered to against those who read it in the end: systemd,
// cloud-init, Ignition, the shell and whoever parses a format. Each example is rendered as it is, and for the oldest
// release of Kubernetes that its profile can do.
func TestConformance(t *testing.T) {
	stock := sync.OnceValue(func() string { return stockRoot(t) })
	for _, name := range profile.Names() {
		for version, file := range examples(t, name) {
			t.Run(name+" "+version, func(t *testing.T) {
				e := renderExample(t, file)
				for _, m := range e.machines {
					t.Run(m.name+" units", func(t *testing.T) { e.checkUnits(t, m) })
					t.Run(m.name+" scripts", func(t *testing.T) { checkScripts(t, m) })
					t.Run(m.name+" formats", func(t *testing.T) { checkFormats(t, m) })
					t.Run(m.name+" certificates", func(t *testing.T) { checkCertificates(t, m) })
					t.Run(m.name+" modes", func(t *testing.T) { e.checkModes(t, m) })
					t.Run(m.name+" Ignition", func(t *testing.T) { checkIgnition(t, m) })
				}
				t.Run("holders", func(t *testing.T) { e.checkHolders(t) })
				t.Run("cloud-init", func(t *testing.T) { e.checkCloudInit(t, stock) })
			})
		}
	}
}

// example is a profile's example, rendered.
type example struct {
	*Project
	machines []*renderedMachine
}

// renderedMachine is the directory of a machine.
type renderedMachine struct {
	name, dir string
	// files are what is in the regular files below rootfs, by their paths there.
	files map[string][]byte
}

func (m *renderedMachine) path(file string) string { return filepath.Join(m.dir, rootfsName, file) }

// examples gives a profile's example by the release of Kubernetes.
func examples(t *testing.T, name string) map[string]string {
	t.Helper()
	prof, err := profile.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := prof.Example()
	if err != nil {
		t.Fatal(err)
	}
	if prof.Kubernetes == nil {
		return map[string]string{"as it is": string(b)}
	}
	written := regexp.MustCompile(`(?m)^(  version: )` + regexp.QuoteMeta(prof.Kubernetes.Version))
	if !written.Match(b) {
		t.Fatalf("the example of %s is not of version %s", name, prof.Kubernetes.Version)
	}
	oldest := prof.Kubernetes.Since + ".0"
	return map[string]string{prof.Kubernetes.Version: string(b), oldest: written.ReplaceAllString(string(b), "${1}"+oldest)}
}

func renderExample(t *testing.T, file string) *example {
	t.Helper()
	dir := t.TempDir()
	name := filepath.Join(dir, "cluster.yaml")
	if err := os.WriteFile(name, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Load(name, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "out")
	if _, err := Render(t.Context(), p, RenderOptions{Out: out, CacheDir: filepath.Join(dir, "cache"), Epoch: DefaultEpoch()}); err != nil {
		t.Fatal(err)
	}
	e := &example{Project: p}
	for _, planned := range p.Plan.Machines {
		m := &renderedMachine{name: planned.Name, dir: filepath.Join(out, planned.Name), files: map[string][]byte{}}
		root := filepath.Join(m.dir, rootfsName)
		err := filepath.WalkDir(root, func(at string, d os.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				m.files[strings.TrimPrefix(at, root+"/")], err = os.ReadFile(at)
			}
			return err
		})
		if err != nil || len(m.files) == 0 {
			t.Fatalf("%s has %d files: %v", m.name, len(m.files), err)
		}
		e.machines = append(e.machines, m)
	}
	return e
}

// judge runs a program that judges files, and gives what it says. The test is skipped without the program, unless all
// judges are to be there.
func judge(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	var said bytes.Buffer
	err := tool.Cmd{Name: name, Args: args, Stdout: &said, Stderr: &said}.Run(t.Context())
	if missing := (*tool.MissingError)(nil); errors.As(err, &missing) && os.Getenv("NODEKILN_CONFORMANCE") != "1" {
		t.Skip(err)
	}
	return said.String(), err
}

// baseUnits are units of a base that those here need: systemd's own.
func baseUnits() []string { return []string{"multi-user.target", "sysinit.target"} }

// basePrograms are the programs that units start, with the Debian package that has to be asked for to have them. None has
// what every base brings, nor Kubernetes and flannel, which Debian does not have.
func basePrograms() map[string]string {
	return map[string]string{
		"usr/bin/containerd":              "containerd",
		"usr/bin/docker-registry":         "docker-registry",
		"usr/bin/etcd":                    "etcd-server",
		"usr/bin/flanneld":                "",
		"usr/bin/kill":                    "",
		"usr/bin/kube-apiserver":          "",
		"usr/bin/kube-controller-manager": "",
		"usr/bin/kube-proxy":              "",
		"usr/bin/kube-scheduler":          "",
		"usr/bin/kubelet":                 "",
		"usr/sbin/dockerd":                "docker.io",
	}
}

// checkUnits has systemd verify the units with their drop-ins, in the rendered tree and stubs of what the base brings.
// Whatever it says is a fault.
func (e *example) checkUnits(t *testing.T, m *renderedMachine) {
	root := filepath.Join(t.TempDir(), "root")
	if err := os.CopyFS(root, os.DirFS(filepath.Join(m.dir, rootfsName))); err != nil {
		t.Fatal(err)
	}
	stub := func(file, content string, mode os.FileMode) {
		at := filepath.Join(root, file)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte(content), mode)); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"bin", "lib", "sbin"} {
		if err := os.Symlink("usr/"+dir, filepath.Join(root, dir)); err != nil {
			t.Fatal(err)
		}
	}
	for _, unit := range baseUnits() {
		stub("usr/lib/systemd/system/"+unit, "[Unit]\n", 0o644)
	}
	for program, of := range basePrograms() {
		if of == "" || slices.Contains(e.Plan.Base.Packages, of) {
			stub(program, "#!/bin/sh\n", 0o755)
		}
	}
	args := []string{"--root=" + root, "--man=no", "verify"}
	for file := range m.files {
		if path.Dir(file) == "etc/systemd/system" {
			args = append(args, filepath.Join(root, file))
		}
	}
	if len(args) == 3 {
		t.Fatal("there are no units")
	}
	if said, err := judge(t, "systemd-analyze", args...); err != nil || said != "" {
		t.Errorf("%v: %s", err, said)
	}
}

// checkIgnition has Ignition's own program validate its configuration.
func checkIgnition(t *testing.T, m *renderedMachine) {
	b, err := os.ReadFile(filepath.Join(m.dir, "ignition.json"))
	if err != nil {
		t.Fatal(err)
	}
	// Version 2.14, which Debian 12 has, knows the specification by the name that it had before it was final.
	b = bytes.Replace(b, []byte(`"version":"3.4.0"`), []byte(`"version":"3.4.0-experimental"`), 1)
	file := filepath.Join(t.TempDir(), "ignition.json")
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if said, err := judge(t, "ignition-validate", file); err != nil || said != "" {
		t.Errorf("%v: %s", err, said)
	}
}

// stockRoot unpacks the cloud-init of a stock image: installed on the host, it would set that up.
func stockRoot(t *testing.T) string {
	root := filepath.Join(t.TempDir(), "root")
	said, err := judge(t, "mmdebstrap", "--quiet", "--mode=root", "--variant=extract", "--include=cloud-init", `--aptopt=Apt::Install-Recommends "false"`, "bookworm", root)
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	return root
}

// checkCloudInit has cloud-init judge user-data by its schema, and render network-config, for which its version has no
// schema.
func (e *example) checkCloudInit(t *testing.T, stock func() string) {
	if os.Getenv("NODEKILN_CONFORMANCE") != "1" || os.Getuid() != 0 {
		t.Skip("it bootstraps a root filesystem, as only root can: set NODEKILN_CONFORMANCE=1")
	}
	seen := map[string]bool{}
	for i, m := range e.machines {
		// Machines that are alike differ in names and addresses.
		alike := likeness(e.Plan.Machines[i])
		if seen[alike] {
			continue
		}
		seen[alike] = true
		dir, err := os.MkdirTemp(filepath.Join(stock(), "tmp"), "")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"user-data", "network-config"} {
			b, err := os.ReadFile(filepath.Join(m.dir, name))
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, name), b, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		// The root is unpacked and not set up: it has no shell.
		within := "/tmp/" + filepath.Base(dir)
		if said, err := judge(t, "chroot", stock(), "cloud-init", "schema", "--config-file", within+"/user-data"); err != nil || !strings.HasPrefix(said, "Valid cloud-config") {
			t.Errorf("%s: %v: %s", m.name, err, said)
		}
		if said, err := judge(t, "chroot", stock(), "cloud-init", "devel", "net-convert", "--network-data", within+"/network-config", "--kind", "yaml",
			"--output-kind", "netplan", "--distro", "debian", "--directory", within); err != nil {
			t.Errorf("%s: %v: %s", m.name, err, said)
		}
		netplan, err := os.ReadFile(filepath.Join(dir, "etc/netplan/50-cloud-init.yaml"))
		if address := e.Plan.Machines[i].Address.String() + "/"; err != nil || !strings.Contains(string(netplan), address) {
			t.Errorf("%s: no %s in what cloud-init makes of the network: %v\n%s", m.name, address, err, netplan)
		}
	}
}
