package component

import (
	"debug/elf"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/profile"
	"github.com/nodekiln/nodekiln/pkg/tool"
	"github.com/nodekiln/nodekiln/profiles"
)

// recorder keeps what it hears.
type recorder struct {
	what []string
	done []float64
}

func (r *recorder) Stage(what string, done float64) {
	r.what, r.done = append(r.what, what), append(r.done, done)
}

func plugin() []plan.Component {
	return []plan.Component{{Name: profile.ComponentCNIPlugins, Version: "1.9.1"}}
}

// What is built at two places is the same, is static, and is a plugin. With the source auto, archives that lack a
// component leave it to the modules.
func TestModules(t *testing.T) {
	if os.Getenv("NODEKILN_CONFORMANCE") != "1" {
		if testing.Short() {
			t.Skip("it builds programs")
		}
		if err := exec.Command("go", "mod", "download", "github.com/containernetworking/plugins@v1.9.1").Run(); err != nil {
			t.Skip("no proxy for Go modules can be reached")
		}
	}
	dir := t.TempDir()
	half := plugins()
	delete(half, "./loopback")
	var first map[string]string
	for _, c := range []plan.Components{
		{Source: profile.SourceModules, Wanted: plugin()},
		{Source: profile.SourceAuto, Wanted: plugin(), Archives: []plan.Archive{archive(t, dir, "half.tgz", true, half)}},
	} {
		heard := &recorder{}
		cache := t.TempDir()
		programs, err := choose(t, c, Options{CacheDir: cache, Dir: dir, Progress: heard}).Tree(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, n := range programs.Nodes() {
			if n.Mode.IsRegular() {
				b, err := n.Content()
				if err != nil {
					t.Fatal(err)
				}
				got[n.Path] = string(b)
				checkStatic(t, b)
			}
		}
		if first == nil {
			first = got
		}
		for _, p := range programsOf(profile.ComponentCNIPlugins) {
			if b := got[p.dir+"/"+p.name]; b == "" || b != first[p.dir+"/"+p.name] {
				t.Errorf("%s: %d bytes, which are not those of the first build", p.name, len(b))
			}
		}
		if last := heard.done[len(heard.done)-1]; last != 1 {
			t.Errorf("the progress ends at %v", last)
		}
		if left, _ := filepath.Glob(filepath.Join(cache, "component", "*.part*")); left != nil {
			t.Errorf("left: %v", left)
		}
		speaks(t, filepath.Join(cache, "component"))
	}
}

func checkStatic(t *testing.T, b []byte) {
	t.Helper()
	f, err := elf.NewFile(strings.NewReader(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	if libraries, err := f.ImportedLibraries(); len(libraries) > 0 || f.Section(".interp") != nil {
		t.Errorf("it needs %v, %v", libraries, err)
	}
}

// speaks asks each plugin for the versions of the CNI that it knows, among which is the one of the profiles' networks.
func speaks(t *testing.T, components string) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(components, "*", cniDir, "*"))
	if err != nil || len(found) != len(programsOf(profile.ComponentCNIPlugins)) {
		t.Fatalf("found %v, %v", found, err)
	}
	for _, p := range found {
		out, err := tool.Cmd{Name: p, Env: []string{"CNI_COMMAND=VERSION"}, Stdin: strings.NewReader(`{"cniVersion":"0.3.1"}`)}.Output(t.Context())
		if err != nil || !strings.Contains(string(out), `"0.3.1"`) {
			t.Errorf("%s says %s, %v", p, out, err)
		}
	}
}

func TestOldKubernetesNeedsArchives(t *testing.T) {
	c := plan.Components{Source: profile.SourceAuto, Wanted: []plan.Component{{Name: profile.ComponentKubernetes, Version: "1.20.0"}}}
	_, err := Choose(t.Context(), c, Options{CacheDir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "begins with Kubernetes 1.29") || !strings.Contains(err.Error(), "components.archives") {
		t.Errorf("got %v", err)
	}
}

func TestWithoutGo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	c := plan.Components{Source: profile.SourceAuto, Wanted: wanted()}
	_, err := Choose(t.Context(), c, Options{CacheDir: t.TempDir()})
	var missing *tool.MissingError
	if !errors.As(err, &missing) || missing.Program != "go" || strings.Count(err.Error(), "there is no source for") != len(wanted()) {
		t.Errorf("got %v", err)
	}
}

// needGo skips the test without Go, or fails it where all programs must be there.
func needGo(t *testing.T) {
	t.Helper()
	_, err := exec.LookPath("go")
	switch {
	case err == nil:
	case os.Getenv("NODEKILN_CONFORMANCE") == "1":
		t.Fatal(err)
	default:
		t.Skip(err)
	}
}

func TestChecksumDatabaseHasToBeOn(t *testing.T) {
	needGo(t)
	t.Setenv("GOSUMDB", "off")
	_, err := Choose(t.Context(), plan.Components{Source: profile.SourceModules, Wanted: wanted()}, Options{CacheDir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "GOSUMDB=off") {
		t.Errorf("got %v", err)
	}
}

// What 'go env -w' has written keeps no module from the checksum database, and does not decide how Go builds.
func TestWrittenEnvironmentOfGo(t *testing.T) {
	needGo(t)
	written := filepath.Join(t.TempDir(), "env")
	t.Setenv("GOENV", written)
	if err := os.WriteFile(written, []byte("GOPRIVATE=k8s.io/*\nGONOSUMDB=*\nGOFLAGS=-tags=x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := tool.Cmd{Name: "go", Args: []string{"env", "GOPRIVATE", "GONOSUMDB", "GOFLAGS"}, Env: goEnv()}.Output(t.Context())
	if want := "none.invalid\nnone.invalid\n-mod=mod -modcacherw\n"; err != nil || string(out) != want {
		t.Errorf("got %q, %v", out, err)
	}
	c := plan.Components{Source: profile.SourceModules, Wanted: wanted()}
	plain := choose(t, c, Options{CacheDir: t.TempDir()}).Digest()
	if err := os.Remove(written); err != nil {
		t.Fatal(err)
	}
	if unset := choose(t, c, Options{CacheDir: t.TempDir()}).Digest(); unset != plain {
		t.Error("it decides the digest")
	}
	if err := os.WriteFile(written, []byte("GOEXPERIMENT=noregabiargs\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Choose(t.Context(), c, Options{CacheDir: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "go env -u GOEXPERIMENT") {
		t.Errorf("got %v", err)
	}
}

func TestLibrariesOfKubernetesAreModules(t *testing.T) {
	builds, err := kubernetesBuild("1.34.4")
	if err != nil {
		t.Fatal(err)
	}
	b := builds[0]
	got := string(b.replaced([]byte("replace (\n\tk8s.io/api => ./staging/src/k8s.io/api\n\tgo.example/x => go.example/y v1.0.0\n)\n")))
	if want := "replace (\n\tk8s.io/api => k8s.io/api v0.34.4\n\tgo.example/x => go.example/y v1.0.0\n)\n"; got != want {
		t.Errorf("got %s", got)
	}
	if !strings.Contains(b.LDFlags, "k8s.io/component-base/version.gitVersion=v1.34.4 ") || !strings.Contains(b.LDFlags, "gitMinor=34 ") {
		t.Errorf("flags of the linker: %s", b.LDFlags)
	}
	if !strings.Contains(b.Files["main.go"], "package main") || len(b.Links) != 7 {
		t.Errorf("%d files, links %v", len(b.Files), b.Links)
	}
}

// What is a directory of etcd's repository is a module of the version that is required.
func TestLibrariesOfEtcdAreModules(t *testing.T) {
	builds := etcdBuilds("3.6.5")
	gomod := "require go.etcd.io/etcd/api/v3 v3.6.5\n\nreplace (\n\tgo.etcd.io/etcd/api/v3 => ../api\n\tgo.example/x => go.example/y v1.0.0\n)\n\n" +
		"replace go.etcd.io/etcd => ./FORBIDDEN_DEPENDENCY\n"
	want := "require go.etcd.io/etcd/api/v3 v3.6.5\n\nreplace (\n\tgo.example/x => go.example/y v1.0.0\n)\n\n"
	for _, b := range builds {
		if got := string(b.replaced([]byte(gomod))); got != want {
			t.Errorf("%s: got %s", b.Module, got)
		}
	}
	if len(builds) != len(programsOf(profile.ComponentEtcd)) {
		t.Errorf("%d builds", len(builds))
	}
}

// Each plugin that the addon's Corefile has is built in, by the name of its package.
func TestPluginsOfCoreDNS(t *testing.T) {
	manifest, err := fs.ReadFile(profiles.FS, "library/coredns.yaml")
	if err != nil {
		t.Fatal(err)
	}
	builds, err := corednsBuild("1.12.1")
	if err != nil {
		t.Fatal(err)
	}
	_, corefile, found := strings.Cut(string(manifest), ".:53 {\n")
	corefile, _, closed := strings.Cut(corefile, "\n    }\n")
	directives := regexp.MustCompile(`(?m)^ {8}([a-z]+)`).FindAllStringSubmatch(corefile, -1)
	if !found || !closed || len(directives) < 10 {
		t.Fatalf("the Corefile has %v", directives)
	}
	for _, d := range directives {
		name := d[1]
		if name == "prometheus" {
			name = "metrics"
		}
		if !strings.Contains(builds[0].Files["main.go"], `"github.com/coredns/coredns/plugin/`+name+`"`) {
			t.Errorf("the program lacks %s", d[1])
		}
	}
}

func TestComponentsOfImages(t *testing.T) {
	needGo(t)
	all := choose(t, plan.Components{Source: profile.SourceModules, Wanted: []plan.Component{
		{Name: profile.ComponentCNIPlugins, Version: "1.9.1"}, {Name: profile.ComponentCoreDNS, Version: "1.12.1", ImagesOnly: true},
	}}, Options{CacheDir: t.TempDir()})
	digests := map[string]string{
		"all": all.Digest(), "machines": all.OnMachines().Digest(),
		"coredns": all.Of(profile.ComponentCoreDNS).Digest(), "none": all.Of(profile.ComponentEtcd).Digest(),
	}
	if alone := all.Of(profile.ComponentCNIPlugins).Digest(); alone != digests["machines"] {
		t.Errorf("the machines have %v", digests)
	}
	for _, name := range []string{"all", "machines", "coredns"} {
		if digests[name] == "" || digests[name] == digests["none"] {
			t.Errorf("%s: %v", name, digests)
		}
	}
	if digests["none"] != "" || digests["coredns"] == digests["machines"] || digests["all"] == digests["machines"] {
		t.Errorf("got %v", digests)
	}
}

func TestDroppedLines(t *testing.T) {
	b := flannelBuild("0.28.4")[0]
	got := string(b.kept([]byte("import (\n\t_ \"x/backend/tencentvpc\"\n\t_ \"x/backend/udp\"\n\t_ \"x/backend/vxlan\"\n)\n")))
	if want := "import (\n\t_ \"x/backend/vxlan\"\n)\n"; got != want {
		t.Errorf("got %s", got)
	}
}

func TestBuildLog(t *testing.T) {
	heard := &recorder{}
	l := &buildLog{progress: heard, what: "x v1", total: 4}
	for _, part := range []string{"go: downloading a.example/b v1.0.0\nerr", "ors\nio/fs\n", "# x\nx.go:1:1: undefined: y\n"} {
		if _, err := l.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := strings.Join(heard.what, "; "), "downloading a.example/b v1.0.0; building x v1: errors; building x v1: io/fs"; got != want {
		t.Errorf("got %s", got)
	}
	if l.done() != 0.99/2 {
		t.Errorf("done: %v", l.done())
	}
	err := l.explain(&tool.Error{Command: "go build", Output: "errors\nio/fs", Err: errors.New("exit status 1")})
	if want := "go build: exit status 1\n  # x\n  x.go:1:1: undefined: y"; err.Error() != want {
		t.Errorf("got %v", err)
	}
}
