// Package e2e tests nodekiln as a user meets it: the program, a cluster file, images, and machines that boot from
// them. Clusters of Kubernetes that need several machines are in package clusters.
package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/nodekiln/nodekiln/hack/e2e/frame"
)

var nodekiln frame.Program

func TestMain(m *testing.M) {
	os.Exit(frame.Main(m, &nodekiln))
}

// threeHosts is the example of the etcd profile.
func threeHosts(t *testing.T) string {
	t.Helper()
	return nodekiln.Example(t, "etcd")
}

// small is the same with disks that are quicker to read through.
func small(t *testing.T) string {
	t.Helper()
	return strings.ReplaceAll(threeHosts(t), "disk: 8G", "disk: 2G")
}
