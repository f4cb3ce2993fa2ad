package build

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/pelletier/go-toml"
	"gopkg.in/yaml.v3"
)

// unlooked are what shellcheck does not have to tell: that it can not read what a script sources, which is there on the
// machine alone, and that $(cat FILE) gives words, which is what is wanted of the kernel's list of consoles.
const unlooked = "SC1090,SC1091,SC2013"

// checkScripts has the shell parse each script, and shellcheck look for mistakes.
func checkScripts(t *testing.T, m *renderedMachine) {
	for file, content := range m.files {
		first, _, _ := strings.Cut(string(content), "\n")
		shell := path.Base(strings.TrimPrefix(first, "#!"))
		switch {
		case strings.HasPrefix(path.Base(file), ".bash"):
			shell = "bash"
		case !strings.HasPrefix(first, "#!"):
			continue
		case shell != "sh" && shell != "bash":
			t.Errorf("/%s is a script of %s, which nobody checks", file, shell)
			continue
		}
		if said, err := judge(t, shell, "-n", m.path(file)); err != nil || said != "" {
			t.Errorf("%v: %s", err, said)
		}
		if said, err := judge(t, "shellcheck", "--shell="+shell, "--exclude="+unlooked, m.path(file)); err != nil {
			t.Errorf("%v: %s", err, said)
		}
	}
}

// parsers read the files whose paths they match. A file may be read by several.
func parsers() map[string]func([]byte) error {
	lines := func(form string) func([]byte) error {
		re := regexp.MustCompile(`^(` + form + `|\s*([#;].*)?)$`)
		return func(b []byte) error {
			for i, line := range strings.Split(string(b), "\n") {
				if !re.MatchString(line) {
					return fmt.Errorf("line %d is %q", i+1, line)
				}
			}
			return nil
		}
	}
	return map[string]func([]byte) error{
		`\.(json|conflist)$|^etc/docker/daemon`: func(b []byte) error { return json.Unmarshal(b, new(any)) },
		`\.toml$`:                               func(b []byte) error { _, err := toml.LoadBytes(b); return err },
		`\.ya?ml$|kubeconfig$`:                  func(b []byte) error { _, err := documentsOf(b); return err },
		`\.xml$`:                                func(b []byte) error { return xml.Unmarshal(b, new(struct{ XMLName xml.Name })) },
		// sysctl.d(5), modules-load.d(5)
		`^etc/sysctl(\.d/.*)?\.conf$`:    lines(`-?[a-z0-9_]+([./][A-Za-z0-9_*-]+)+ *= *\S.*`),
		`^etc/modules-load\.d/.*\.conf$`: lines(`[a-z0-9_-]+`),
	}
}

// documentsOf reads the documents of a YAML file.
func documentsOf(b []byte) ([]map[string]any, error) {
	var out []map[string]any
	for dec := yaml.NewDecoder(bytes.NewReader(b)); ; {
		var v map[string]any
		if err := dec.Decode(&v); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
}

func checkFormats(t *testing.T, m *renderedMachine) {
	for pattern, parse := range parsers() {
		re := regexp.MustCompile(pattern)
		for file, content := range m.files {
			if re.MatchString(file) || strings.Contains(pattern, "yaml") && bytes.HasPrefix(content, []byte("apiVersion:")) {
				if err := parse(content); err != nil {
					t.Errorf("/%s: %v", file, err)
				}
			}
		}
	}
}

func TestParsersRefuse(t *testing.T) {
	for file, content := range map[string]string{
		"a.json": "{", "etc/docker/daemon.json": "a: b", "a.toml": "a", "a.yaml": "a: b: c", "a.xml": "<a>",
		"etc/sysctl.d/a.conf": "net.ipv4.ip_forward 1", "etc/modules-load.d/a.conf": "overlay br_netfilter",
	} {
		refused := 0
		for pattern, parse := range parsers() {
			if regexp.MustCompile(pattern).MatchString(file) && parse([]byte(content)) != nil {
				refused++
			}
		}
		if refused == 0 {
			t.Errorf("%s may be %q", file, content)
		}
	}
}
