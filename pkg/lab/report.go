package lab

import (
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
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

// The elements of JUnit's reports that CI systems agree on, as Jenkins' xunit plugin describes them in junit-10.xsd.
type (
	junitSuites struct {
		XMLName xml.Name `xml:"testsuites"`
		Suites  []junitSuite
	}
	junitSuite struct {
		XMLName  xml.Name `xml:"testsuite"`
		Name     string   `xml:"name,attr"`
		Tests    int      `xml:"tests,attr"`
		Failures int      `xml:"failures,attr"`
		Errors   int      `xml:"errors,attr"`
		Skipped  int      `xml:"skipped,attr"`
		Time     string   `xml:"time,attr"`
		Cases    []junitCase
	}
	junitCase struct {
		XMLName xml.Name      `xml:"testcase"`
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitFailure `xml:"failure"`
		Output  string        `xml:"system-out,omitempty"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// WriteJUnit writes the results as a JUnit report, with one test case for each machine. The suite's time is that of the
// slowest machine, since they run at once.
func WriteJUnit(w io.Writer, suite string, results []Result) error {
	s := junitSuite{Name: suite, Tests: len(results)}
	var slowest time.Duration
	for _, r := range results {
		slowest = max(slowest, r.Elapsed)
		c := junitCase{Name: r.Machine, Class: suite, Time: seconds(r.Elapsed)}
		c.Output = strings.Join(r.ConsoleTail, "\n")
		if !r.Healthy {
			s.Failures++
			message, _, _ := strings.Cut(r.Text, "\n")
			c.Failure = &junitFailure{Message: message, Text: failureText(r)}
		}
		s.Cases = append(s.Cases, c)
	}
	s.Time = seconds(slowest)
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	_, err := io.WriteString(w, xml.Header)
	if err == nil {
		err = e.Encode(junitSuites{Suites: []junitSuite{s}})
	}
	if err == nil {
		_, err = io.WriteString(w, "\n")
	}
	if err != nil {
		return fmt.Errorf("write the JUnit report: %w", err)
	}
	return nil
}

func failureText(r Result) string {
	lines := []string{r.Text}
	for _, f := range r.Failures {
		lines = append(lines, fmt.Sprintf("failed after %.1fs: %s", f.Elapsed.Seconds(), f.Text))
	}
	return strings.Join(lines, "\n")
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
