// Package clusters tests clusters of Kubernetes that need several machines: they boot, and have bad days.
package clusters

import (
	"os"
	"testing"

	"github.com/nodekiln/nodekiln/hack/e2e/frame"
)

var nodekiln frame.Program

func TestMain(m *testing.M) {
	os.Exit(frame.Main(m, &nodekiln))
}
