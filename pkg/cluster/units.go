package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/coreos/go-systemd/v22/unit"
)

const (
	// maxUnit bounds one unit file, in bytes.
	maxUnit = 1 << 20

	// unitPattern is the name of a unit: the characters and the suffixes of systemd.unit(5). An @ comes before the
	// instance of a template.
	unitPattern = `^[a-zA-Z0-9:_.\\@-]+\.(service|socket|device|mount|automount|swap|target|path|timer|slice|scope)$`
	// dropInPattern is the name of a drop-in: systemd reads those that end in .conf, but no hidden ones.
	dropInPattern = `^[a-zA-Z0-9:_@][a-zA-Z0-9:_.@-]*\.conf$`
)

var (
	unitName   = regexp.MustCompile(unitPattern)
	dropInName = regexp.MustCompile(dropInPattern)
)

// unitSource is a unit file that was read, and what is wrong with it.
type unitSource struct {
	text string
	err  error
}

// units makes the units of the list at path.
func (r *resolver) units(p string, given []unitFile) []Unit {
	var list []Unit
	first := map[string]int{}
	for i, u := range given {
		if u.Name == "" {
			continue // no mapping at all, or reported
		}
		at := at(p, i)
		if r.report(at+".name", checkUnitName(string(u.Name))) {
			r.once(first, string(u.Name), i, p, ".name")
		}
		text, hasText := r.unitText(at, u.Contents, u.Source)
		switch {
		case u.Mask && hasText:
			r.problems.Addf(at+".mask", "contents or a source is given too; a unit that is masked has none")
		case u.Mask && u.Enabled != nil && *u.Enabled:
			r.problems.Addf(at+".mask", "enabled is true too; a unit that is masked is not started")
		case !hasText && !r.written(at, "enabled", "mask", "dropins"):
			r.problems.Addf(at, "nothing is said of the unit: contents, a source, dropins, enabled or mask")
		}
		list = append(list, Unit{
			Name: string(u.Name), Content: text, Enabled: u.Enabled, Mask: u.Mask, DropIns: r.dropIns(at+".dropins", u.DropIns),
		})
	}
	return list
}

// written tells whether the value at the path has one of the keys.
func (r *resolver) written(path string, keys ...string) bool {
	return slices.ContainsFunc(keys, func(key string) bool {
		_, ok := r.problems.source.positions[path+"."+key]
		return ok
	})
}

// once reports a name that an earlier item of the list at p has. The key is that of the name in the item.
func (r *resolver) once(first map[string]int, name string, i int, p, key string) {
	if j, twice := first[name]; twice {
		r.problems.Addf(at(p, i)+key, "%s is given twice (also %s)", cut(name), at(p, j))
		return
	}
	first[name] = i
}

func (r *resolver) dropIns(p string, given []dropIn) map[string]string {
	if len(given) == 0 {
		return nil
	}
	all := make(map[string]string, len(given))
	first := map[string]int{}
	for i, d := range given {
		if d.Name == "" {
			continue
		}
		at := at(p, i)
		if r.report(at+".name", checkDropInName(string(d.Name))) {
			r.once(first, string(d.Name), i, p, ".name")
		}
		text, hasText := r.unitText(at, d.Contents, d.Source)
		if !hasText {
			r.problems.Addf(at, "neither contents nor source is given")
		}
		all[string(d.Name)] = text
	}
	return all
}

// unitText gives the text of a unit file or a drop-in. It is false where the value at the path has none.
func (r *resolver) unitText(at string, contents *string, source sourceText) (string, bool) {
	b, given := r.content(at, contents, source)
	switch {
	case b == nil:
		return "", given
	case contents != nil:
		r.report(at+".contents", checkUnit(b))
		return string(b), given
	}
	known, ok := r.unitFiles[source]
	if !ok {
		known = unitSource{text: string(b), err: checkUnit(b)}
		r.unitFiles[source] = known
	}
	if known.err != nil {
		r.problems.Addf(at+".source", "%s %v", quote(string(source)), known.err)
	}
	return known.text, given
}

// checkUnit tells why systemd would not read a unit file, or would read nothing in it.
func checkUnit(b []byte) error {
	switch {
	case len(b) > maxUnit:
		return fmt.Errorf("is larger than %s", formatSize(maxUnit))
	case !utf8.Valid(b):
		return errors.New("is no UTF-8 text")
	case len(bytes.TrimSpace(b)) == 0:
		return errors.New("is empty, by which systemd masks a unit; say mask: true where that is meant")
	}
	sections, err := unit.DeserializeSections(bytes.NewReader(b))
	switch {
	case err != nil:
		return fmt.Errorf("is no unit file: line %d %s", unitLine(b, err), explainUnit(err))
	case len(sections) == 0:
		return errors.New("is no unit file: it has no section, such as [Unit]")
	}
	for _, s := range sections {
		if strings.ContainsAny(s.Section, unit.SYSTEMD_NEWLINE) {
			return fmt.Errorf("is no unit file: the section %s is not closed by a ]", quote(s.Section))
		}
	}
	return nil
}

// unitLine finds the line at which a unit file fails with err: the first up to which it fails the same way.
func unitLine(b []byte, err error) int {
	ends := lineEnds(b)
	return 1 + sort.Search(len(ends)-1, func(i int) bool {
		_, prefixErr := unit.DeserializeSections(bytes.NewReader(b[:ends[i]]))
		return prefixErr != nil && prefixErr.Error() == err.Error()
	})
}

// explainUnit says what the unit library finds wrong with a line.
func explainUnit(err error) string {
	text := err.Error()
	switch {
	case errors.Is(err, io.EOF), strings.HasPrefix(text, "unexpected newline"):
		return "has no ="
	case errors.Is(err, unit.ErrLineTooLong):
		return fmt.Sprintf("is longer than %d bytes", unit.SYSTEMD_LINE_MAX)
	case strings.HasPrefix(text, "unable to find end of section"):
		return "has a section that is not closed by a ]"
	case strings.HasPrefix(text, "found garbage after section name"):
		return "goes on after the ] of a section"
	}
	return "cannot be read: " + text
}

func checkUnitName(name string) error {
	switch {
	case len(name) > maxName:
		return fmt.Errorf("%s is longer than %d characters", quote(name), maxName)
	case !unitName.MatchString(name):
		return fmt.Errorf("%s is no name of a unit; write one with its suffix, as in backup.service or backup.timer (systemd.unit(5))", quote(name))
	}
	return nil
}

func checkDropInName(name string) error {
	switch {
	case len(name) > maxName:
		return fmt.Errorf("%s is longer than %d characters", quote(name), maxName)
	case !strings.HasSuffix(name, ".conf"):
		return fmt.Errorf("%s does not end in .conf, and systemd would not read it", quote(name))
	case !dropInName.MatchString(name):
		return fmt.Errorf("%s is no name of a drop-in, such as 10-limits.conf", quote(name))
	}
	return nil
}
