package junit

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

func sample() []Suite {
	return []Suite{
		{Name: "machines", Time: 14321 * time.Millisecond, Cases: []Case{
			{Name: "linux-node1", Time: 14321 * time.Millisecond, Output: "one\ntwo ]]> <b>"},
			{Name: "n2", Failure: &Failure{Message: "<&> \"x\"", Text: "<&> \"x\"\nin full"}},
		}},
		{Name: "a \"suite\" & more", Cases: []Case{{Name: "n3", Skipped: "n2 has failed"}}},
	}
}

func TestReport(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, sample()...); err != nil {
		t.Fatal(err)
	}
	want := xml.Header + `<testsuites>
  <testsuite name="machines" tests="2" failures="1" errors="0" skipped="0" time="14.321">
    <testcase name="linux-node1" classname="machines" time="14.321">
      <system-out>one&#xA;two ]]&gt; &lt;b&gt;</system-out>
    </testcase>
    <testcase name="n2" classname="machines" time="0.000">
      <failure message="&lt;&amp;&gt; &#34;x&#34;">&lt;&amp;&gt; &#34;x&#34;&#xA;in full</failure>
    </testcase>
  </testsuite>
  <testsuite name="a &#34;suite&#34; &amp; more" tests="1" failures="0" errors="0" skipped="1" time="0.000">
    <testcase name="n3" classname="a &#34;suite&#34; &amp; more" time="0.000">
      <skipped message="n2 has failed"></skipped>
    </testcase>
  </testsuite>
</testsuites>
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestReportIsWellFormed(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		if os.Getenv("NODEKILN_CONFORMANCE") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	file := filepath.Join(t.TempDir(), "junit.xml")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(Write(f, sample()...), f.Close()); err != nil {
		t.Fatal(err)
	}
	count := "import sys, xml.etree.ElementTree as e; print(len(e.parse(sys.argv[1]).findall('testsuite/testcase')))"
	if said, err := exec.Command("python3", "-c", count, file).CombinedOutput(); err != nil || string(said) != "3\n" {
		t.Errorf("%v\n%s", err, said)
	}
}

func TestReportSaysWhatWasNotWritten(t *testing.T) {
	if err := Write(writer{}, sample()...); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("got %v", err)
	}
}

// writer takes nothing.
type writer struct{}

func (writer) Write([]byte) (int, error) { return 0, io.ErrShortWrite }
