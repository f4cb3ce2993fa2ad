package component

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/nodekiln/nodekiln/pkg/plan"
	"github.com/nodekiln/nodekiln/pkg/profile"
	"github.com/nodekiln/nodekiln/pkg/tool"
)

// modules builds programs from Go modules.
type modules struct {
	// goVersion is that of the toolchain: "go1.26.8".
	goVersion string
	options   Options
}

// newModules asks the Go toolchain for its version.
func newModules(ctx context.Context, o Options) (*modules, error) {
	out, err := tool.Cmd{Name: "go", Args: []string{"env", "-json", "GOVERSION", "GOSUMDB", "GOEXPERIMENT"}, Env: goEnv(), Dir: "/"}.Output(ctx)
	if err != nil {
		return nil, fmt.Errorf("building from Go modules needs Go: %w", err)
	}
	var env struct{ GOVERSION, GOSUMDB, GOEXPERIMENT string }
	if err := json.Unmarshal(out, &env); err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	if env.GOSUMDB == "off" {
		return nil, errors.New("building from Go modules needs the checksum database, which GOSUMDB=off turns off: nothing else says that a module is the right one")
	}
	// A toolchain that was made with experiments names them in its version.
	if x := env.GOEXPERIMENT; x != "" && !strings.Contains(env.GOVERSION, "X:"+x) {
		return nil, fmt.Errorf("'go env -w' has set GOEXPERIMENT=%s, with which other programs are built: run 'go env -u GOEXPERIMENT'", x)
	}
	return &modules{goVersion: env.GOVERSION, options: o}, nil
}

// buildEnv gives what decides how Go builds, so that nothing of the user's does: static programs for any x86-64, each
// module vouched for by the checksum database, and no other toolchain than the one whose version is in the digest.
func buildEnv() []string {
	return []string{
		"CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOAMD64=v1", "GOEXPERIMENT=", "GODEBUG=", "GOTOOLCHAIN=local", "GOWORK=off",
		"GOFIPS140=off", "GO111MODULE=on", "GOFLAGS=-mod=mod -modcacherw", "GOPRIVATE=", "GONOSUMDB=", "GONOSUMCHECK=", "GOINSECURE=",
	}
}

// goEnv is what go is run with. A variable that is empty gives way to what 'go env -w' has written, so that those that would
// keep modules from the checksum database get a pattern that no module has.
func goEnv() []string { return append(buildEnv(), "GOPRIVATE=none.invalid", "GONOSUMDB=none.invalid") }

func (m *modules) String() string { return "Go modules (" + m.goVersion + ")" }

func (m *modules) inputs(c plan.Component) (string, error) {
	builds, err := buildsOf(c)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(struct {
		Go     string
		Env    []string
		Builds []gobuild
	}{m.goVersion, buildEnv(), builds})
	return string(text), err
}

func (m *modules) make(ctx context.Context, c plan.Component, dir string) error {
	builds, err := buildsOf(c)
	if err != nil {
		return err
	}
	for _, b := range builds {
		if err := m.build(ctx, b, dir); err != nil {
			return err
		}
	}
	return nil
}

// buildsOf gives the builds that make a component.
func buildsOf(c plan.Component) ([]gobuild, error) {
	switch c.Name {
	case profile.ComponentKubernetes:
		return kubernetesBuild(c.Version)
	case profile.ComponentEtcd:
		return etcdBuilds(c.Version), nil
	case profile.ComponentCoreDNS:
		return corednsBuild(c.Version)
	case profile.ComponentFlannel:
		return flannelBuild(c.Version), nil
	case profile.ComponentCNIPlugins:
		return cniBuilds(c.Version), nil
	}
	return nil, fmt.Errorf("there are no Go modules known of the component %s", c.Name)
}

// gobuild is one run of `go build` in a module made for it, which takes the requirements of another one.
type gobuild struct {
	// Module and Version, with its v, whose go.mod is taken over.
	Module, Version string
	// Siblings is the version of the modules that its go.mod replaces by directories below ./staging/src; "" for none.
	Siblings string
	// Files are the sources of the program, by name. Copied is a file of the module to be one more, without the lines that
	// hold a text of Dropped.
	Files   map[string]string
	Copied  string
	Dropped []string
	// Packages of the module to build, each a program of its name; none where Files are the program.
	Packages []string
	LDFlags  string
	// Dir is where the programs go, below the root of the machine, and Output the name of one that is made of Files.
	Dir, Output string
	// Links are further names of Output.
	Links []string
}

func (m *modules) build(ctx context.Context, b gobuild, dir string) error {
	// Beside the result, so that what a killed process has left is found the next time.
	work := dir + ".work"
	if err := errors.Join(os.RemoveAll(work), os.MkdirAll(work, 0o755)); err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := m.prepare(ctx, b, work); err != nil {
		return fmt.Errorf("prepare the build of %s@%s: %w", b.Module, b.Version, err)
	}
	out := filepath.Join(dir, filepath.FromSlash(b.Dir))
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	packages := []string{"."}
	target := filepath.Join(out, b.Output)
	if len(b.Packages) > 0 {
		target += string(filepath.Separator)
		packages = nil
		for _, p := range b.Packages {
			packages = append(packages, b.Module+"/"+p)
		}
	}
	log := &buildLog{progress: m.options.Progress, what: b.Module + " " + b.Version}
	total, err := m.count(ctx, work, packages, log)
	if err != nil {
		return err
	}
	log.total = total
	args := append([]string{"build", "-v", "-trimpath", "-buildvcs=false", "-ldflags", strings.TrimSpace("-s -w " + b.LDFlags), "-o", target}, packages...)
	if err := m.run(ctx, work, log, args...); err != nil {
		return fmt.Errorf("build %s@%s: %w", b.Module, b.Version, err)
	}
	for _, name := range b.Links {
		if err := os.Symlink(b.Output, filepath.Join(out, name)); err != nil {
			return err
		}
	}
	return nil
}

// run runs go in a directory; the log follows what it says.
func (m *modules) run(ctx context.Context, dir string, log *buildLog, args ...string) error {
	return log.explain(tool.Cmd{Name: "go", Args: args, Env: goEnv(), Dir: dir, Stderr: log}.Run(ctx))
}

// count gives how many packages a build compiles when nothing is cached. It downloads all modules.
func (m *modules) count(ctx context.Context, dir string, packages []string, log *buildLog) (int, error) {
	out, err := tool.Cmd{Name: "go", Args: append([]string{"list", "-deps"}, packages...), Env: goEnv(), Dir: dir, Stderr: log}.Output(ctx)
	if err != nil {
		return 0, fmt.Errorf("list what the build needs: %w", log.explain(err))
	}
	return strings.Count(string(out), "\n"), nil
}
