package cluster

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"
)

const (
	// maxValues bounds how many values a file may hold once its aliases are followed: a few lines of nested aliases can
	// stand for billions.
	maxValues = 1 << 18
	// valueSize is how many bytes of text are worth one value, so that a long text has few aliases: all together stand
	// for 64 MiB at most.
	valueSize = 256
)

// decoder makes a document out of YAML, strictly, and goes on after a problem to find the next one. A value that has
// a problem stays zero.
type decoder struct {
	problems *Problems
	// fields caches fieldsOf.
	fields map[reflect.Type][]field
	// left is how many more values may be read.
	left int
}

func newDecoder(problems *Problems) *decoder {
	return &decoder{problems: problems, fields: map[reflect.Type][]field{}, left: maxValues}
}

// position of a node in the file.
func (d *decoder) position(n *yaml.Node) Position {
	return Position{File: d.problems.source.file, Line: n.Line, Column: n.Column}
}

// bad reports a problem with a node.
func (d *decoder) bad(n *yaml.Node, path, format string, args ...any) {
	d.problems.addAt(d.position(n), path, format, args...)
}

// spend tells whether n may still be read, and reports the first one that may not.
func (d *decoder) spend(n *yaml.Node, path string) bool {
	before := d.left
	d.left -= 1 + len(n.Value)/valueSize
	if before >= 0 && d.left < 0 {
		d.bad(n, path, "the file holds more than %d values, or %d bytes, with its aliases followed", maxValues, maxValues*valueSize)
	}
	return d.left >= 0
}

// value decodes a node into out, which is of a type of document.go.
func (d *decoder) value(n *yaml.Node, path string, r rules, out reflect.Value) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if !d.spend(n, path) {
		return
	}
	d.problems.source.positions[path] = d.position(n)
	if !fits(n, out.Type()) {
		d.bad(n, path, "expected %s, found %s%s", expected(out.Type()), found(n), advice(n, out.Type()))
		return
	}
	switch out.Kind() {
	case reflect.Struct:
		d.mapping(n, path, out)
	case reflect.Map:
		d.dictionary(n, path, out)
	case reflect.Slice:
		d.list(n, path, r, out)
	case reflect.Int64:
		d.number(n, path, r, out)
	case reflect.Pointer:
		out.Set(reflect.New(out.Type().Elem()))
		verbatim(n, out.Elem())
	case reflect.String:
		d.text(n, path, r, out)
	default:
		verbatim(n, out)
	}
}

// verbatim sets a string to the text as it is written, or a truth value.
func verbatim(n *yaml.Node, out reflect.Value) {
	if out.Kind() == reflect.Bool {
		out.SetBool(strings.EqualFold(n.Value, "true"))
		return
	}
	out.SetString(n.Value)
}

func (d *decoder) mapping(n *yaml.Node, path string, out reflect.Value) {
	fields := d.fieldsOf(out.Type())
	given := make([]bool, len(fields))
	for _, p := range d.pairs(n, path) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.key == p.key.Value })
		if i < 0 {
			d.bad(p.key, join(path, p.key.Value), "unknown key; %s", alternatives(p.key.Value, keysOf(fields)))
			continue
		}
		given[i] = true
		d.value(p.value, join(path, fields[i].key), fields[i].rules, out.FieldByIndex(fields[i].index))
	}
	for i, f := range fields {
		if given[i] {
			continue
		}
		if f.rules.required {
			d.bad(n, join(path, f.key), "missing")
			continue
		}
		d.fill(f.rules, out.FieldByIndex(f.index))
	}
}

// fill gives a value that the file leaves out its default.
func (d *decoder) fill(r rules, out reflect.Value) {
	switch out.Kind() {
	case reflect.Struct:
		for _, f := range d.fieldsOf(out.Type()) {
			d.fill(f.rules, out.FieldByIndex(f.index))
		}
	case reflect.String:
		out.SetString(r.fallback)
	case reflect.Int64:
		i, _ := strconv.ParseInt(r.fallback, 10, 64) // a constant of document.go, or none
		out.SetInt(i)
	}
}

func (d *decoder) dictionary(n *yaml.Node, path string, out reflect.Value) {
	out.Set(reflect.MakeMap(out.Type()))
	for _, p := range d.pairs(n, path) {
		v := reflect.New(out.Type().Elem()).Elem()
		d.value(p.value, join(path, p.key.Value), rules{}, v)
		out.SetMapIndex(reflect.ValueOf(p.key.Value), v)
	}
}

func (d *decoder) list(n *yaml.Node, path string, r rules, out reflect.Value) {
	if r.required && len(n.Content) == 0 {
		d.bad(n, path, "is empty; at least one is needed")
		return
	}
	// One that cannot be read keeps its place, so that the others keep their paths. The bound on values is a bound on
	// this allocation too.
	out.Set(reflect.MakeSlice(out.Type(), min(len(n.Content), d.left), min(len(n.Content), d.left)))
	for i, item := range n.Content {
		if d.left <= 0 {
			d.spend(item, path)
			return
		}
		d.value(item, path+"["+strconv.Itoa(i)+"]", rules{}, out.Index(i))
	}
}

func (d *decoder) number(n *yaml.Node, path string, r rules, out reflect.Value) {
	i, err := strconv.ParseInt(n.Value, 10, 64)
	if err != nil || strconv.FormatInt(i, 10) != n.Value {
		d.bad(n, path, "%s is no whole number in plain decimal digits", quote(n.Value))
		return
	}
	if i < r.minimum || i > r.maximum {
		d.bad(n, path, "%d is outside %d to %d", i, r.minimum, r.maximum)
		return
	}
	out.SetInt(i)
}

func (d *decoder) text(n *yaml.Node, path string, r rules, out reflect.Value) {
	// A block scalar ends in a line break that nobody means.
	s := strings.TrimSuffix(n.Value, "\n")
	if s == "" && out.Type() != reflect.TypeFor[scalarText]() {
		d.bad(n, path, "is empty")
		return
	}
	if strings.ContainsFunc(s, unicode.IsControl) {
		d.bad(n, path, "holds a line break or another control character")
		return
	}
	if len(r.enum) > 0 && !slices.Contains(r.enum, s) {
		d.bad(n, path, "%s is not known; %s", quote(s), alternatives(s, r.enum))
		return
	}
	out.SetString(s)
}

func (d *decoder) fieldsOf(t reflect.Type) []field {
	fields, ok := d.fields[t]
	if !ok {
		fields = fieldsOf(t)
		d.fields[t] = fields
	}
	return fields
}
