package base

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// installedPackages reads dpkg's status file and gives the packages that are installed, sorted by name.
func installedPackages(t *tree.Tree) ([]Package, error) {
	text, err := content(t, "var/lib/dpkg/status")
	if err != nil {
		return nil, fmt.Errorf("list the packages: %w", err)
	}
	var out []Package
	for stanza := range strings.SplitSeq(string(text), "\n\n") {
		var p Package
		installed := false
		for line := range strings.Lines(stanza) {
			field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			switch field {
			case "Package":
				p.Name = value
			case "Version":
				p.Version = value
			case "Architecture":
				p.Architecture = value
			case "Status":
				installed = value == "install ok installed"
			}
		}
		if installed && p.Name != "" {
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("list the packages: /var/lib/dpkg/status has none that is installed")
	}
	slices.SortFunc(out, func(a, b Package) int { return strings.Compare(a.Name+" "+a.Architecture, b.Name+" "+b.Architecture) })
	return out, nil
}
