package lab

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAddedMachineRunsBesideTheOthers(t *testing.T) {
	machines := tinyMachines(t, tinyHealthy, tinyHealthy)
	machines[1].Name = "a-long-name"
	var console syncBuffer
	o := options(t)
	o.Console = &console
	l := start(t, machines[:1], o)
	healthy(t, l)
	if err := l.Add(t.Context(), machines[1]); err != nil {
		t.Fatal(err)
	}
	results := healthy(t, l)
	if len(results) != 2 || results[1].Machine != "a-long-name" || results[1].Forwards["ssh"] == "" {
		t.Errorf("%+v", results)
	}
	if got := results[0].ConsoleTail[0]; got != "boot 1" {
		t.Errorf("the machine that ran says %q", got)
	}
	if !strings.Contains(console.String(), "a-long-name | boot 1\n") {
		t.Errorf("the console is\n%s", console.String())
	}
	if n := len(qemus(t, o.StateDir)); n != 2 {
		t.Errorf("%d QEMUs run, not 2", n)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if left := qemus(t, o.StateDir); len(left) > 0 {
		t.Errorf("left running: %v", left)
	}
}

func TestMachineThatCannotBeAdded(t *testing.T) {
	machines := tinyMachines(t, tinyHealthy, tinyHealthy)
	l := start(t, machines[:1], options(t))
	for name, c := range map[string]struct {
		change func(*Machine)
		want   string
	}{
		"same name": {func(m *Machine) { m.Name = machines[0].Name }, "two machines have the name node1"},
		"same MAC":  {func(m *Machine) { m.MAC = machines[0].MAC }, "have the same MAC"},
		"memory":    {func(m *Machine) { m.Memory = 1 << 60 }, "free on this host"},
		"image":     {func(m *Machine) { m.Format = "qcow2" }, "prepare machine node2"},
		"QEMU":      {func(m *Machine) { m.CPUs = 1 << 20 }, "switch on machine node2"},
	} {
		m := machines[1]
		c.change(&m)
		if err := l.Add(t.Context(), m); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v", name, err)
		}
		if results := healthy(t, l); len(results) != 1 {
			t.Errorf("%s: the lab has become %+v", name, results)
		}
	}
	if err := l.Add(t.Context(), machines[1]); err != nil {
		t.Errorf("in the end: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	machines[1].Name, machines[1].MAC = "node3", "52:54:00:01:0b:01"
	if err := l.Add(t.Context(), machines[1]); err == nil {
		t.Error("a machine is added to a closed lab")
	}
}

func TestReplacedMachineForgets(t *testing.T) {
	o := options(t)
	machines := tinyMachines(t, tinyHealthy, tinyHealthy)
	l := start(t, machines, o)
	before := healthy(t, l)
	if err := l.PowerOn(t.Context(), "node1", "node2"); err != nil {
		t.Fatal(err)
	}
	if got := healthy(t, l)[0].ConsoleTail[0]; got != "boot 2" {
		t.Fatalf("the machine that is to be replaced says %q", got)
	}
	// Another image, in the place of the one that the overlay was laid on.
	tinyDisk(t, machines[0].Disk, "nodekiln: healthy: another image\n")
	if err := l.Replace(t.Context(), machines[0]); err != nil {
		t.Fatal(err)
	}
	after := healthy(t, l)
	if after[0].ConsoleTail[0] != "boot 1" || after[0].Text != "another image" {
		t.Errorf("the new machine says %q", after[0].ConsoleTail)
	}
	if after[0].Forwards["ssh"] == "" || after[0].Forwards["ssh"] != before[0].Forwards["ssh"] {
		t.Errorf("the ports were %v and are %v", before[0].Forwards, after[0].Forwards)
	}
	if got := after[1].ConsoleTail[0]; got != "boot 2" {
		t.Errorf("the other machine says %q", got)
	}
	log, err := os.ReadFile(filepath.Join(o.StateDir, "node1.console.log"))
	if err != nil || !strings.Contains(string(log), "boot 2") || !strings.Contains(string(log), "another image") {
		t.Errorf("the log has not both lives: %q, %v", log, err)
	}
	if n := len(qemus(t, o.StateDir)); n != 2 {
		t.Errorf("%d QEMUs run, not 2", n)
	}
	if err := l.Replace(t.Context(), Machine{Name: "node9"}); err == nil || !strings.Contains(err.Error(), "node9") {
		t.Errorf("an unknown machine: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Replace(t.Context(), machines[0]); !errors.Is(err, errClosed) {
		t.Errorf("in a closed lab: %v", err)
	}
	if left := qemus(t, o.StateDir); len(left) > 0 {
		t.Errorf("left running: %v", left)
	}
}

func TestMachineThatCannotBeReplacedSaysWhy(t *testing.T) {
	m := tinyMachines(t, tinyHealthy)[0]
	l := &Lab{
		opts: Options{Now: time.Now}, dir: filepath.Join(t.TempDir(), "gone"), changed: make(chan struct{}), console: newConsoleWriter(nil, nil),
		machines: []*guest{{Machine: m, status: &status{}}},
	}
	err := l.Replace(t.Context(), m)
	if err == nil || !strings.Contains(err.Error(), "prepare machine node1") {
		t.Fatalf("got %v", err)
	}
	if results, _ := l.WaitHealthy(t.Context()); results[0].Text != err.Error() {
		t.Errorf("its result is %q", results[0].Text)
	}
}

func TestAllMachinesLosePowerAtOnce(t *testing.T) {
	o := options(t)
	l := start(t, tinyMachines(t, tinyHealthy, tinyHealthy, tinyHealthy), o)
	healthy(t, l)
	if err := l.Kill(); err != nil {
		t.Fatal(err)
	}
	if left := qemus(t, o.StateDir); len(left) > 0 {
		t.Errorf("still running: %v", left)
	}
	if err := l.PowerOn(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, r := range healthy(t, l) {
		if r.ConsoleTail[0] != "boot 2" {
			t.Errorf("%s says %q", r.Machine, r.ConsoleTail[0])
		}
	}
}

func TestWaitForSomeMachines(t *testing.T) {
	l := start(t, tinyMachines(t, tinyHealthy, tinySilent, tinyHealthy), options(t))
	if err := l.Kill("node1"); err != nil {
		t.Fatal(err)
	}
	// Neither the one that is off nor the one that says nothing is waited for.
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	results, err := l.WaitHealthy(ctx, "node3")
	if err != nil || len(results) != 1 || results[0].Machine != "node3" || !results[0].Healthy {
		t.Errorf("%+v, %v", results, err)
	}
	if _, err := l.WaitHealthy(ctx, "node3", "node1"); err == nil || !strings.Contains(err.Error(), "node1") {
		t.Errorf("a machine that is off: %v", err)
	}
	if _, err := l.WaitHealthy(ctx, "node9"); err == nil || !strings.Contains(err.Error(), "node9") {
		t.Errorf("an unknown machine: %v", err)
	}
}

func TestClockOffset(t *testing.T) {
	machines := tinyMachines(t, tinySilent, tinySilent)
	machines[1].ClockOffset = -24 * time.Hour
	l := start(t, machines, options(t))
	right, late := rtc(t, l.machines[0]), rtc(t, l.machines[1])
	// The two are not asked at the same moment.
	if behind := right.Sub(late); behind < 24*time.Hour-patience || behind > 24*time.Hour+patience {
		t.Errorf("the clocks are %v and %v", right, late)
	}
	if wrong := time.Since(right); wrong < -patience || wrong > patience {
		t.Errorf("the clock without an offset is %v", right)
	}
}

// rtc asks QEMU for the time of a machine's hardware clock, which it gives as a struct tm (ctime(3)).
func rtc(t *testing.T, g *guest) time.Time {
	t.Helper()
	said, err := g.process.monitor.execute("qom-get", map[string]string{"path": "/machine", "property": "rtc-time"})
	if err != nil {
		t.Fatal(err)
	}
	var tm struct {
		Year   int `json:"tm_year"`
		Month  int `json:"tm_mon"`
		Day    int `json:"tm_mday"`
		Hour   int `json:"tm_hour"`
		Minute int `json:"tm_min"`
		Second int `json:"tm_sec"`
	}
	if err := json.Unmarshal(said, &tm); err != nil {
		t.Fatal(err)
	}
	return time.Date(1900+tm.Year, time.Month(1+tm.Month), tm.Day, tm.Hour, tm.Minute, tm.Second, 0, time.UTC)
}
