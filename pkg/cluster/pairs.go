package cluster

import (
	"slices"
	"strconv"

	"gopkg.in/yaml.v3"
)

// pair is one key of a mapping with its value.
type pair struct{ key, value *yaml.Node }

// pairs lists the keys of a mapping, each of them once, and after them those that its merge keys (<<, as in
// https://yaml.org/type/merge.html) bring in. A key written twice, or one that is no string, is a problem.
func (d *decoder) pairs(n *yaml.Node, path string) []pair {
	m := merger{decoder: d, path: path, first: map[string]*yaml.Node{}}
	m.add(n)
	return m.list
}

// merger gathers the pairs of one mapping.
type merger struct {
	*decoder
	path string
	list []pair
	// first holds the keys that are in list.
	first map[string]*yaml.Node
	// open are the mappings being added, outermost first: an alias may lead back into one of them.
	open []*yaml.Node
}

// add takes the keys of a mapping that are not there yet, first its own and then those it merges.
func (m *merger) add(n *yaml.Node) {
	var merges []*yaml.Node
	own := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		switch {
		case !m.spend(key, m.path):
			return
		case key.ShortTag() == "!!merge":
			merges = append(merges, value)
		case key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str":
			m.bad(key, m.path, "expected a key, found %s", found(key))
		case own[key.Value]:
			m.bad(key, join(m.path, key.Value), "given twice (first in line %d)", m.first[key.Value].Line)
		default:
			own[key.Value] = true
			if m.first[key.Value] == nil {
				m.first[key.Value] = key
				m.list = append(m.list, pair{key, value})
			}
		}
	}
	m.open = append(m.open, n)
	for _, value := range merges {
		m.merge(value)
	}
	m.open = m.open[:len(m.open)-1]
}

// merge adds what a merge key names: a mapping, or a list of them of which the first that has a key wins.
func (m *merger) merge(value *yaml.Node) {
	if value.Kind == yaml.AliasNode {
		value = value.Alias
	}
	switch {
	case !m.spend(value, m.path):
	case slices.Contains(m.open, value):
		m.bad(value, m.path, "is merged into itself")
	case value.Kind == yaml.MappingNode:
		m.add(value)
	case value.Kind == yaml.SequenceNode:
		m.open = append(m.open, value)
		for _, item := range value.Content {
			m.merge(item)
		}
		m.open = m.open[:len(m.open)-1]
	default:
		m.bad(value, m.path, "expected a mapping to merge, found %s", found(value))
	}
}

// join gives the path of a key within the mapping at path.
func join(path, key string) string {
	if !isPlainKey(key) {
		key = quote(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// isPlainKey tells whether a key can stand in a path as it is.
func isPlainKey(key string) bool {
	if key == "" || len(key) > maxQuoted {
		return false
	}
	for _, c := range []byte(key) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}

// maxQuoted is how many bytes of a value a message shows.
const maxQuoted = 64

// quote shows a value in a message, in quotes and cut to a readable length.
func quote(s string) string {
	if len(s) > maxQuoted {
		return strconv.Quote(s[:maxQuoted]) + "..."
	}
	return strconv.Quote(s)
}
