package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// flagsFirst moves a command's flags before its arguments, which is the order that package cli reads, so that
// `nodekiln build cluster.yaml -o out` means what it says. What follows "--" stays where it is. A call for help stands
// alone, since package cli takes an argument beside it for a topic, and so does a last flag that lacks its value, which
// would take an argument for it.
func flagsFirst(app *cli.App, args []string) []string {
	at := slices.IndexFunc(args, func(a string) bool { return app.Command(a) != nil })
	if at < 0 {
		return args
	}
	command := app.Command(args[at])
	if at+1 < len(args) {
		if i := slices.IndexFunc(command.Subcommands, func(c *cli.Command) bool { return c.HasName(args[at+1]) }); i >= 0 {
			command, at = command.Subcommands[i], at+1
		}
	}
	takesValue := map[string]bool{}
	for _, f := range command.Flags {
		_, isBool := f.(*cli.BoolFlag)
		for _, name := range f.Names() {
			takesValue[name] = !isBool
		}
	}
	var flags, rest []string
	tail := args[at+1:]
	for i := 0; i < len(tail); i++ {
		a := tail[i]
		if a == "--" {
			rest = append(rest, tail[i:]...)
			break
		}
		if len(a) < 2 || a[0] != '-' {
			rest = append(rest, a)
			continue
		}
		name := strings.TrimLeft(a, "-")
		if slices.Contains(cli.HelpFlag.Names(), name) || takesValue[name] && i+1 == len(tail) {
			return slices.Concat(args[:at+1], []string{a})
		}
		flags = append(flags, a)
		if takesValue[name] {
			i++
			flags = append(flags, tail[i])
		}
	}
	return slices.Concat(args[:at+1], flags, rest)
}
