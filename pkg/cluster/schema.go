package cluster

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/invopop/jsonschema"
)

// Schema gives a JSON Schema (draft 2020-12) of the cluster file, for editors. It is wider than Load: it knows what a
// value looks like, but not whether the cluster makes sense.
func Schema() ([]byte, error) {
	r := jsonschema.Reflector{
		Anonymous:                  true,
		DoNotReference:             true,
		FieldNameTag:               "yaml",
		RequiredFromJSONSchemaTags: true,
	}
	s := r.Reflect(document{})
	s.Title = "nodekiln cluster"
	s.Description = "One cluster, from which nodekiln bakes the images of its machines"
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write JSON Schema of the cluster file: %w", err)
	}
	return append(b, '\n'), nil
}

// JSONSchemaExtend says what the tags cannot: that a file has one of two keys, and the default of a mode, which is
// more than one type to a schema.
func (file) JSONSchemaExtend(s *jsonschema.Schema) {
	s.OneOf = oneText()
	for _, f := range fieldsOf(reflect.TypeFor[file]()) {
		if f.key == "mode" {
			mode, _ := s.Properties.Get(f.key)
			mode.Default = f.rules.fallback
		}
	}
}

// JSONSchemaExtend says that a unit has at most one of two keys.
func (unitFile) JSONSchemaExtend(s *jsonschema.Schema) {
	s.Not = &jsonschema.Schema{Required: []string{"contents", "source"}}
}

// JSONSchemaExtend says that a drop-in has one of two keys.
func (dropIn) JSONSchemaExtend(s *jsonschema.Schema) { s.OneOf = oneText() }

// oneText is a schema of what has one of the two keys that give a text.
func oneText() []*jsonschema.Schema {
	return []*jsonschema.Schema{{Required: []string{"contents"}}, {Required: []string{"source"}}}
}
