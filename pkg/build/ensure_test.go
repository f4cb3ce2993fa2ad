package build

import (
	"strings"
	"testing"

	"github.com/nodekiln/nodekiln/pkg/plan"
)

func TestDisksThatAreTooSmallAreNamed(t *testing.T) {
	const size = 800<<20 + 1
	machines := []plan.Machine{{Name: "a", Disk: size}, {Name: "b", Disk: size - 1}, {Name: "c", Disk: 8 << 30}, {Name: "d"}}
	err := checkDisks(machines, size)
	if err == nil || !strings.HasSuffix(err.Error(), "too small: b, d") || !strings.Contains(err.Error(), "801 MiB") {
		t.Errorf("got %v", err)
	}
	if err := checkDisks(machines[:1], size); err != nil {
		t.Errorf("a disk that just has room: %v", err)
	}
}
