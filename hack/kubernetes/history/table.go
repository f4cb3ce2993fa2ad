package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// history says in which releases a component has a flag, and of which type it was last.
type history map[[2]string]*life

type life struct {
	kind string
	in   []bool // by the place in releases
}

// add notes that a component has a flag in one of so many releases.
func (h history) add(component, name, kind string, release, releases int) {
	key := [2]string{component, name}
	if h[key] == nil {
		h[key] = &life{in: make([]bool, releases)}
	}
	h[key].in[release] = true
	if kind != "value" || h[key].kind == "" {
		h[key].kind = kind
	}
}

// print writes a row for each time that a flag was there without a gap: component, flag, type, since and until, which are
// among the minor versions of the releases.
func (h history) print(w io.Writer, minors []string) {
	var rows []string
	for key, life := range h {
		for i := 0; i < len(minors); i++ {
			if !life.in[i] {
				continue
			}
			from := i
			for i < len(minors) && life.in[i] {
				i++
			}
			since, until := "", ""
			if from > 0 {
				since = minors[from]
			}
			if i < len(minors) {
				until = minors[i]
			}
			// The place in releases sorts the lives of a flag.
			rows = append(rows, fmt.Sprintf("%s\t%s\t%02d\t%s\t%s\t%s", key[0], key[1], from, life.kind, since, until))
		}
	}
	slices.Sort(rows)
	for _, row := range rows {
		column := strings.Split(row, "\t")
		fmt.Fprintln(w, strings.Join(slices.Delete(column, 2, 3), "\t"))
	}
}

func minor(release string) string {
	return release[:strings.LastIndexByte(release, '.')]
}
