package lab

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nodekiln/nodekiln/pkg/junit"
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

func TestSuite(t *testing.T) {
	want := junit.Suite{Name: "etcd-lab", Time: 14321 * time.Millisecond, Cases: []junit.Case{
		{Name: "linux-node1", Time: 14321 * time.Millisecond, Output: "nodekiln: healthy: etcd 3 of 3"},
		{Name: "n2", Time: 3 * time.Second, Output: "one\ntwo ]]> <b>", Failure: &junit.Failure{
			Message: `Kernel panic - not syncing: <&> "x"`,
			Text:    "Kernel panic - not syncing: <&> \"x\"\nfailed after 2.0s: etcd.service",
		}},
		{Name: "n3", Failure: &junit.Failure{
			Message: "qemu-system-x86_64 -x: exit status 1", Text: "qemu-system-x86_64 -x: exit status 1\n  bad option",
		}},
	}}
	if diff := cmp.Diff(want, Suite("etcd-lab", sampleResults())); diff != "" {
		t.Error(diff)
	}
}

func TestTableSaysWhatWasNotWritten(t *testing.T) {
	if err := WriteTable(&brokenWriter{}, sampleResults()); err == nil {
		t.Error("WriteTable works")
	}
}
