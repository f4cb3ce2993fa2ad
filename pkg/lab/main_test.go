package lab

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

// runLab, in the environment, has the test's program run the machines that it describes until it is killed.
const runLab = "NODEKILN_LAB_TEST_RUN"

func TestMain(m *testing.M) {
	description := os.Getenv(runLab)
	if description == "" {
		os.Exit(m.Run())
	}
	var machines []Machine
	if err := json.Unmarshal([]byte(description), &machines); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	l, err := Start(context.Background(), machines, Options{Accel: "tcg", StateDir: os.Args[1], Now: time.Now})
	if err == nil {
		_, err = l.WaitHealthy(context.Background())
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("running")
	select {}
}

func TestKilledParentLeavesNothing(t *testing.T) {
	need(t, "qemu-system-x86_64", "qemu-img")
	dir := t.TempDir()
	description, err := json.Marshal(tinyMachines(t, tinyHealthy, tinyHealthy))
	if err != nil {
		t.Fatal(err)
	}
	parent := exec.Command(os.Args[0], dir)
	parent.Env = append(os.Environ(), runLab+"="+string(description))
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	defer parent.Wait()
	defer parent.Process.Kill()
	said, err := bufio.NewReader(out).ReadString('\n')
	if said != "running\n" {
		t.Fatalf("the parent says %q, %v", said, err)
	}
	if n := len(qemus(t, dir)); n != 2 {
		t.Fatalf("%d QEMUs run, not 2", n)
	}
	// What another process has locked is refused meanwhile.
	if f, err := lockDir(dir); err == nil {
		f.Close()
		t.Error("two processes have the same state directory")
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the QEMUs of a killed parent ended", func() bool { return len(qemus(t, dir)) == 0 })
}
