package base

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/tree"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// skip ends a test that lacks something outside, unless everything has to be judged.
func skip(t testing.TB, reason error) {
	t.Helper()
	if os.Getenv("NODEKILN_CONFORMANCE") == "1" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// judge runs an outside program, which has to agree.
func judge(t testing.TB, dir, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		skip(t, err)
	}
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func epoch() time.Time { return time.Unix(1700000000, 0).UTC() }

func testRecipe(t testing.TB, b plan.Base) *recipe {
	t.Helper()
	r, err := newRecipe(b, contents{}, epoch())
	must(t, err)
	return r
}

func TestRecipeDigest(t *testing.T) {
	same := func() plan.Base {
		return plan.Base{Debian: "bookworm", Packages: []string{"etcd-client", "etcd-server"}}
	}
	first := testRecipe(t, same())
	if again := testRecipe(t, same()); again.digest != first.digest || again.identity != first.identity {
		t.Error("the same base has two digests")
	}
	for name, change := range map[string]func(*plan.Base){
		"release": func(b *plan.Base) { b.Debian = "trixie" },
		"kernel":  func(b *plan.Base) { b.Kernel = "cloud" },
		"package": func(b *plan.Base) { b.Packages = b.Packages[:1] },
		"mirror":  func(b *plan.Base) { b.Mirrors = []string{"http://mirror.example/debian"} },
	} {
		b := same()
		change(&b)
		if r := testRecipe(t, b); r.digest == first.digest || r.identity.fsUUID == first.identity.fsUUID {
			t.Errorf("another %s gives the same digest", name)
		}
	}
	later, err := newRecipe(same(), contents{}, epoch().Add(time.Second))
	must(t, err)
	if later.digest == first.digest {
		t.Error("another time gives the same digest")
	}
	other, err := newRecipe(same(), contents{programs: "of programs"}, epoch())
	must(t, err)
	if other.digest == first.digest {
		t.Error("other programs give the same digest")
	}
	images, err := newRecipe(same(), contents{images: "of programs"}, epoch())
	must(t, err)
	if images.digest == first.digest || images.digest == other.digest {
		t.Error("container images give the same digest as none, or as programs")
	}
	generic := same()
	generic.Kernel = "generic"
	if testRecipe(t, generic).digest != first.digest {
		t.Error("the default kernel, named, gives another digest")
	}
}

func TestRecipeRefusals(t *testing.T) {
	for _, b := range []plan.Base{{}, {Debian: "bookworm", Kernel: "rt"}, {Debian: "bookworm", Mirrors: []string{"nonsense"}}} {
		if _, err := newRecipe(b, contents{}, epoch()); err == nil {
			t.Errorf("%+v: no error", b)
		}
	}
}

func TestGrubConfigParses(t *testing.T) {
	text, err := grubConfig("8c56d832-0ea0-86f5-8cfe-a60772859d77", "6.1.0-1-amd64")
	must(t, err)
	file := filepath.Join(t.TempDir(), "grub.cfg")
	must(t, os.WriteFile(file, text, 0o644))
	judge(t, "", "grub-script-check", file)
	if strings.Count(string(text), "root=UUID=8c56d832-0ea0-86f5-8cfe-a60772859d77") < 3 || strings.Contains(string(text), "{{") {
		t.Errorf("wrong text:\n%s", text)
	}
}

func TestScriptsParse(t *testing.T) {
	for name, text := range map[string]string{"init": initScript, "setup.sh": "#!/bin/sh\n" + setupScript} {
		file := filepath.Join(t.TempDir(), name)
		must(t, os.WriteFile(file, []byte(text), 0o644))
		judge(t, "", "sh", "-n", file)
		judge(t, "", "shellcheck", "--shell=dash", file)
	}
}

// The overlays are whole: each link of theirs that enables a unit leads to one that Debian's packages or they have.
func TestOverlaysEnableUnits(t *testing.T) {
	r := testRecipe(t, plan.Base{Debian: "bookworm"})
	enabled := 0
	for _, n := range r.overlay.Nodes() {
		if !strings.Contains(n.Path, ".wants/") {
			continue
		}
		enabled++
		if own, found := strings.CutPrefix(n.Target, "/etc/"); found {
			if _, ok := r.overlay.Get("etc/" + own); !ok {
				t.Errorf("%s leads to %s, which is not there", n.Path, n.Target)
			}
		} else if !strings.HasPrefix(n.Target, "/usr/lib/systemd/system/") {
			t.Errorf("%s leads to %s", n.Path, n.Target)
		}
	}
	if enabled < 5 {
		t.Errorf("only %d units are enabled", enabled)
	}
	if n, ok := r.overlay.Get("var/log/journal"); !ok || n.Owner.Group != "systemd-journal" || n.UnixMode() != 0o042755 {
		t.Errorf("var/log/journal: %+v", n)
	}
}

func TestInstalledPackages(t *testing.T) {
	status := "Package: b\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:2-3\nDescription: x\n Package: no\n\n" +
		"Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\nPackage: a\nStatus: install ok installed\nArchitecture: all\nVersion: 2\n"
	tr, err := tree.New(tree.File("var/lib/dpkg/status", 0o644, epoch(), []byte(status), ""))
	must(t, err)
	got, err := installedPackages(tr)
	must(t, err)
	if len(got) != 2 || got[0] != (Package{"a", "2", "all"}) || got[1] != (Package{"b", "1:2-3", "amd64"}) {
		t.Errorf("got %+v", got)
	}
	if _, err := installedPackages(&tree.Tree{}); err == nil {
		t.Error("no error without a status file")
	}
}
