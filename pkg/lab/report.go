package lab

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/nodekiln/nodekiln/pkg/junit"
)

// WriteTable writes the results for a person to read, and below them the last lines of the consoles of machines that are
// not healthy.
func WriteTable(w io.Writer, results []Result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "MACHINE\tHEALTHY\tAFTER\tPORTS\tREPORT")
	for _, r := range results {
		healthy := "no"
		if r.Healthy {
			healthy = "yes"
		}
		// The rest of a long failure follows below.
		report, _, _ := strings.Cut(r.Text, "\n")
		fmt.Fprintf(t, "%s\t%s\t%.1fs\t%s\t%s\n", r.Machine, healthy, r.Elapsed.Seconds(), forwardList(r.Forwards), report)
		for _, f := range r.Failures {
			fmt.Fprintf(t, "\tfailed\t%.1fs\t\t%s\n", f.Elapsed.Seconds(), f.Text)
		}
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write the table of results: %w", err)
	}
	for _, r := range results {
		if r.Healthy {
			continue
		}
		if _, err := fmt.Fprintf(w, "\n%s: %s\n%s", r.Machine, r.Text, indented(r.ConsoleTail)); err != nil {
			return fmt.Errorf("write the console of %s: %w", r.Machine, err)
		}
	}
	return nil
}

// forwardList names the forwarded ports in the order of their names.
func forwardList(forwards map[string]string) string {
	if len(forwards) == 0 {
		return "-"
	}
	var words []string
	for _, name := range slices.Sorted(maps.Keys(forwards)) {
		words = append(words, name+"="+forwards[name])
	}
	return strings.Join(words, " ")
}

func indented(console []string) string {
	if len(console) == 0 {
		return "  the console has stayed empty\n"
	}
	return "  the console ended:\n    " + strings.Join(console, "\n    ") + "\n"
}

// Suite gives the results as a suite of a JUnit report, with one case for each machine. The suite's time is that of the
// slowest machine, since they run at once.
func Suite(name string, results []Result) junit.Suite {
	s := junit.Suite{Name: name}
	for _, r := range results {
		s.Time = max(s.Time, r.Elapsed)
		c := junit.Case{Name: r.Machine, Time: r.Elapsed, Output: strings.Join(r.ConsoleTail, "\n")}
		if !r.Healthy {
			message, _, _ := strings.Cut(r.Text, "\n")
			c.Failure = &junit.Failure{Message: message, Text: failureText(r)}
		}
		s.Cases = append(s.Cases, c)
	}
	return s
}

func failureText(r Result) string {
	lines := []string{r.Text}
	for _, f := range r.Failures {
		lines = append(lines, fmt.Sprintf("failed after %.1fs: %s", f.Elapsed.Seconds(), f.Text))
	}
	return strings.Join(lines, "\n")
}
