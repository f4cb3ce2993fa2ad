package build

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/coreos/go-systemd/v22/unit"
)

// documentUnitDirs are where units and drop-ins are, the first winning (systemd.unit(5)).
func documentUnitDirs() []string {
	return []string{"etc/systemd/system", "usr/local/lib/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"}
}

func isUnit(p string) bool {
	return !strings.Contains(p, "/") && slices.Contains([]string{".service", ".socket", ".target", ".timer", ".path"}, path.Ext(p))
}

// unitFiles gives a unit's file and then its drop-ins in the order in which systemd reads them.
func (m *documentMachine) unitFiles(name string) []string {
	var files, dropIns []string
	for _, dir := range documentUnitDirs() {
		if n, ok := m.files.Get(path.Join(dir, name)); ok && n.Mode.IsRegular() && files == nil {
			files = []string{n.Path}
		}
		dropIns = append(dropIns, m.find("/"+path.Join(dir, name+".d")+"/*.conf")...)
	}
	slices.SortStableFunc(dropIns, func(a, b string) int { return cmp.Compare(path.Base(a), path.Base(b)) })
	return append(files, dropIns...)
}

// unitState is enabled, disabled or masked.
func (m *documentMachine) unitState(name string) string {
	if n, ok := m.files.Get("etc/systemd/system/" + name); ok && n.Target == "/dev/null" {
		return "masked"
	}
	for _, kind := range []string{"wants", "requires"} {
		if len(m.find("/etc/systemd/system/*."+kind+"/"+name)) > 0 {
			return "enabled"
		}
	}
	return "disabled"
}

// options are what a unit and its drop-ins say together, by section and name. An empty value forgets those before it.
func (m *documentMachine) options(name string) (map[string][]string, error) {
	files := m.unitFiles(name)
	if len(files) == 0 {
		return nil, errAbsent
	}
	out := map[string][]string{}
	for _, f := range files {
		n, _ := m.files.Get(f)
		b, err := n.Content()
		if err != nil {
			return nil, err
		}
		options, err := unit.DeserializeOptions(strings.NewReader(normal(b)))
		if err != nil {
			return nil, fmt.Errorf("/%s: %w", f, err)
		}
		for _, o := range options {
			key := o.Section + "." + o.Name
			if o.Value == "" {
				delete(out, key)
				continue
			}
			out[key] = append(out[key], strings.ReplaceAll(o.Value, "\\\n", " "))
		}
	}
	return out, nil
}

func (m *documentMachine) lookUnit(p, name, argument string) ([]string, error) {
	if name == "unit" {
		return []string{m.unitState(p)}, nil
	}
	options, err := m.options(p)
	if err != nil {
		return nil, err
	}
	switch name {
	case "ini":
		return options[argument], nil
	case "uses":
		return m.used(options), nil
	case "exec":
		line, err := m.commandLine(options)
		if err != nil {
			return nil, err
		}
		if argument == "" {
			return line[:1], nil
		}
		return flags(line[1:])[strings.TrimLeft(argument, "-")], nil
	}
	return nil, fmt.Errorf("%s is no key of units", name)
}

var reference = regexp.MustCompile(`\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?`)

// used gives the variables that a unit's commands expand, and the scripts of the machine that they start.
func (m *documentMachine) used(options map[string][]string) []string {
	var texts, out []string
	for key, values := range options {
		if !strings.HasPrefix(key, "Service.Exec") {
			continue
		}
		for _, v := range values {
			texts = append(texts, v)
			for _, w := range words(v) {
				if b, err := m.content(strings.TrimLeft(w, "@-:+!")); err == nil && strings.HasPrefix(string(b), "#!") {
					texts = append(texts, string(b))
				}
			}
		}
	}
	for _, text := range texts {
		for _, ref := range reference.FindAllStringSubmatch(text, -1) {
			out = append(out, ref[1])
		}
	}
	return out
}

// environment gives the variables that a unit's commands have.
func (m *documentMachine) environment(options map[string][]string) (map[string]string, error) {
	out := map[string]string{}
	for _, v := range options["Service.Environment"] {
		for _, w := range words(v) {
			k, v, _ := strings.Cut(w, "=")
			out[k] = v
		}
	}
	for _, f := range options["Service.EnvironmentFile"] {
		f, optional := strings.CutPrefix(f, "-")
		b, err := m.content(f)
		if errors.Is(err, errAbsent) && optional {
			continue
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		for k, v := range variables(normal(b)) {
			out[k] = v
		}
	}
	return out, nil
}

// commandLine gives what a unit starts, its variables expanded as systemd.service(5) has it: $VAR as a word of its own is
// split at blanks, ${VAR} is not.
func (m *documentMachine) commandLine(options map[string][]string) ([]string, error) {
	commands := options["Service.ExecStart"]
	if len(commands) == 0 {
		return nil, errors.New("it starts nothing")
	}
	environment, err := m.environment(options)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, w := range words(commands[len(commands)-1]) {
		if ref := reference.FindString(w); ref == w && !strings.HasPrefix(w, "${") && w != "" {
			out = append(out, words(environment[w[1:]])...)
			continue
		}
		out = append(out, reference.ReplaceAllStringFunc(w, func(ref string) string { return environment[strings.Trim(ref, "${}")] }))
	}
	if len(out) == 0 {
		return nil, errors.New("it starts nothing")
	}
	out[0] = strings.TrimLeft(out[0], "@-:+!")
	return out, nil
}

// reaches tells why a flag in a variable of a file gets to no program.
func (m *documentMachine) reaches(file, variable, flag, want string) error {
	reads := false
	for _, n := range m.files.Nodes() {
		name := path.Base(n.Path)
		if !isUnit(name) || path.Ext(name) != ".service" || m.unitState(name) != "enabled" {
			continue
		}
		options, err := m.options(name)
		if err != nil {
			continue // a link that enables a unit of the base
		}
		if !slices.ContainsFunc(options["Service.EnvironmentFile"], func(f string) bool { return strings.TrimPrefix(f, "-") == file }) {
			continue
		}
		reads = true
		if !slices.Contains(m.used(options), variable) {
			continue
		}
		line, err := m.commandLine(options)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if ok, err := matches(want, flags(line[1:])[strings.TrimLeft(flag, "-")], false); ok || err != nil {
			return err
		}
	}
	if !reads {
		return errors.New("it is there, but no enabled unit reads the file")
	}
	return fmt.Errorf("it is there, but no enabled unit that reads the file has it on its command line through $%s", variable)
}

// variables reads a file of variables as systemd does (systemd.exec(5), EnvironmentFile=).
func variables(text string) map[string]string {
	out := map[string]string{}
	text = strings.ReplaceAll(text, "\\\n", "")
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		if k, v, ok := strings.Cut(line, "="); ok {
			out[strings.TrimSpace(k)] = unquoted(strings.TrimSpace(v))
		}
	}
	return out
}

// unquoted takes one level of quotes from a value, which may have several quoted parts.
func unquoted(v string) string {
	var out strings.Builder
	var quote rune
	escaped := false
	for _, r := range v {
		switch {
		case escaped:
			out.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped = true
		case quote == 0 && (r == '"' || r == '\''):
			quote = r
		case r == quote:
			quote = 0
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

// words splits a command line at blanks that are not in quotes, and takes the quotes away.
func words(line string) []string {
	var out []string
	var word strings.Builder
	var quote rune
	begun := false
	for _, r := range line {
		switch {
		case quote == 0 && (r == '"' || r == '\''):
			quote, begun = r, true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == ' ' || r == '\t' || r == '\n'):
			if begun {
				out = append(out, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	if begun {
		out = append(out, word.String())
	}
	return out
}

// flags gives the values of the flags among words, by their names without dashes. A flag's value stands after an equals
// sign, or is the next word unless that is a flag; without either it is true.
func flags(words []string) map[string][]string {
	out := map[string][]string{}
	for i, w := range words {
		if !strings.HasPrefix(w, "-") {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimLeft(w, "-"), "=")
		if !ok {
			value = "true"
			if i+1 < len(words) && !strings.HasPrefix(words[i+1], "-") {
				value = words[i+1]
			}
		}
		out[name] = append(out[name], value)
	}
	return out
}
