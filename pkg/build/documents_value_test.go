package build

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml"
	"gopkg.in/yaml.v3"
)

func jsonValues(b []byte, path string) ([]string, error) {
	var v any
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	return valuesAt(v, path)
}

func tomlValues(b []byte, path string) ([]string, error) {
	t, err := toml.LoadBytes(b)
	if err != nil {
		return nil, err
	}
	return valuesAt(t.ToMap(), path)
}

// yamlValues gives what is at the path in each of a file's documents, or in those of a kind, "Deployment", or of a kind
// and name, "Deployment/dashboard". The items of a list are documents too.
func yamlValues(b []byte, of, path string) ([]string, error) {
	var out []string
	dec := yaml.NewDecoder(bytes.NewReader(b))
	for {
		var v any
		if err := dec.Decode(&v); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return nil, err
		}
		documents := []any{v}
		if m, ok := v.(map[string]any); ok {
			if items, ok := m["items"].([]any); ok && m["kind"] == "List" {
				documents = append(documents, items...)
			}
		}
		for i, d := range documents {
			if of == "" && i > 0 || of != "" && !isOf(d, of) {
				continue
			}
			values, err := valuesAt(d, path)
			if err != nil {
				return nil, err
			}
			out = append(out, values...)
		}
	}
}

// isOf tells whether a manifest is of a kind, or of a kind and name.
func isOf(v any, of string) bool {
	m, ok := v.(map[string]any)
	if !ok {
		return false
	}
	kind, name, named := strings.Cut(of, "/")
	if m["kind"] != kind {
		return false
	}
	meta, _ := m["metadata"].(map[string]any)
	return !named || meta["name"] == name
}

// valuesAt gives the scalars at a path; none where a part of it is not there.
func valuesAt(v any, path string) ([]string, error) {
	steps, err := pathSteps(path)
	if err != nil {
		return nil, err
	}
	at := []any{v}
	for _, step := range steps {
		var next []any
		for _, v := range at {
			next = append(next, into(v, step)...)
		}
		at = next
	}
	var out []string
	for _, v := range at {
		switch v := v.(type) {
		case map[string]any, []any:
			return nil, fmt.Errorf("%s is no scalar", path)
		case nil:
			out = append(out, "")
		default:
			out = append(out, fmt.Sprint(v))
		}
	}
	return out, nil
}

// into follows one step: a key, or an index or * in brackets.
func into(v any, step string) []any {
	index, ok := strings.CutPrefix(step, "[")
	if !ok {
		m, _ := v.(map[string]any)
		if got, ok := m[step]; ok {
			return []any{got}
		}
		return nil
	}
	list, _ := v.([]any)
	if index == "*" {
		return list
	}
	if i, err := strconv.Atoi(index); err == nil && i < len(list) {
		return list[i : i+1]
	}
	return nil
}

// pathSteps splits a path as in a."b.c"[0].d: a, b.c, [0, d.
func pathSteps(path string) ([]string, error) {
	var steps []string
	for rest := path; rest != ""; {
		switch {
		case rest[0] == '.':
			rest = rest[1:]
		case rest[0] == '"':
			key, after, ok := strings.Cut(rest[1:], `"`)
			if !ok {
				return nil, fmt.Errorf("%s: a quote is open", path)
			}
			steps, rest = append(steps, key), after
		case rest[0] == '[':
			index, after, ok := strings.Cut(rest[1:], "]")
			if !ok {
				return nil, fmt.Errorf("%s: a bracket is open", path)
			}
			steps, rest = append(steps, "["+index), after
		default:
			n := strings.IndexAny(rest, ".[")
			if n < 0 {
				n = len(rest)
			}
			steps, rest = append(steps, rest[:n]), rest[n:]
		}
	}
	return steps, nil
}
