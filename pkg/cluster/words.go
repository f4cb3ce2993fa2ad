package cluster

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// fits tells whether a node is of the kind of YAML that a type of document.go is written in.
func fits(n *yaml.Node, t reflect.Type) bool {
	tag := n.ShortTag()
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return n.Kind == yaml.MappingNode
	case reflect.Slice:
		return n.Kind == yaml.SequenceNode
	}
	if n.Kind != yaml.ScalarNode {
		return false
	}
	switch t {
	case reflect.TypeFor[int64]():
		return tag == "!!int"
	case reflect.TypeFor[bool](), reflect.TypeFor[*bool]():
		return tag == "!!bool" && isTruth(n)
	case reflect.TypeFor[modeText](), reflect.TypeFor[versionText]():
		return slices.Contains([]string{"!!str", "!!int", "!!float"}, tag)
	case reflect.TypeFor[scalarText]():
		return slices.Contains([]string{"!!str", "!!int", "!!float", "!!bool", "!!timestamp"}, tag)
	}
	return tag == "!!str"
}

// isTruth tells whether a node is true or false. A tag that is written out may stand before anything.
func isTruth(n *yaml.Node) bool {
	return slices.Contains([]string{"true", "false"}, strings.ToLower(n.Value))
}

// expected names a type of document.go in the words of a person who writes YAML.
func expected(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return "a mapping"
	case reflect.Slice:
		return "a list of " + plural(t.Elem())
	case reflect.Int64:
		return "a whole number"
	}
	switch t {
	case reflect.TypeFor[bool](), reflect.TypeFor[*bool]():
		return "true or false"
	case reflect.TypeFor[versionText]():
		return "a version such as 1.34.4"
	case reflect.TypeFor[modeText]():
		return "a mode such as 0644"
	case reflect.TypeFor[sizeText]():
		return "a size with its unit, such as 20G"
	case reflect.TypeFor[durationText]():
		return "a duration with its unit, such as 365d"
	case reflect.TypeFor[scalarText]():
		return "a string, a number, or true or false"
	}
	return "a string"
}

func plural(t reflect.Type) string {
	if t.Kind() == reflect.Struct {
		return "mappings"
	}
	return "strings"
}

// found names what a node is. It does not show the value, which may be a secret.
func found(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch tag := n.ShortTag(); tag {
	case "!!str":
		return "a string"
	case "!!int":
		return "a number"
	case "!!float":
		return "a decimal number"
	case "!!bool":
		if !isTruth(n) {
			return "another word with the tag !!bool"
		}
		return "true or false"
	case "!!null":
		return "nothing"
	case "!!timestamp":
		return "a date"
	default:
		return "a value with the tag " + quote(tag)
	}
}

// advice says how a value of the wrong type may have been meant.
func advice(n *yaml.Node, t reflect.Type) string {
	wanted, tag := t.Kind(), n.ShortTag()
	switch {
	case tag == "!!null":
		return "; give a value or leave the key out"
	case n.Kind != yaml.ScalarNode || t == reflect.TypeFor[sizeText]() || t == reflect.TypeFor[durationText]():
		return ""
	case t == reflect.TypeFor[bool]() || t == reflect.TypeFor[*bool]():
		return ""
	case wanted == reflect.Slice && t.Elem().Kind() == reflect.String && tag == "!!str":
		return "; put it in brackets, as in [a, b]"
	case (wanted == reflect.String || wanted == reflect.Pointer) && slices.Contains([]string{"!!int", "!!float", "!!bool", "!!timestamp"}, tag):
		return "; if it is meant as it stands, put it in quotes"
	case wanted == reflect.Int64 && tag == "!!str":
		return "; write it without quotes and units"
	}
	return ""
}

// alternatives names the one that was probably meant, or else all there are.
func alternatives(given string, known []string) string {
	best, distance := "", 3
	for _, k := range known {
		if d := editDistance(strings.ToLower(given), strings.ToLower(k)); d < distance && d < len(k) {
			best, distance = k, d
		}
	}
	switch {
	case best != "":
		return fmt.Sprintf("did you mean %s?", best)
	case len(known) == 1:
		return "expected " + known[0]
	}
	return "expected one of " + strings.Join(known, ", ")
}

// editDistance is how many characters one has to insert, delete or replace to make b of a; swapping two neighbours
// counts as one. It is large for what is much longer than any key.
func editDistance(a, b string) int {
	if len(a) > maxQuoted || len(b) > maxQuoted {
		return maxQuoted
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
		for j := 1; j <= len(b); j++ {
			if i == 0 {
				rows[i][j] = j
				continue
			}
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
