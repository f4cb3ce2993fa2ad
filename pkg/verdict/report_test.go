package verdict

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/nodekiln/nodekiln/pkg/junit"
)

func sample() *Verdict {
	second := time.Second
	return &Verdict{
		Nodes: []Node{{Name: "node1", Ready: "True", Since: time.Unix(1735689600, 0), Version: "v1.34.4", Address: "10.1.10.102"}},
		Checks: []Check{
			{Name: checkAPI, Subject: "master", After: 50 * second, Took: second / 2, Said: "/readyz is ok"},
			{Name: checkNode, Subject: "node1", After: 60 * second},
			{Name: checkNode, Subject: "node2", After: 61 * second},
			{Name: checkPod, Subject: "node1", After: 80 * second, Took: 20 * second, Said: "192.168.129.2"},
			{Name: checkPod, Subject: "node2", After: 90 * second, Took: 30 * second, Err: errors.New("it is Pending;\nlook at it")},
			{Name: "ping", Subject: "node1 to node2", After: 90 * second, Untried: "the pod does not run"},
		},
	}
}

func TestTable(t *testing.T) {
	var b bytes.Buffer
	if err := sample().WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	want := `NODE   READY  SINCE                 VERSION  ADDRESS
node1  True   2025-01-01T00:00:00Z  v1.34.4  10.1.10.102

CHECK          OF              RESULT     AFTER  TOOK   ANSWER
API is ready   master          ok         50.0s  0.5s   /readyz is ok
Node is Ready  node1           ok         60.0s  0.0s   
Node is Ready  node2           ok         61.0s  0.0s   
pod runs       node1           ok         80.0s  20.0s  192.168.129.2
pod runs       node2           failed     90.0s  30.0s  see below
ping           node1 to node2  not tried  90.0s  0.0s   the pod does not run

MILESTONE            AFTER
the API is ready     50.0s
all Nodes are Ready  61.0s
the first pod runs   80.0s

pod runs: node2:
  it is Pending;
  look at it
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
	if err := sample().WriteTable(broken{}); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("to what takes nothing: %v", err)
	}
}

// broken takes nothing.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestMilestones(t *testing.T) {
	v := sample()
	v.Checks[4].Err = nil
	v.Checks = append(v.Checks, Check{Name: checkDNS, Subject: "node1", After: 100 * time.Second})
	want := []Milestone{
		{"the API is ready", 50 * time.Second},
		{"all Nodes are Ready", 61 * time.Second},
		{"the first pod runs", 80 * time.Second},
		{"pods resolve names", 100 * time.Second},
		{"every check has passed", 100 * time.Second},
	}
	if diff := cmp.Diff(want, v.Milestones()); diff != "" {
		t.Error(diff)
	}
	if got := (&Verdict{}).Milestones(); len(got) > 0 {
		t.Errorf("of nothing: %v", got)
	}
}

func TestSuite(t *testing.T) {
	s := sample().Suite("lab checks")
	if s.Name != "lab checks" || s.Time != 90*time.Second || len(s.Cases) != 6 {
		t.Errorf("suite: %+v", s)
	}
	want := []junit.Case{
		{Name: "pod runs: node1", Time: 20 * time.Second, Output: "192.168.129.2"},
		{Name: "pod runs: node2", Time: 30 * time.Second, Failure: &junit.Failure{Message: "it is Pending; look at it", Text: "it is Pending;\nlook at it"}},
		{Name: "ping: node1 to node2", Skipped: "the pod does not run"},
	}
	if diff := cmp.Diff(want, s.Cases[3:]); diff != "" {
		t.Error(diff)
	}
}

func TestErr(t *testing.T) {
	if err := sample().Err(); err == nil || err.Error() != "1 of 6 checks have failed: pod runs (node2)" {
		t.Errorf("got %v", err)
	}
	if err := (&Verdict{Checks: []Check{{Name: "a"}}}).Err(); err != nil {
		t.Errorf("of what has passed: %v", err)
	}
}

func TestEdges(t *testing.T) {
	for nodes, want := range map[int]string{
		1: "n1 to n1-second, n1-second to n1",
		2: "n1 to n2, n2 to n1",
		3: "n1 to n2, n1 to n3, n2 to n1, n2 to n3, n3 to n1, n3 to n2",
		5: "n1 to n2, n2 to n3, n3 to n4, n4 to n5, n5 to n1",
	} {
		var all []name
		for i := range nodes {
			all = append(all, name(fmt.Sprintf("n%d", i+1)))
		}
		var got []string
		for _, e := range edges(newJudge().pods(all)) {
			got = append(got, e.String())
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%d nodes: %v", nodes, got)
		}
	}
}

func TestAccessKeepsItsSecrets(t *testing.T) {
	a := Access{Kubeconfig: []byte("secret"), Masters: []Endpoint{{"master", "127.0.0.1:1"}}}
	account := account{ca: "secret", token: "secret"}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if said := fmt.Sprintf(format+" "+format, a, account); strings.Contains(said, "secret") {
			t.Errorf("%s prints %s", format, said)
		}
	}
}
