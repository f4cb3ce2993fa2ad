package lab

import (
	"bytes"
	"encoding/xml"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func sampleResults() []Result {
	return []Result{
		{
			Machine: "linux-node1", Healthy: true, Text: "etcd 3 of 3", Elapsed: 14321 * time.Millisecond,
			Forwards:    map[string]string{"ssh": "127.0.0.1:40022", "etcd": "127.0.0.1:42379"},
			ConsoleTail: []string{"nodekiln: healthy: etcd 3 of 3"},
		},
		{
			Machine: "n2", Text: "Kernel panic - not syncing: <&> \"x\"", Elapsed: 3 * time.Second,
			Failures:    []Failure{{Text: "etcd.service", Elapsed: 2 * time.Second}},
			ConsoleTail: []string{"one", "two ]]> <b>"},
		},
		{Machine: "n3", Text: "qemu-system-x86_64 -x: exit status 1\n  bad option", Elapsed: 0},
	}
}

func TestTable(t *testing.T) {
	var b bytes.Buffer
	if err := WriteTable(&b, sampleResults()); err != nil {
		t.Fatal(err)
	}
	want := `MACHINE      HEALTHY  AFTER  PORTS                                     REPORT
linux-node1  yes      14.3s  etcd=127.0.0.1:42379 ssh=127.0.0.1:40022  etcd 3 of 3
n2           no       3.0s   -                                         Kernel panic - not syncing: <&> "x"
             failed   2.0s                                             etcd.service
n3           no       0.0s   -                                         qemu-system-x86_64 -x: exit status 1

n2: Kernel panic - not syncing: <&> "x"
  the console ended:
    one
    two ]]> <b>

n3: qemu-system-x86_64 -x: exit status 1
  bad option
  the console has stayed empty
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestJUnit(t *testing.T) {
	var b bytes.Buffer
	if err := WriteJUnit(&b, "etcd-lab", sampleResults()); err != nil {
		t.Fatal(err)
	}
	var got struct {
		XMLName xml.Name `xml:"testsuites"`
		Suite   []struct {
			Name     string `xml:"name,attr"`
			Tests    int    `xml:"tests,attr"`
			Failures int    `xml:"failures,attr"`
			Time     string `xml:"time,attr"`
			Case     []struct {
				Name    string `xml:"name,attr"`
				Class   string `xml:"classname,attr"`
				Time    string `xml:"time,attr"`
				Out     string `xml:"system-out"`
				Failure *struct {
					Message string `xml:"message,attr"`
					Text    string `xml:",chardata"`
				} `xml:"failure"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	if len(got.Suite) != 1 || len(got.Suite[0].Case) != 3 {
		t.Fatalf("%s", b.String())
	}
	s := got.Suite[0]
	if s.Name != "etcd-lab" || s.Tests != 3 || s.Failures != 2 || s.Time != "14.321" {
		t.Errorf("suite: %+v", s)
	}
	first, second := s.Case[0], s.Case[1]
	if first.Failure != nil || first.Time != "14.321" || first.Class != "etcd-lab" || first.Name != "linux-node1" {
		t.Errorf("first case: %+v", first)
	}
	if f := second.Failure; f == nil || f.Message != `Kernel panic - not syncing: <&> "x"` || !strings.Contains(f.Text, "failed after 2.0s: etcd.service") {
		t.Errorf("second case: %+v", second)
	}
	if second.Out != "one\ntwo ]]> <b>" {
		t.Errorf("its output: %q", second.Out)
	}
}

func TestJUnitIsWellFormed(t *testing.T) {
	need(t, "python3")
	file := filepath.Join(t.TempDir(), "junit.xml")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(WriteJUnit(f, "a \"suite\" & more", sampleResults()), f.Close()); err != nil {
		t.Fatal(err)
	}
	count := "import sys, xml.etree.ElementTree as e; print(len(e.parse(sys.argv[1]).findall('testsuite/testcase')))"
	if said, err := exec.Command("python3", "-c", count, file).CombinedOutput(); err != nil || string(said) != "3\n" {
		t.Errorf("%v\n%s", err, said)
	}
}

func TestReportsSayWhatWasNotWritten(t *testing.T) {
	if err := WriteTable(&brokenWriter{}, sampleResults()); err == nil {
		t.Error("WriteTable works")
	}
	if err := WriteJUnit(&brokenWriter{}, "s", sampleResults()); err == nil {
		t.Error("WriteJUnit works")
	}
}
