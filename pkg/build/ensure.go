package build

import (
	"context"
	"fmt"
	"strings"

	"github.com/nodekiln/nodekiln/pkg/base"
	"github.com/nodekiln/nodekiln/pkg/plan"
)

// ensureBase gives the base that the machines are baked from, and holds them against it.
func ensureBase(ctx context.Context, p *plan.Plan, o base.Options) (base.Golden, error) {
	g, err := base.Ensure(ctx, p.Base, o)
	if err != nil {
		return base.Golden{}, err
	}
	return g, checkDisks(p.Machines, g.Layout.Size)
}

// checkDisks refuses machines whose disks have no room for a base of that many bytes.
func checkDisks(machines []plan.Machine, size int64) error {
	var small []string
	for _, m := range machines {
		if m.Disk < size {
			small = append(small, m.Name)
		}
	}
	if len(small) == 0 {
		return nil
	}
	const mebibyte = 1 << 20
	return fmt.Errorf("the base takes %d MiB, for which the disks of these machines are too small: %s",
		(size+mebibyte-1)/mebibyte, strings.Join(small, ", "))
}
