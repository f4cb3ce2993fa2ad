package component

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/nodekiln/nodekiln/pkg/tool"
)

// maxSaid is how many lines of what went wrong are kept.
const maxSaid = 40

// buildLog follows what go says while it lists and builds, and turns it into progress: modules that it downloads, and
// with -v each package that it compiles. What its cache has it does not name, so that the end may come early.
type buildLog struct {
	progress Progress
	what     string
	partial  []byte
	// total is how many packages there are, 0 while that is not known, and compiled how many of them were named.
	total, compiled int
	// said are lines that are no progress.
	said []string
}

func (l *buildLog) Write(p []byte) (int, error) {
	l.partial = append(l.partial, p...)
	for {
		line, rest, found := bytes.Cut(l.partial, []byte("\n"))
		if !found {
			return len(p), nil
		}
		l.line(string(line))
		l.partial = rest
	}
}

func (l *buildLog) line(s string) {
	if module, ok := strings.CutPrefix(s, "go: downloading "); ok {
		l.progress.Stage("downloading "+module, l.done())
		return
	}
	// A package has no blank in its path; what the compiler says has.
	if l.total == 0 || s == "" || strings.ContainsAny(s, " \t") {
		if s != "" && len(l.said) < maxSaid {
			l.said = append(l.said, s)
		}
		return
	}
	l.compiled = min(l.compiled+1, l.total)
	l.progress.Stage(fmt.Sprintf("building %s: %s", l.what, s), l.done())
}

// done leaves the last hundredth to the linker.
func (l *buildLog) done() float64 {
	if l.total == 0 {
		return 0
	}
	return 0.99 * float64(l.compiled) / float64(l.total)
}

// explain puts what went wrong in the place of the names of packages among which a failed go has said it.
func (l *buildLog) explain(err error) error {
	var failed *tool.Error
	if errors.As(err, &failed) && len(l.said) > 0 {
		return &tool.Error{Command: failed.Command, Output: strings.Join(l.said, "\n"), Err: failed.Err}
	}
	return err
}
