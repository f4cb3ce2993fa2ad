package kube

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"gopkg.in/yaml.v3"
)

//go:embed fields.tsv
var fieldsTSV string

// Field is one wanted field of a component's configuration: a dotted path and its value as text.
type Field struct{ Path, Value string }

// FieldInfo is what is known of a configuration's field.
type FieldInfo struct {
	Path string
	Type string // how the text of a Field is read: one of the constants below
	// Since and Until are as in FlagInfo.
	Since, Until string
}

const (
	stringField   = "string"
	boolField     = "bool"
	intField      = "int"
	floatField    = "float"
	durationField = "duration"
	listField     = "list"        // of strings: "a,b"
	stringsField  = "map[string]" // to strings: "a=b,c=d", or the key as the rest of the path
	boolsField    = "map[bool]"   // to booleans: "a=true"
	yamlField     = "yaml"        // what has a structure of its own, as YAML
)

var fieldTable = sync.OnceValue(func() map[string]map[string][]FieldInfo {
	table := map[string]map[string][]FieldInfo{}
	for line := range strings.Lines(fieldsTSV) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		column := strings.Split(line, "\t")
		if len(column) != 5 {
			panic(fmt.Sprintf("fields.tsv: %q has not five columns", line))
		}
		if table[column[0]] == nil {
			table[column[0]] = map[string][]FieldInfo{}
		}
		f := FieldInfo{Path: column[1], Type: column[2], Since: column[3], Until: column[4]}
		table[column[0]][f.Path] = append(table[column[0]][f.Path], f)
	}
	return table
})

// Fields gives the fields that a kind of configuration has in a release, sorted by path.
func Fields(kind string, v Version) []FieldInfo {
	var fields []FieldInfo
	for _, rows := range fieldTable()[kind] {
		for _, f := range rows {
			if v.in(f.Since, f.Until) {
				fields = append(fields, f)
			}
		}
	}
	slices.SortFunc(fields, func(a, b FieldInfo) int { return strings.Compare(a.Path, b.Path) })
	return fields
}

// Config gives the configuration of a component as YAML, in the API version that the release reads: a
// KubeletConfiguration, a KubeProxyConfiguration or a KubeSchedulerConfiguration. All fields that the release does not
// have, or not so, are reported together.
func Config(kind string, v Version, want []Field) ([]byte, error) {
	fields, ok := fieldTable()[kind]
	if !ok {
		return nil, fmt.Errorf("no component has a configuration of the kind %s", kind)
	}
	apiVersion, err := APIVersion(kind, v)
	if err != nil {
		return nil, err
	}
	root := map[string]any{}
	var problems []error
	for _, field := range want {
		if err := setField(root, kind, v, fields, field); err != nil {
			problems = append(problems, err)
		}
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	out := []byte("apiVersion: " + apiVersion + "\nkind: " + kind + "\n")
	if len(root) == 0 {
		return out, nil
	}
	body, err := yaml.Marshal(root)
	if err != nil {
		return nil, fmt.Errorf("write a %s: %w", kind, err)
	}
	return append(out, body...), nil
}

func setField(root map[string]any, kind string, v Version, fields map[string][]FieldInfo, want Field) error {
	path, key := want.Path, ""
	rows := fields[path]
	for at := path; rows == nil; {
		// The rest of the path may be the key of a map.
		dot := strings.LastIndexByte(at, '.')
		if dot < 0 {
			return fmt.Errorf("a %s has no field %s", kind, want.Path)
		}
		at = at[:dot]
		if found := fields[at]; found != nil && (found[0].Type == stringsField || found[0].Type == boolsField) {
			rows, path, key = found, at, want.Path[dot+1:]
		}
	}
	if !slices.ContainsFunc(rows, func(f FieldInfo) bool { return v.in(f.Since, f.Until) }) {
		return rows[0].missing(kind, want.Path, v)
	}
	value, err := rows[0].parse(key, want.Value)
	if err != nil {
		return fmt.Errorf("%s: %s: %w", kind, want.Path, err)
	}
	return put(root, strings.Split(path, "."), value, kind)
}

func (f FieldInfo) missing(kind, path string, v Version) error {
	if f.Until != "" && v.AtLeast(f.Until) {
		return fmt.Errorf("a %s has no field %s since %s: leave it out", kind, path, f.Until)
	}
	return fmt.Errorf("a %s has no field %s before %s: leave it out", kind, path, f.Since)
}

// parse gives the value of a field, with a map of one key if key is not "".
func (f FieldInfo) parse(key, value string) (any, error) {
	if key != "" {
		value = key + "=" + value
	}
	switch f.Type {
	case boolField:
		return strconv.ParseBool(value)
	case intField:
		return strconv.ParseInt(value, 10, 64)
	case floatField:
		return strconv.ParseFloat(value, 64)
	case durationField:
		if _, err := time.ParseDuration(value); err != nil {
			return nil, err
		}
		return value, nil
	case listField:
		if value == "" {
			return []any{}, nil
		}
		var list []any
		for _, one := range strings.Split(value, ",") {
			list = append(list, one)
		}
		return list, nil
	case stringsField, boolsField:
		return f.parseMap(value)
	case yamlField:
		var v any
		err := yaml.Unmarshal([]byte(value), &v)
		return v, err
	default:
		return value, nil
	}
}

func (f FieldInfo) parseMap(text string) (any, error) {
	m := map[string]any{}
	for _, pair := range strings.Split(text, ",") {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("%q is not written like key=value", pair)
		}
		m[key] = value
		if f.Type == boolsField {
			b, err := strconv.ParseBool(value)
			if err != nil {
				return nil, err
			}
			m[key] = b
		}
	}
	return m, nil
}

// put sets a value below the root; a map is merged into one that is there.
func put(root map[string]any, path []string, value any, kind string) error {
	at := root
	for _, name := range path[:len(path)-1] {
		below, ok := at[name].(map[string]any)
		if !ok {
			below = map[string]any{}
			at[name] = below
		}
		at = below
	}
	name := path[len(path)-1]
	there, both := at[name].(map[string]any)
	add, isMap := value.(map[string]any)
	switch {
	case both && isMap:
		for k, v := range add {
			there[k] = v
		}
		return nil
	case at[name] != nil:
		return fmt.Errorf("%s: %s is given twice", kind, strings.Join(path, "."))
	}
	at[name] = value
	return nil
}
