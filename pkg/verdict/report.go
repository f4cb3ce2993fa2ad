package verdict

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/nodekiln/nodekiln/pkg/junit"
)

// result is what a person is told of a check in a word.
func (c Check) result() string {
	switch {
	case c.Untried != "":
		return "not tried"
	case c.Err != nil:
		return "failed"
	default:
		return "ok"
	}
}

// text is what a person is told of a check in a line.
func (c Check) text() string {
	switch {
	case c.Untried != "":
		return c.Untried
	case c.Err != nil:
		return oneLine(c.Err.Error())
	default:
		return c.Said
	}
}

func (c Check) line() string {
	return strings.TrimSuffix(fmt.Sprintf("%s: %s: %s after %.1fs: %s", c.Name, c.Subject, c.result(), c.After.Seconds(), c.text()), ": ")
}

// Milestone is a time from power-on.
type Milestone struct {
	Name  string
	After time.Duration
}

// Milestones gives when the cluster was how far. What it has not come to is not among them.
func (v *Verdict) Milestones() []Milestone {
	var out []Milestone
	// reached adds a milestone when all checks of that name have passed, or one if any is enough.
	reached := func(milestone, check string, any bool) {
		var first, last time.Duration
		passed, all := 0, 0
		for _, c := range v.Checks {
			if c.Name != check {
				continue
			}
			all++
			if c.result() != "ok" {
				continue
			}
			if passed++; passed == 1 || c.After < first {
				first = c.After
			}
			last = max(last, c.After)
		}
		switch {
		case passed > 0 && any:
			out = append(out, Milestone{milestone, first})
		case passed > 0 && passed == all:
			out = append(out, Milestone{milestone, last})
		}
	}
	reached("the API is ready", checkAPI, false)
	reached("all Nodes are Ready", checkNode, false)
	reached("the first pod runs", checkPod, true)
	reached("pods resolve names", checkDNS, false)
	if len(v.Checks) > 0 && v.Err() == nil {
		out = append(out, Milestone{"every check has passed", v.Checks[len(v.Checks)-1].After})
	}
	return out
}

// WriteTable writes the Nodes, the checks and the milestones for a person to read, and below them in full what has failed.
func (v *Verdict) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NODE\tREADY\tSINCE\tVERSION\tADDRESS")
	for _, n := range v.Nodes {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", n.Name, n.Ready, n.Since.UTC().Format(time.RFC3339), n.Version, n.Address)
	}
	fmt.Fprintln(t, "\nCHECK\tOF\tRESULT\tAFTER\tTOOK\tANSWER")
	for _, c := range v.Checks {
		answer := c.text()
		if c.Err != nil {
			answer = "see below"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%.1fs\t%.1fs\t%s\n", c.Name, c.Subject, c.result(), c.After.Seconds(), c.Took.Seconds(), answer)
	}
	fmt.Fprintln(t, "\nMILESTONE\tAFTER")
	for _, m := range v.Milestones() {
		fmt.Fprintf(t, "%s\t%.1fs\n", m.Name, m.After.Seconds())
	}
	for _, c := range v.Checks {
		if c.Err != nil {
			fmt.Fprintf(t, "\n%s: %s:\n  %s\n", c.Name, c.Subject, strings.ReplaceAll(c.Err.Error(), "\n", "\n  "))
		}
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write the table of checks: %w", err)
	}
	return nil
}

// Suite gives the verdict as a suite of a JUnit report, with one case for each check.
func (v *Verdict) Suite(name string) junit.Suite {
	s := junit.Suite{Name: name}
	for _, c := range v.Checks {
		one := junit.Case{Name: c.Name + ": " + c.Subject, Time: c.Took, Skipped: c.Untried, Output: c.Said}
		if c.Err != nil {
			one.Failure = &junit.Failure{Message: c.text(), Text: c.Err.Error()}
		}
		s.Time = max(s.Time, c.After)
		s.Cases = append(s.Cases, one)
	}
	return s
}
