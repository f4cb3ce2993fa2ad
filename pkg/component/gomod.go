package component

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/nodekiln/nodekiln/pkg/tool"
)

// mainModule is the name of the module that a program is built in.
const mainModule = "nodekiln.dev/component"

// staging is a replacement in the go.mod of k8s.io/kubernetes by a directory beside it, which a module downloaded by
// itself does not have. That library is a module of its own as well.
var staging = regexp.MustCompile(`=> \./staging/src/(\S+)`)

// neighbour is a line of go.mod that replaces a module by a directory which only the whole repository has, as those of
// etcd do. What the module requires is of its own version, and served.
var neighbour = regexp.MustCompile(`(?m)^(replace |\s+)\S+ => \.\.?/.*\n`)

// prepare makes the module of a build in a directory: the go.mod of the module that it takes over, and sources.
func (m *modules) prepare(ctx context.Context, b gobuild, dir string) error {
	// `go mod download` wants to stand in a module.
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module "+mainModule+"\n\ngo 1.24\n"), 0o644); err != nil {
		return err
	}
	downloaded, err := m.download(ctx, b, dir)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(downloaded.GoMod)
	if err != nil {
		return err
	}
	text = b.replaced(text)
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), text, 0o644); err != nil {
		return err
	}
	err = m.run(ctx, dir, &buildLog{progress: m.options.Progress, what: b.Module + " " + b.Version},
		"mod", "edit", "-module="+mainModule, "-require="+b.Module+"@"+b.Version)
	if err != nil {
		return err
	}
	return b.writeSources(dir, downloaded.Dir)
}

// replaced gives the go.mod of a module with its libraries as modules of their own.
func (b gobuild) replaced(gomod []byte) []byte {
	return neighbour.ReplaceAll(staging.ReplaceAll(gomod, []byte("=> $1 "+b.Siblings)), nil)
}

// download is what `go mod download -json` says of a module.
type download struct{ GoMod, Dir, Error string }

// download gets the module, which the checksum database vouches for.
func (m *modules) download(ctx context.Context, b gobuild, dir string) (download, error) {
	m.options.Progress.Stage(fmt.Sprintf("downloading %s %s", b.Module, b.Version), 0)
	out, err := tool.Cmd{Name: "go", Args: []string{"mod", "download", "-json", b.Module + "@" + b.Version}, Env: goEnv(), Dir: dir}.Output(ctx)
	var d download
	if len(out) > 0 {
		if err := json.Unmarshal(out, &d); err != nil {
			return d, fmt.Errorf("go mod download: %w", err)
		}
	}
	if d.Error != "" {
		return d, errors.New(d.Error)
	}
	return d, err
}

// writeSources writes the program's own files; from is the module's directory.
func (b gobuild) writeSources(dir, from string) error {
	for name, text := range b.Files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if b.Copied == "" {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(from, filepath.FromSlash(b.Copied)))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "copied.go"), b.kept(text), 0o644)
}

// kept leaves out the lines of a copied file that are dropped.
func (b gobuild) kept(text []byte) []byte {
	var out bytes.Buffer
lines:
	for line := range strings.Lines(string(text)) {
		for _, d := range b.Dropped {
			if strings.Contains(line, d) {
				continue lines
			}
		}
		out.WriteString(line)
	}
	return out.Bytes()
}
