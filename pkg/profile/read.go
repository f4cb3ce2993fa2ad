package profile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// Read loads a profile from its directory and checks that it is whole. Its error is one line that names all problems,
// those of the YAML with their lines.
func Read(dir fs.FS) (*Profile, error) {
	b, err := fs.ReadFile(dir, fileName)
	if err != nil {
		return nil, fmt.Errorf("read profile: %w", err)
	}
	p := &Profile{FS: dir}
	problems, err := p.decode(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", fileName, err)
	}
	problems = append(problems, p.check()...)
	if len(problems) > 0 {
		return nil, errors.New(strings.Join(problems, "; "))
	}
	return p, nil
}

// packageName is what a package of Debian may be called (Debian policy, 5.6.7).
var packageName = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+$`)

// misfit is how package yaml tells of a value or key that does not fit.
var misfit = regexp.MustCompile(`^line (\d+): (.*?)(?: in type \S+)?$`)

// decode reads the one YAML document of a profile. Keys that are not known are among the problems.
func (p *Profile) decode(b []byte) (problems []string, err error) {
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	err = dec.Decode(p)
	var misfits *yaml.TypeError
	if errors.As(err, &misfits) {
		for _, m := range misfits.Errors {
			problems = append(problems, misfit.ReplaceAllString(m, fileName+":$1: $2"))
		}
	} else if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err := dec.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		problems = append(problems, fileName+": it is more than one YAML document")
	}
	return problems, nil
}
