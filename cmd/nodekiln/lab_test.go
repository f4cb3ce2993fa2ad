package main

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/nodekiln/nodekiln/pkg/lab"
)

func TestChosenMachines(t *testing.T) {
	machines := []lab.Machine{{Name: "master"}, {Name: "node1"}, {Name: "node2"}}
	for _, c := range []struct{ names, want []string }{
		{nil, []string{"master", "node1", "node2"}},
		{[]string{"node2", "master"}, []string{"master", "node2"}},
	} {
		got, err := chosen(machines, c.names)
		if !slices.EqualFunc(got, c.want, func(m lab.Machine, name string) bool { return m.Name == name }) || err != nil {
			t.Errorf("%v: %+v, %v", c.names, got, err)
		}
	}
	_, err := chosen(machines, []string{"node1", "node9"})
	if wrong := (usageError{}); !errors.As(err, &wrong) || !strings.Contains(err.Error(), `"node9"; there are master, node1, node2`) {
		t.Errorf("an unknown machine: %v", err)
	}
}
