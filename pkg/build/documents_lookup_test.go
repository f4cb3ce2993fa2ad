package build

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// documentMachine is a rendered machine.
type documentMachine struct {
	name, address string
	packages      []string
	files         *tree.Tree
}

// errAbsent is the error of a path where nothing is.
var errAbsent = errors.New("there is no such file")

// keyHolds compares a part of a file.
const keyHolds = "holds"

// find gives the files and directories that a path of a row means, of a unit its file and drop-ins.
func (m *documentMachine) find(p string) []string {
	if isUnit(p) {
		return m.unitFiles(p)
	}
	for one := range strings.SplitSeq(p, "|") {
		var out []string
		re := globbed(strings.TrimPrefix(one, "/"))
		for _, n := range m.files.Nodes() {
			if re.MatchString(n.Path) {
				out = append(out, n.Path)
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}

// globbed gives the expression of a path with * and **.
func globbed(p string) *regexp.Regexp {
	p = regexp.QuoteMeta(p)
	p = strings.NewReplacer(`\*\*/`, `(?:.*/)?`, `\*\*`, `.*`, `\*`, `[^/]*`).Replace(p)
	return regexp.MustCompile("^" + p + "$")
}

// look gives the values of a key, none being no error where the file is there.
func (m *documentMachine) look(p, key string) ([]string, error) {
	name, argument, _ := strings.Cut(key, ":")
	switch {
	case key == "package":
		return m.packages, nil
	case key == "open-port":
		return m.openPorts()
	case key == "is":
		return m.kinds(p), nil
	case isUnit(p):
		return m.lookUnit(p, name, argument)
	}
	found := m.find(p)
	if len(found) == 0 {
		return nil, errAbsent
	}
	many := strings.Contains(p, "*")
	var out []string
	for _, f := range found {
		n, _ := m.files.Get(f)
		values, err := lookNode(n, name, argument)
		if err != nil && !many { // of many, some are of another format
			return nil, fmt.Errorf("/%s: %w", f, err)
		}
		out = append(out, values...)
	}
	return out, nil
}

// kinds tells what is at a path.
func (m *documentMachine) kinds(p string) []string {
	var out []string
	for _, f := range m.find(p) {
		n, _ := m.files.Get(f)
		switch n.Mode.Type() {
		case 0:
			out = append(out, "file")
		case fs.ModeDir:
			out = append(out, "directory")
		case fs.ModeSymlink:
			out = append(out, "link")
		}
	}
	if len(out) == 0 {
		return []string{"absent"}
	}
	return out
}

// content gives the content of the file at a path, or of the file that a link there leads to.
func (m *documentMachine) content(p string) ([]byte, error) {
	p = strings.TrimPrefix(p, "/")
	for range 10 {
		n, ok := m.files.Get(p)
		switch {
		case !ok:
			return nil, errAbsent
		case n.Mode.IsRegular():
			return n.Content()
		case n.Mode.Type() != fs.ModeSymlink:
			return nil, fmt.Errorf("/%s is no file", p)
		case path.IsAbs(n.Target):
			p = strings.TrimPrefix(path.Clean(n.Target), "/")
		default:
			p = path.Join(path.Dir(p), n.Target)
		}
	}
	return nil, fmt.Errorf("/%s is a link that leads nowhere", p)
}

var variableName = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)

func isVariable(name string) bool { return variableName.MatchString(name) }

// lookNode gives the values of a key of one file.
func lookNode(n tree.Node, name, argument string) ([]string, error) {
	switch name {
	case "mode":
		return []string{fmt.Sprintf("%04o", n.UnixMode()&0o7777)}, nil
	case "link":
		if n.Target == "" {
			return nil, errors.New("it is no link")
		}
		return []string{n.Target}, nil
	}
	if !n.Mode.IsRegular() {
		return nil, errors.New("it is no file")
	}
	b, err := n.Content()
	if err != nil {
		return nil, err
	}
	text := normal(b)
	kind, of, _ := strings.Cut(strings.TrimSuffix(name, ")"), "(")
	switch kind {
	case "text", keyHolds:
		return []string{text}, nil
	case "line":
		return strings.Split(strings.TrimSuffix(text, "\n"), "\n"), nil
	case "host":
		return hosts(text, argument), nil
	case "sysctl":
		return sysctls(text, argument), nil
	case "ini":
		section, key, _ := strings.Cut(argument, ".")
		return sections(text)[section][key], nil
	case "json":
		return jsonValues(b, argument)
	case "yaml":
		return yamlValues(b, of, argument)
	case "toml":
		return tomlValues(b, argument)
	case "cert":
		return certValues(b, argument)
	}
	if !isVariable(name) {
		return nil, fmt.Errorf("%s is no key of the tables", name)
	}
	value, ok := variables(text)[name]
	switch {
	case !ok:
		return nil, nil
	case argument != "":
		return flags(words(value))[strings.TrimLeft(argument, "-")], nil
	}
	return []string{value}, nil
}

// hosts gives the addresses of a name, and only the first where several lines have it, as the resolver does.
func hosts(text, name string) []string {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) > 1 && slices.Contains(words[1:], name) {
			return words[:1]
		}
	}
	return nil
}

// sysctls gives the values of a kernel parameter.
func sysctls(text, name string) []string {
	var out []string
	for line := range strings.Lines(text) {
		k, v, ok := strings.Cut(line, "=")
		if ok && strings.TrimSpace(k) == name {
			out = append(out, strings.TrimSpace(v))
		}
	}
	return out
}

// sections reads a file of sections, as openssl and yum have it. A key that comes twice has both values.
func sections(text string) map[string]map[string][]string {
	out := map[string]map[string][]string{}
	section := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		if name, ok := strings.CutPrefix(line, "["); ok {
			section = strings.TrimSpace(strings.TrimSuffix(name, "]"))
			continue
		}
		if k, v, ok := strings.Cut(line, "="); ok {
			if out[section] == nil {
				out[section] = map[string][]string{}
			}
			k = strings.TrimSpace(k)
			out[section][k] = append(out[section][k], strings.TrimSpace(v))
		}
	}
	return out
}

// firewallPort is a port, and firewallService a service, that firewalld's files name (firewalld.zone(5),
// firewalld.service(5)).
var (
	firewallPort    = regexp.MustCompile(`<port\s+(?:port="([^"]+)"\s+protocol="([^"]+)"|protocol="([^"]+)"\s+port="([^"]+)")`)
	firewallService = regexp.MustCompile(`<service\s+name="([^"]+)"`)
)

// openPorts gives the ports that the machine's zones of firewalld let in, by themselves and by their services.
func (m *documentMachine) openPorts() ([]string, error) {
	files := m.find("/etc/firewalld/zones/*.xml")
	for _, zone := range slices.Clone(files) {
		b, err := m.content(zone)
		if err != nil {
			return nil, err
		}
		for _, s := range firewallService.FindAllStringSubmatch(string(b), -1) {
			files = append(files, m.find("/etc/firewalld/services/"+s[1]+".xml")...)
		}
	}
	var out []string
	for _, f := range files {
		b, err := m.content(f)
		if err != nil {
			return nil, err
		}
		for _, p := range firewallPort.FindAllStringSubmatch(string(b), -1) {
			out = append(out, p[1]+p[4]+"/"+p[2]+p[3])
		}
	}
	return out, nil
}
