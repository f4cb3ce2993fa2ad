package kube

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// The flags that the help of Debian 12's etcd lists are in the table. (etcd has some that its help does not list.)
func TestTableHasEtcdsFlags(t *testing.T) {
	help, err := os.ReadFile("testdata/etcd-3.4.23.txt")
	if err != nil {
		t.Fatal(err)
	}
	listed := strings.Fields(string(help))
	if len(listed) < 80 {
		t.Fatalf("the listing has only %d flags", len(listed))
	}
	known := Flags(Etcd, version(t, Etcd, "3.4.23"))
	for _, name := range listed {
		if !slices.Contains(known, name) {
			t.Errorf("etcd 3.4.23 has --%s, the table has not", name)
		}
	}
	if len(known) > len(listed)+8 {
		t.Errorf("the table has %d flags, the help lists %d", len(known), len(listed))
	}
}
