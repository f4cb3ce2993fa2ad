package cluster

import (
	"reflect"
	"strconv"
	"strings"
)

// field is what the tags of document.go say of one key.
type field struct {
	key string
	// index finds the field in its struct, through those that are embedded (reflect.Value.FieldByIndex).
	index []int
	rules rules
}

// rules are those of the jsonschema tag that the decoder enforces.
type rules struct {
	required bool
	// enum lists the only values there are; empty for any.
	enum []string
	// fallback is the value of a key that is left out, "" for none.
	fallback string
	// minimum and maximum of a number; both 0 for any.
	minimum, maximum int64
}

// fieldsOf reads the tags of a struct type of document.go.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for _, f := range reflect.VisibleFields(t) {
		if !f.Anonymous {
			fields = append(fields, field{key: f.Tag.Get("yaml"), index: f.Index, rules: parseRules(f.Tag.Get("jsonschema"))})
		}
	}
	return fields
}

func parseRules(tag string) rules {
	var r rules
	for _, rule := range strings.Split(tag, ",") {
		name, value, _ := strings.Cut(rule, "=")
		switch name {
		case "required":
			r.required = true
		case "enum":
			r.enum = append(r.enum, value)
		case "default":
			r.fallback = value
		case "minimum":
			r.minimum, _ = strconv.ParseInt(value, 10, 64) // a constant of document.go
		case "maximum":
			r.maximum, _ = strconv.ParseInt(value, 10, 64)
		}
	}
	return r
}

// keysOf lists the keys in the order of document.go.
func keysOf(fields []field) []string {
	list := make([]string, len(fields))
	for i, f := range fields {
		list[i] = f.key
	}
	return list
}
