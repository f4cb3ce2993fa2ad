package cluster

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Position is a place in a cluster file.
type Position struct {
	// File as its reader was given it.
	File string
	// Line and Column count from 1, a column being one character.
	Line, Column int
}

// String gives file:line:column, which editors and terminals make a link of.
func (p Position) String() string {
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Problem is one thing that is wrong with a cluster file.
type Problem struct {
	Position
	// Path of the value within the file, as in machines[1].address; "" for the file as a whole.
	Path    string
	Message string
}

// String gives file:line:column: path: message.
func (p Problem) String() string {
	if p.Path == "" {
		return fmt.Sprintf("%s: %s", p.Position, p.Message)
	}
	return fmt.Sprintf("%s: %s: %s", p.Position, p.Path, p.Message)
}

// InvalidError is the error of a cluster file that cannot be used as it is written. It holds everything that was found
// wrong, so that one reading is enough to put it right.
type InvalidError struct {
	// Problems in the order of the file; at least one.
	Problems []Problem
}

// Error gives one line for each problem.
func (e *InvalidError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Problems collects what is wrong with a cluster file.
type Problems struct {
	source *source
	list   []Problem
}

// Addf reports a problem with the value at the path. A path that the file does not write, such as that of a key left
// out, is placed where the value it belongs to begins.
func (p *Problems) Addf(path, format string, args ...any) {
	p.addAt(p.source.at(path), path, format, args...)
}

// Add reports an error with the value at the path, and as many problems as errors.Join has put together in it. No error
// is no problem.
func (p *Problems) Add(path string, err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			p.Add(path, e)
		}
	} else if err != nil {
		p.Addf(path, "%v", err)
	}
}

// Err is nil where there is no problem, and otherwise an *InvalidError.
func (p *Problems) Err() error {
	if len(p.list) == 0 {
		return nil
	}
	list := slices.Clone(p.list)
	slices.SortStableFunc(list, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Path, b.Path))
	})
	return &InvalidError{Problems: slices.Compact(list)}
}

// addAt keeps a problem to one line, also where an error of several lines is in it.
func (p *Problems) addAt(at Position, path, format string, args ...any) {
	message := strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", "; ")
	p.list = append(p.list, Problem{Position: at, Path: path, Message: message})
}

// source remembers where the values of a cluster file are written.
type source struct {
	file      string
	positions map[string]Position
}

// at finds the place of a value by its path, or that of the nearest value around it.
func (s *source) at(path string) Position {
	for path != "" {
		if at, ok := s.positions[path]; ok {
			return at
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	if at, ok := s.positions[""]; ok {
		return at
	}
	return Position{File: s.file, Line: 1, Column: 1}
}
