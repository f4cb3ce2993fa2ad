package component

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/nodekiln/nodekiln/pkg/fetch"
	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/profile"
	"github.com/nodekiln/nodekiln/pkg/tree"
)

func epoch() time.Time { return time.Unix(1700000000, 0).UTC() }

// executable gives the shortest file that counts as a program, with a text behind its header.
func executable(machine elf.Machine, text string) string {
	var b bytes.Buffer
	h := elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT), Ehsize: 64,
	}
	if err := binary.Write(&b, binary.LittleEndian, h); err != nil {
		panic(err)
	}
	return b.String() + text
}

// archive writes an archive with files, and gives it as the cluster file would.
func archive(t *testing.T, dir, name string, compress bool, files map[string]string) plan.Archive {
	t.Helper()
	var b, packed bytes.Buffer
	w := tar.NewWriter(&b)
	for n, content := range files {
		if err := w.WriteHeader(&tar.Header{Name: n, Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	packed = b
	if compress {
		packed = bytes.Buffer{}
		z := gzip.NewWriter(&packed)
		if _, err := z.Write(b.Bytes()); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, name), packed.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(packed.Bytes())
	return plan.Archive{File: name, SHA256: hex.EncodeToString(sum[:])}
}

// server gives what is in an archive of Kubernetes' server, of that version.
func server(version string) map[string]string {
	files := map[string]string{
		"kubernetes/LICENSES":                                 "text",
		"kubernetes/server/bin/kube-apiserver.tar":            "an image",
		"kubernetes/server/bin/kube-aggregator":               executable(elf.EM_X86_64, version),
		"kubernetes/kubernetes-src/cmd/kubelet/kubelet.go":    "text",
		"kubernetes/server/bin/kube-proxy.docker_tag":         version,
		"kubernetes/server/bin/../../../../../../etc/crontab": "text",
	}
	for _, p := range programsOf(profile.ComponentKubernetes) {
		files["kubernetes/server/bin/"+p.name] = executable(elf.EM_X86_64, p.name+" v"+version)
	}
	return files
}

func plugins() map[string]string {
	files := map[string]string{}
	for _, name := range []string{"bridge", "host-local", "loopback", "portmap", "vlan"} {
		files["./"+name] = executable(elf.EM_X86_64, name)
	}
	return files
}

func wanted() []plan.Component {
	return []plan.Component{
		{Name: profile.ComponentKubernetes, Version: "1.34.4"},
		{Name: profile.ComponentFlannel, Version: "0.28.4"},
		{Name: profile.ComponentCNIPlugins, Version: "1.9.1"},
		{Name: profile.ComponentEtcd, Version: "3.6.5"},
		{Name: profile.ComponentCoreDNS, Version: "1.12.1", ImagesOnly: true},
	}
}

// members gives what is in an archive of etcd.
func members(version string) map[string]string {
	return map[string]string{
		"etcd-v" + version + "-linux-amd64/etcd":                      executable(elf.EM_X86_64, version),
		"etcd-v" + version + "-linux-amd64/etcdctl":                   executable(elf.EM_X86_64, version),
		"etcd-v" + version + "-linux-amd64/Documentation/etcd/README": "text",
	}
}

func choose(t *testing.T, c plan.Components, o Options) *Set {
	t.Helper()
	o.ModTime = epoch()
	s, err := Choose(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRelease(t *testing.T) {
	dir, cache := t.TempDir(), t.TempDir()
	c := plan.Components{Source: profile.SourceRelease, Wanted: wanted(), Archives: []plan.Archive{
		archive(t, dir, "server.tar.gz", true, server("1.34.4")),
		archive(t, dir, "flannel.tar.gz", true, map[string]string{"flanneld": executable(elf.EM_X86_64, ""), "mk-docker-opts.sh": "#!/bin/sh"}),
		archive(t, dir, "plugins.tgz", true, plugins()),
		archive(t, dir, "etcd.tar.gz", true, members("3.6.5")),
		archive(t, dir, "coredns.tgz", true, map[string]string{"coredns": executable(elf.EM_X86_64, "1.12.1")}),
		archive(t, dir, "flannel-plugin.tar", false, map[string]string{"./flannel-amd64": executable(elf.EM_X86_64, "plugin"), "bridge": "the second one"}),
	}}
	for range 2 {
		programs, err := choose(t, c, Options{CacheDir: cache, Dir: dir}).Tree(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var listing []string
		for _, n := range programs.Nodes() {
			if n.Mode.IsRegular() {
				listing = append(listing, n.Path)
			}
			if n.Mode.Perm() != 0o755 || n.Owner != (tree.Owner{}) || !n.ModTime.Equal(epoch()) {
				t.Errorf("%s: mode %v, owner %v, time %v", n.Path, n.Mode, n.Owner, n.ModTime)
			}
		}
		if all := paths(); !slices.Equal(listing, all) {
			t.Errorf("got  %v\nwant %v", listing, all)
		}
		plugin, _ := programs.Get("opt/cni/bin/flannel")
		if b, err := plugin.Content(); err != nil || string(b) != executable(elf.EM_X86_64, "plugin") {
			t.Errorf("the plugin holds %q, %v", b, err)
		}
		// The second time is from the cache alone.
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(cache, "component", "*.part")); left != nil {
		t.Errorf("left: %v", left)
	}
}

// paths gives those of all programs, sorted.
func paths() []string {
	var out []string
	for _, p := range programs() {
		out = append(out, p.dir+"/"+p.name)
	}
	slices.Sort(out)
	return out
}

func TestReleaseRefuses(t *testing.T) {
	dir := t.TempDir()
	whole, lacking, arm, text := server("1.34.4"), server("1.34.4"), server("1.34.4"), server("1.34.4")
	delete(lacking, "kubernetes/server/bin/kube-scheduler")
	delete(lacking, "kubernetes/server/bin/kubeadm")
	arm["kubernetes/server/bin/kubelet"] = executable(elf.EM_AARCH64, "v1.34.4")
	text["kubernetes/server/bin/kubectl"] = "#!/bin/sh"
	other := archive(t, dir, "whole.tar.gz", true, whole)
	other.SHA256 = strings.Repeat("0", 64)
	for complaint, a := range map[string]plan.Archive{
		"file: kube-scheduler, kubeadm":   archive(t, dir, "lacking.tar.gz", true, lacking),
		"EM_AARCH64":                      archive(t, dir, "arm.tar.gz", true, arm),
		"kubectl: it is no program":       archive(t, dir, "text.tar.gz", true, text),
		"does not say that it is v1.34.4": archive(t, dir, "old.tar.gz", true, server("1.34.3")),
		fetch.ErrDigest.Error():           other,
	} {
		cache := t.TempDir()
		s := choose(t, plan.Components{Source: profile.SourceRelease, Wanted: wanted()[:1], Archives: []plan.Archive{a}}, Options{CacheDir: cache, Dir: dir})
		_, err := s.Tree(t.Context())
		if err == nil || !strings.Contains(err.Error(), complaint) {
			t.Errorf("%s: got %v", complaint, err)
		}
		if left, _ := filepath.Glob(filepath.Join(cache, "component", "*", "*")); left != nil {
			t.Errorf("%s: left %v", complaint, left)
		}
	}
}

func TestReleaseOfAnotherEtcd(t *testing.T) {
	dir := t.TempDir()
	s := choose(t, plan.Components{Source: profile.SourceRelease, Wanted: wanted()[3:4], Archives: []plan.Archive{
		archive(t, dir, "etcd.tar.gz", true, members("3.5.24")),
	}}, Options{CacheDir: t.TempDir(), Dir: dir})
	if _, err := s.Tree(t.Context()); err == nil || !strings.Contains(err.Error(), "etcd does not say that it is 3.6.5") {
		t.Errorf("got %v", err)
	}
}

// fake is a source that makes links of these names, and then lacks another where it says so.
type fake struct {
	makes []string
	lacks string
}

func (fake) String() string                        { return "a fake" }
func (fake) inputs(plan.Component) (string, error) { return "", nil }

func (f fake) make(_ context.Context, _ plan.Component, dir string) error {
	err := os.MkdirAll(dir, 0o755)
	for _, name := range f.makes {
		err = errors.Join(err, os.Symlink("hyperkube", filepath.Join(dir, name)))
	}
	if f.lacks != "" {
		err = errors.Join(err, &absentError{f.String(), f.lacks})
	}
	return err
}

// What a source has made is not in the way of the next one, if it lacks a program.
func TestSourceThatLacksAProgramLeavesNothing(t *testing.T) {
	lacking, whole := fake{makes: []string{"kubelet"}, lacks: "kubectl"}, fake{makes: []string{"kubelet", "kubectl"}}
	dir := filepath.Join(t.TempDir(), "component")
	if err := (part{sources: []source{lacking, whole}}).make(t.Context(), dir, silent{}); err != nil {
		t.Error(err)
	}
	none := filepath.Join(t.TempDir(), "component")
	var absent *absentError
	if err := (part{sources: []source{lacking, lacking}}).make(t.Context(), none, silent{}); !errors.As(err, &absent) {
		t.Errorf("without a whole one: %v", err)
	}
	if _, err := os.Lstat(none); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left: %v", err)
	}
}

// The digest follows what the programs are made of, and not where it is.
func TestDigest(t *testing.T) {
	digest := func(change func(*plan.Components)) string {
		c := plan.Components{Source: profile.SourceRelease, Wanted: wanted(), Archives: []plan.Archive{{File: "a.tar.gz", SHA256: strings.Repeat("a", 64)}}}
		change(&c)
		return choose(t, c, Options{CacheDir: t.TempDir()}).Digest()
	}
	first := digest(func(*plan.Components) {})
	if moved := digest(func(c *plan.Components) {
		c.Archives[0] = plan.Archive{URL: "https://example.com/a", SHA256: strings.Repeat("A", 64)}
	}); moved != first {
		t.Error("the same archive at another place gives another digest")
	}
	for name, change := range map[string]func(*plan.Components){
		"version":   func(c *plan.Components) { c.Wanted[0].Version = "1.34.5" },
		"component": func(c *plan.Components) { c.Wanted = c.Wanted[:2] },
		"archive":   func(c *plan.Components) { c.Archives[0].SHA256 = strings.Repeat("b", 64) },
	} {
		if digest(change) == first {
			t.Errorf("another %s gives the same digest", name)
		}
	}
	for name, c := range map[string]plan.Components{
		"nothing":  {},
		"packages": {Source: profile.SourcePackages, Wanted: wanted()},
	} {
		s := choose(t, c, Options{CacheDir: t.TempDir()})
		if programs, err := s.Tree(t.Context()); s.Digest() != "" || err != nil || programs.Len() != 0 {
			t.Errorf("%s: digest %q, %d nodes, %v", name, s.Digest(), programs.Len(), err)
		}
	}
}

func TestContainsAcrossParts(t *testing.T) {
	long := strings.Repeat("x", 1<<20-3) + "v1.34.4"
	for text, want := range map[string]bool{"v1.34.4": true, "v1.34.5": false} {
		if got, err := contains(strings.NewReader(long), []byte(text)); got != want || err != nil {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	if _, err := contains(failing{}, []byte("x")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, os.ErrClosed }

func TestLackingFromPackages(t *testing.T) {
	root := fstest.MapFS{"usr/bin/etcd": {}, "opt/cni/bin/bridge": {}}
	c := plan.Components{Source: profile.SourcePackages, Wanted: []plan.Component{
		{Name: profile.ComponentEtcd}, {Name: profile.ComponentFlannel}, {Name: profile.ComponentCoreDNS, ImagesOnly: true},
	}}
	if got := Lacking(root, c); !slices.Equal(got, []string{"etcdctl", "flanneld"}) {
		t.Errorf("got %q", got)
	}
	c.Source = profile.SourceAuto
	if got := Lacking(root, c); got != nil {
		t.Errorf("got %q of components that come from elsewhere", got)
	}
}
