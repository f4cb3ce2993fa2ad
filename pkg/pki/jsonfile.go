package pki

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// jsonFile is a file of cfssl that is read more strictly than cfssl does, which passes over keys that it does not know.
type jsonFile struct {
	name    string
	content []byte
	// known are the keys that mean something, by their paths: "signing.profiles.*.expiry", "names[].C".
	known map[string]bool
	// at are the offsets of all keys, by their paths: "names[0].C".
	at map[string]int64
	// unknown are the paths of keys that mean nothing.
	unknown  map[string]bool
	problems []error
}

func newJSONFile(name string, content []byte, known ...string) *jsonFile {
	f := &jsonFile{name: name, content: content, known: map[string]bool{}, at: map[string]int64{}, unknown: map[string]bool{}}
	for _, k := range known {
		f.known[k] = true
	}
	return f
}

// problemf reports what is wrong with the value of a key, or with the file for the path "".
func (f *jsonFile) problemf(path, format string, args ...any) {
	said := fmt.Sprintf(format, args...)
	if path != "" {
		said = path + ": " + said
	}
	where := f.name
	if offset, ok := f.at[path]; ok {
		where = f.position(offset)
	}
	f.problems = append(f.problems, fmt.Errorf("%s: %s", where, said))
}

// position gives file:line:column of an offset, both counted from 1 and the column in bytes.
func (f *jsonFile) position(offset int64) string {
	before := f.content[:min(max(offset, 0), int64(len(f.content)))]
	line := bytes.Count(before, []byte("\n")) + 1
	return fmt.Sprintf("%s:%d:%d", f.name, line, len(before)-bytes.LastIndexByte(before, '\n'))
}

// decode reads the file's only value. The error has all problems that were found.
func (f *jsonFile) decode(into any) error {
	var syntax *json.SyntaxError
	var anything any
	if err := json.Unmarshal(f.content, &anything); errors.As(err, &syntax) {
		return fmt.Errorf("%s: %w", f.position(syntax.Offset-1), err)
	}
	dec := json.NewDecoder(bytes.NewReader(f.content))
	if err := f.walkValue(dec, "", ""); err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	var wrongType *json.UnmarshalTypeError
	switch err := json.Unmarshal(f.content, into); {
	case errors.As(err, &wrongType):
		if !f.unknown[wrongType.Field] {
			f.problems = append(f.problems, fmt.Errorf("%s: %s: a JSON %s is not what belongs here",
				f.position(wrongType.Offset-1), cmp.Or(wrongType.Field, "the whole"), wrongType.Value))
		}
	case err != nil && len(f.unknown) == 0: // or it may be about a key that is reported already
		f.problemf("", "%v", err)
	}
	return errors.Join(f.problems...)
}

// walkValue walks the next value, at a path whose form is that of known. It notes where all keys are, and reports those
// that mean nothing or come twice.
func (f *jsonFile) walkValue(dec *json.Decoder, path, form string) error {
	token, err := dec.Token()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('{'):
		for dec.More() {
			if err := f.walkMember(dec, path, form); err != nil {
				return err
			}
		}
	case json.Delim('['):
		for i := 0; dec.More(); i++ {
			if err := f.walkValue(dec, fmt.Sprintf("%s[%d]", path, i), form+"[]"); err != nil {
				return err
			}
		}
	default:
		return nil
	}
	_, err = dec.Token()
	return err
}

// walkMember walks a key and its value.
func (f *jsonFile) walkMember(dec *json.Decoder, path, form string) error {
	offset := f.next(dec)
	token, err := dec.Token()
	if err != nil {
		return err
	}
	key, ok := token.(string)
	if !ok {
		return fmt.Errorf("%v is no key", token) // the syntax has been checked
	}
	path, keyForm, anyForm := strings.TrimPrefix(path+"."+key, "."), strings.TrimPrefix(form+"."+key, "."), form+".*"
	_, twice := f.at[path]
	f.at[path] = offset
	switch {
	case twice:
		f.problemf(path, "is there twice")
	case !f.known[keyForm] && !f.known[anyForm]:
		f.unknown[path] = true
		f.problemf(path, "is not something that nodekiln does by cfssl's files")
		var ignored json.RawMessage
		return dec.Decode(&ignored)
	case !f.known[keyForm]:
		keyForm = anyForm
	}
	return f.walkValue(dec, path, keyForm)
}

// next gives the offset of what the decoder reads next, behind what separates it.
func (f *jsonFile) next(dec *json.Decoder) int64 {
	rest := f.content[dec.InputOffset():]
	return int64(len(f.content) - len(bytes.TrimLeft(rest, " \t\r\n,:")))
}
