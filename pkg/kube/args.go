package kube

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Args gives the arguments by which a version of a component does what is wanted. A flag that the version has stays as
// it is. One that it has under another name is renamed. One that says only what the version does anyway is left
// out. All others are errors, which are reported together (errors.Join): each says since when the flag is gone, or
// from when on it is there, and what to do. Order and repetitions are kept.
//
// The version of etcd and of flanneld is their own ([ParseComponentVersion]).
func Args(c Component, v Version, want []Arg) ([]Arg, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	var got []Arg
	var problems []error
	wanted := map[string]Arg{} // by the name that the version has
	for _, arg := range want {
		translated, keep, err := translate(c, v, arg)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if !keep {
			continue
		}
		other, there := wanted[translated.Name]
		wanted[translated.Name] = arg
		if there && other.Name != arg.Name {
			// Two flags that are one in this version.
			if other.Value != arg.Value {
				problems = append(problems, fmt.Errorf("%s %s and %s are both --%s: keep one of them", c, other, arg, translated.Name))
			}
			continue
		}
		got = append(got, translated)
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return got, nil
}

// translate gives what a version takes for one argument, and whether anything is to be said at all.
func translate(c Component, v Version, arg Arg) (Arg, bool, error) {
	rows := flagTable()[c][arg.Name]
	if len(rows) == 0 {
		return Arg{}, false, unknownFlag(c, v, arg.Name)
	}
	if err := checkValue(c, arg, rows[len(rows)-1]); err != nil {
		return Arg{}, false, err
	}
	if c == APIServer && arg.Name == "enable-admission-plugins" && !v.AtLeast("1.10") {
		arg = Arg{Name: "admission-control", Value: wholeAdmission(v, arg.Value)}
	}
	arg, err := translateMembers(c, v, arg)
	if err != nil {
		return Arg{}, false, err
	}
	return translateFlag(c, v, arg, flagTable()[c][arg.Name])
}

func translateFlag(c Component, v Version, arg Arg, rows []FlagInfo) (Arg, bool, error) {
	for _, change := range changesOf(c, arg.Name) {
		if !change.applies(v, arg.Value) {
			continue
		}
		switch {
		case change.drop:
			return Arg{}, false, nil
		case change.to != "":
			return Arg{Name: change.to, Value: arg.Value}, true, nil
		default:
			return Arg{}, false, refused(c, v, arg, rows, change.advice)
		}
	}
	if alive(rows, v) {
		return arg, true, nil
	}
	return Arg{}, false, refused(c, v, arg, rows, "")
}

// checkValue says what a program's own parser would say of a value, where the type is one that is the same everywhere.
func checkValue(c Component, arg Arg, flag FlagInfo) error {
	var err error
	var what string
	switch flag.Type {
	case "bool":
		_, err = strconv.ParseBool(arg.Value)
		what = "true or false"
	case "int", "int32", "int64", "uint", "uint64":
		_, err = strconv.ParseInt(arg.Value, 0, 64)
		what = "a number"
	case "duration":
		_, err = time.ParseDuration(arg.Value)
		what = "a duration such as 30s"
	}
	if err != nil {
		return fmt.Errorf("%s %s: the value is to be %s", c, arg, what)
	}
	return nil
}
