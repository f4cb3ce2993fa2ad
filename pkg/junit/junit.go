// Package junit writes results of tests as a JUnit report, which CI systems show.
package junit

import (
	"encoding/xml"
	"fmt"
	"io"
	"time"
)

// Suite is a set of cases that belong together.
type Suite struct {
	Name  string
	Cases []Case
	// Time is how long all took together.
	Time time.Duration
}

// Case is one test.
type Case struct {
	Name string
	Time time.Duration
	// Failure is nil for a case that has passed.
	Failure *Failure
	// Skipped is why the case was not tried, "" for one that was.
	Skipped string
	// Output is what the case has said.
	Output string
}

// Failure is why a case has not passed: in a line, and in full.
type Failure struct{ Message, Text string }

// The elements that CI systems agree on, as Jenkins' xunit plugin describes them in junit-10.xsd.
type (
	suites struct {
		XMLName xml.Name `xml:"testsuites"`
		Suites  []suite
	}
	suite struct {
		XMLName  xml.Name `xml:"testsuite"`
		Name     string   `xml:"name,attr"`
		Tests    int      `xml:"tests,attr"`
		Failures int      `xml:"failures,attr"`
		Errors   int      `xml:"errors,attr"`
		Skipped  int      `xml:"skipped,attr"`
		Time     string   `xml:"time,attr"`
		Cases    []testcase
	}
	testcase struct {
		XMLName xml.Name `xml:"testcase"`
		Name    string   `xml:"name,attr"`
		Class   string   `xml:"classname,attr"`
		Time    string   `xml:"time,attr"`
		Skipped *skipped `xml:"skipped"`
		Failure *failure `xml:"failure"`
		Output  string   `xml:"system-out,omitempty"`
	}
	skipped struct {
		Message string `xml:"message,attr"`
	}
	failure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// Write writes a report.
func Write(w io.Writer, all ...Suite) error {
	var report suites
	for _, s := range all {
		report.Suites = append(report.Suites, s.element())
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	_, err := io.WriteString(w, xml.Header)
	if err == nil {
		err = e.Encode(report)
	}
	if err == nil {
		_, err = io.WriteString(w, "\n")
	}
	if err != nil {
		return fmt.Errorf("write the JUnit report: %w", err)
	}
	return nil
}

func (s Suite) element() suite {
	out := suite{Name: s.Name, Tests: len(s.Cases), Time: seconds(s.Time)}
	for _, c := range s.Cases {
		element := testcase{Name: c.Name, Class: s.Name, Time: seconds(c.Time), Output: c.Output}
		if c.Skipped != "" {
			out.Skipped++
			element.Skipped = &skipped{Message: c.Skipped}
		}
		if c.Failure != nil {
			out.Failures++
			element.Failure = &failure{Message: c.Failure.Message, Text: c.Failure.Text}
		}
		out.Cases = append(out.Cases, element)
	}
	return out
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
