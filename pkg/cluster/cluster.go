package cluster

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxFile bounds the size of a cluster file in bytes.
const maxFile = 1 << 20

// Check is a check of another package on a cluster file: of its profile, its roles, its quorum. It reports to the same
// Problems, so that a person sees everything at once. It is called even when there are problems already, as long as it
// is sure how many machines there are and what they are called; a value that has a problem of its own is then zero,
// and is not to be reported again.
type Check func(*Spec, *Problems)

// Load reads the cluster file at path, and the files that it takes as sources from the directory it is in. The error
// is an *InvalidError where the file is at fault, and another where it cannot be read.
func Load(path string, checks ...Check) (*Spec, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read cluster file: %w", err)
	}
	dir := filepath.Dir(path)
	return parse(path, data, os.DirFS(dir), dir, checks)
}

// Parse reads a cluster file from memory. The name stands for it in messages; sources are read from dir, which may be
// nil where there are none. A profile's directory stays as it is written. Errors are those of Load.
func Parse(name string, data []byte, dir fs.FS, checks ...Check) (*Spec, error) {
	return parse(name, data, dir, "", checks)
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	// One byte more than is allowed is enough to know.
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

// parse takes a profile's directory relative to home, where home is not "".
func parse(name string, data []byte, sources fs.FS, home string, checks []Check) (*Spec, error) {
	problems := &Problems{source: &source{file: name, positions: map[string]Position{}}}
	doc, ok := decode(data, problems)
	if !ok {
		return nil, problems.Err()
	}
	r := newResolver(problems, sources, string(doc.Metadata.Name))
	spec, whole := r.spec(doc)
	spec.Profile = below(home, spec.Profile)
	if whole {
		for _, check := range checks {
			check(spec, problems)
		}
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	return spec, nil
}

// decode makes a document of the text. It is false where there is none, or one that was not read to its end.
func decode(data []byte, problems *Problems) (*document, bool) {
	if len(data) > maxFile {
		problems.Addf("", "the file is larger than %d bytes; large files of machines are given by their source", maxFile)
		return nil, false
	}
	root := readYAML(data, problems)
	if root == nil {
		return nil, false
	}
	if root.Kind != yaml.MappingNode {
		problems.addAt(Position{File: problems.source.file, Line: root.Line, Column: root.Column}, "", "expected a mapping with apiVersion, kind and so on, found %s", found(root))
		return nil, false
	}
	doc := &document{}
	d := newDecoder(problems)
	d.value(root, "", rules{}, reflect.ValueOf(doc).Elem())
	return doc, d.left >= 0
}

// below takes a profile's directory relative to home. It keeps the slash by which a directory is told from a name.
func below(home, profile string) string {
	if home == "" || !strings.Contains(profile, "/") || filepath.IsAbs(profile) {
		return profile
	}
	joined := filepath.Join(home, profile)
	if !strings.Contains(joined, "/") {
		return "./" + joined
	}
	return joined
}
