package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// readYAML gives the root node of the one document in data. A nil node means that what is wrong is in problems.
func readYAML(data []byte, problems *Problems) *yaml.Node {
	at := func(line, column int) Position {
		return Position{File: problems.source.file, Line: line, Column: column}
	}
	if !utf8.Valid(data) {
		n := validPrefix(data)
		problems.addAt(at(bytes.Count(data[:n], []byte("\n"))+1, utf8.RuneCount(lastLine(data[:n]))+1), "", "is no UTF-8 text")
		return nil
	}
	documents, err := parseYAML(bytes.NewReader(data))
	if err != nil {
		line := syntaxLine(data, err)
		column, message := explainSyntax(lineOf(data, line), err)
		problems.addAt(at(line, column), "", "%s", message)
		return nil
	}
	if len(documents) == 0 || len(documents[0].Content) == 0 || documents[0].Content[0].ShortTag() == "!!null" {
		problems.addAt(at(1, 1), "", "the file is empty")
		return nil
	}
	if len(documents) > 1 {
		second := documents[1]
		problems.addAt(at(second.Line, second.Column), "", "a second document begins here; a cluster file is one document")
		return nil
	}
	return documents[0].Content[0]
}

// parseYAML reads at most two documents: more than one is already too many.
func parseYAML(r io.Reader) ([]*yaml.Node, error) {
	var documents []*yaml.Node
	dec := yaml.NewDecoder(r)
	for len(documents) < 2 {
		n := &yaml.Node{}
		switch err := dec.Decode(n); {
		case errors.Is(err, io.EOF):
			return documents, nil
		case err != nil:
			return nil, err
		}
		documents = append(documents, n)
	}
	return documents, nil
}

// syntaxLine finds the line at which reading data fails with err, counting from 1. The line in err's text will not do:
// for many errors it is that of the block around it, and off by one. But a parser that goes from the front fails the
// same way on every prefix that holds the fault, and differently or not at all on shorter ones.
func syntaxLine(data []byte, err error) int {
	ends := lineEnds(data)
	fails := func(line int) bool {
		_, prefixErr := parseYAML(bytes.NewReader(data[:ends[line-1]]))
		return prefixErr != nil && prefixErr.Error() == err.Error()
	}
	// How far the parser read is mostly the line itself, or the one after it: begin there, and double the steps back.
	r := &lineReader{data: data}
	_, _ = parseYAML(r) // err again
	last, step := max(1, min(r.lines, len(ends))), 1
	first := last - step
	for first > 0 && fails(first) {
		last = first
		step *= 2
		first = last - step
	}
	first = max(first, 0)
	return first + 1 + sort.Search(last-first-1, func(i int) bool { return fails(first + 1 + i) })
}

// lineReader reads no further than to the end of a line at once, and counts the lines.
type lineReader struct {
	data  []byte
	lines int
}

func (r *lineReader) Read(p []byte) (int, error) {
	if len(r.data) == 0 {
		return 0, io.EOF
	}
	end := bytes.IndexByte(r.data, '\n') + 1
	if end == 0 {
		end = len(r.data)
	}
	n := copy(p, r.data[:end])
	if r.data = r.data[n:]; p[n-1] == '\n' || len(r.data) == 0 {
		r.lines++
	}
	return n, nil
}

// lineEnds gives, for each line of data, where it ends.
func lineEnds(data []byte) []int {
	var ends []int
	for line := range bytes.Lines(data) {
		end := len(line)
		if len(ends) > 0 {
			end += ends[len(ends)-1]
		}
		ends = append(ends, end)
	}
	return ends
}

// lineOf gives a line of data by its number from 1, without its end.
func lineOf(data []byte, number int) string {
	for range number - 1 {
		_, data, _ = bytes.Cut(data, []byte("\n"))
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	return string(line)
}

// validPrefix is how many bytes of data are UTF-8 before the first that is not.
func validPrefix(data []byte) int {
	n := 0
	for {
		r, size := utf8.DecodeRune(data[n:])
		if r == utf8.RuneError && size <= 1 {
			return n
		}
		n += size
	}
}

func lastLine(data []byte) []byte {
	return data[bytes.LastIndexByte(data, '\n')+1:]
}

// explainSyntax gives the column of a fault in its line, counting from 1, and says what it is to a person.
func explainSyntax(line string, err error) (column int, message string) {
	text := linePrefix.ReplaceAllString(err.Error(), "")
	indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	if tab := strings.IndexByte(indent, '\t'); tab >= 0 {
		return tab + 1, "a tab indents this line; YAML is indented by spaces"
	}
	if plain, ok := plainWords[text]; ok {
		text = plain
	} else if name, ok := strings.CutPrefix(text, "unknown anchor "); ok {
		text = fmt.Sprintf("the alias *%s has no anchor before it", strings.Trim(strings.TrimSuffix(name, " referenced"), "'"))
	}
	return utf8.RuneCountInString(indent) + 1, "not well-formed YAML: " + text
}

// linePrefix is what the YAML library puts before an error.
var linePrefix = regexp.MustCompile(`^yaml: (line \d+: )?`)

// plainWords are the commonest errors of the YAML library in the words of somebody who does not know how it works.
var plainWords = map[string]string{
	"did not find expected key":                              "this line does not fit what is above it; compare the indentation, and look for a missing colon",
	"did not find expected '-' indicator":                    "this line does not fit the list above it; compare the indentation",
	"did not find expected ',' or ']'":                       "the list that is opened here is not closed; a comma or ] is missing",
	"did not find expected ',' or '}'":                       "the mapping that is opened here is not closed; a comma or } is missing",
	"could not find expected ':'":                            "a colon and a space are missing after the key",
	"mapping values are not allowed in this context":         "a colon does not belong here; a value that holds one goes in quotes",
	"found unexpected end of stream":                         "a quote that is opened here is not closed",
	"found character that cannot start any token":            "a value that starts with this character goes in quotes",
	"block sequence entries are not allowed in this context": "a list cannot begin here; put it on the next line, indented",
}
