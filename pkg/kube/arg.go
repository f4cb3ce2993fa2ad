package kube

import (
	"fmt"
	"regexp"
	"strings"
)

// Arg is one argument of a component: a flag and its value, which may be empty.
type Arg struct{ Name, Value string }

var flagPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]*$`)

// ParseArg reads an argument, written "name=value" or "--name=value". A name alone is a boolean flag that is true.
// Underscores are hyphens, as they are to the components (the flags --v and --vmodule included).
func ParseArg(s string) (Arg, error) {
	name, value, given := strings.Cut(s, "=")
	name = strings.TrimPrefix(strings.TrimPrefix(name, "-"), "-")
	if !flagPattern.MatchString(name) {
		return Arg{}, fmt.Errorf("%q is not an argument: write it like --name=value", s)
	}
	if strings.ContainsAny(value, "\n\r\x00") {
		return Arg{}, fmt.Errorf("the value of --%s has a line break, which no unit and no environment file can hold", name)
	}
	if !given {
		value = "true"
	}
	return Arg{Name: strings.ReplaceAll(name, "_", "-"), Value: value}, nil
}

// String gives the argument as every component takes it: "--name=value".
func (a Arg) String() string {
	return "--" + a.Name + "=" + a.Value
}
