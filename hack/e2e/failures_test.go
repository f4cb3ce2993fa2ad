package e2e

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nodekiln/nodekiln/hack/e2e/frame"
	"github.com/nodekiln/nodekiln/pkg/build"
	"github.com/nodekiln/nodekiln/pkg/lab"
)

// failingUnits end badly in the ways that a service can: by its exit code, by a signal again and again, without a program.
const failingUnits = `
units:
  - name: cold.service
    enabled: true
    contents: |
      [Service]
      Type=oneshot
      ExecStart=/bin/sh -c 'echo the kiln is cold; exit 3'
      [Install]
      WantedBy=multi-user.target
  - name: hot.service
    enabled: true
    contents: |
      [Unit]
      StartLimitIntervalSec=0
      [Service]
      ExecStart=/bin/sh -c 'echo the kiln is hot; kill -SEGV $$$$'
      Restart=always
      RestartSec=1
      [Install]
      WantedBy=multi-user.target
  - name: absent.service
    enabled: true
    contents: |
      [Service]
      ExecStart=/usr/bin/kiln
      [Install]
      WantedBy=multi-user.target
`

// TestFailuresReachTheConsole: what fails on a machine is told there with its last words, and a machine that becomes
// healthy all the same is healthy.
func TestFailuresReachTheConsole(t *testing.T) {
	one := strings.NewReplacer("linux-node[1-3]", "linux-node1", "192.168.56.[110,120,130]", "192.168.56.110").Replace(threeHosts(t))
	_, images := nodekiln.Lab(t, one+failingUnits)
	manifest, err := build.ReadManifest(images)
	if err != nil {
		t.Fatal(err)
	}
	var console bytes.Buffer
	l, err := lab.Start(t.Context(), build.Machines(images, manifest), lab.Options{Now: time.Now, Console: &console})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	var told []string
	frame.Eventually(t, frame.BootLimit, "what has failed", func(ctx context.Context) error {
		results, err := l.WaitHealthy(ctx)
		if err != nil {
			return err
		}
		told = nil
		for _, f := range results[0].Failures {
			told = append(told, f.Text)
		}
		for _, want := range []string{
			`^cold\.service: exit-code \(exited 3\)$`,
			`^hot\.service: core-dump \(dumped 11\)$|^hot\.service: signal \(killed 11\)$`,
			`^hot\.service: .*, 4 times so far$`,
			`^absent\.service: exit-code \(exited 203\)$`,
		} {
			if !slices.ContainsFunc(told, regexp.MustCompile(want).MatchString) {
				return fmt.Errorf("%s was not told, but %q", want, told)
			}
		}
		return nil
	})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(told, regexp.MustCompile(`, 3 times so far`).MatchString) {
		t.Errorf("the third failure of a unit is no news: %q", told)
	}
	for _, words := range []string{"the kiln is cold", "the kiln is hot", "/usr/bin/kiln: No such file or directory"} {
		if !regexp.MustCompile(`(?m)  \| .*` + regexp.QuoteMeta(words)).Match(console.Bytes()) {
			t.Errorf("the console does not have %q:\n%s", words, console.Bytes())
		}
	}
}
