package payload

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"mime/quotedprintable"
	"slices"
	"strings"
)

// Part is a piece of user-data that the target lays into the machine as a file.
type Part struct {
	// Path is where on the machine.
	Path    string
	Content []byte
}

// partPath is where the parts are, numbered from 1. They stay there: cloud-init reads its user-data at every boot.
const partPath = "/var/lib/nodekiln/user-data.%d"

// archive is a MIME multi-part archive (cloud-init, "User-Data Formats") of a cloud-config and of the names of files to
// include, one a line. An include may name a file for a URL (cloud-init's source url_helper.py, read_file_or_url).
//
// cloud-init 22.4 can not read a part that is compressed or not encoded if it has other letters than those of ASCII. Of
// the encodings, base64 would spoil the compression of the whole, and quoted-printable does next to nothing to it. No
// line of that can be the boundary: RFC 2045, section 6.7.
const archive = `MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="=_nodekiln"

--=_nodekiln
Content-Type: text/cloud-config; charset="utf-8"
Content-Transfer-Encoding: quoted-printable

%s
--=_nodekiln
Content-Type: text/x-include-url

#include
%s
--=_nodekiln--
`

// partConfig is the cloud-config of a part.
type partConfig struct {
	// MergeHow has the files of all parts written, and not those of the first that has some (cloud-init, "Merging
	// User-Data Sections").
	MergeHow   string     `yaml:"merge_how"`
	WriteFiles []seedFile `yaml:"write_files"`
}

const mergeFiles = "dict(no_replace,recurse_list)+list(append)"

// userData gives user-data that the target takes: readable if it may be, then compressed, then split.
func (s *seed) userData(target Target) ([]byte, []Part, error) {
	text, err := s.encode(readable, s.written)
	if err != nil || target.UserData <= 0 || len(text) <= target.UserData {
		return text, nil, err
	}
	packed, err := s.pack(s.written)
	if err != nil || len(packed) <= target.UserData {
		return packed, nil, err
	}
	return s.split(target, packed)
}

// pack gives the compressed cloud-config with the files.
func (s *seed) pack(files []seedFile) ([]byte, error) {
	text, err := s.encode(compressible, files)
	if err != nil {
		return nil, err
	}
	return compress(text)
}

// split fills one part after the other, the largest files first, until the rest is small enough. Files that not everybody
// may read stay in the user-data: cloud-init keeps that at mode 0600, and gives the parts 0660.
func (s *seed) split(target Target, whole []byte) ([]byte, []Part, error) {
	kept := slices.Clone(s.written)
	slices.SortStableFunc(kept, func(a, b seedFile) int { return cmp.Compare(len(b.content), len(a.content)) })
	userData := whole
	var parts []Part
	for len(userData) > target.UserData {
		if len(parts) == target.Files {
			return nil, nil, s.tooLarge(target, whole, userData)
		}
		content, rest, err := fill(kept, target.FileSize)
		if err != nil {
			return nil, nil, err
		}
		if len(content) == 0 {
			return nil, nil, s.tooLarge(target, whole, userData)
		}
		kept = rest
		parts = append(parts, Part{Path: fmt.Sprintf(partPath, len(parts)+1), Content: content})
		if userData, err = s.include(kept, parts); err != nil {
			return nil, nil, err
		}
	}
	return userData, parts, nil
}

// fill gives a part of at most size bytes that holds files which all may read, and the files that are left; no part if
// none of them is small enough.
func fill(files []seedFile, size int) (content []byte, rest []seedFile, err error) {
	var taken []seedFile
	for _, f := range files {
		if f.secret {
			rest = append(rest, f)
			continue
		}
		larger, err := packPart(append(taken, f))
		if err != nil {
			return nil, nil, err
		}
		if len(larger) > size {
			rest = append(rest, f)
			continue
		}
		content, taken = larger, append(taken, f)
	}
	return content, rest, nil
}

func packPart(files []seedFile) ([]byte, error) {
	encoded, err := encodeFiles(compressible, files)
	if err != nil {
		return nil, err
	}
	text, err := encodeConfig(partConfig{MergeHow: mergeFiles, WriteFiles: encoded})
	if err != nil {
		return nil, err
	}
	return compress(text)
}

// include gives user-data that holds the files and includes the parts.
func (s *seed) include(files []seedFile, parts []Part) ([]byte, error) {
	text, err := s.encode(compressible, files)
	if err != nil {
		return nil, err
	}
	var printable bytes.Buffer
	w := quotedprintable.NewWriter(&printable)
	_, err = w.Write(text)
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, fmt.Errorf("encode for MIME: %w", err)
	}
	var names []string
	for _, p := range parts {
		names = append(names, p.Path)
	}
	// The writer ends lines as mail does, the text has no such ends, and YAML would have taken them for its own.
	lines := bytes.ReplaceAll(printable.Bytes(), []byte("\r\n"), []byte("\n"))
	return compress(fmt.Appendf(nil, archive, lines, strings.Join(names, "\n")))
}

// tooLarge is the error for user-data that the target does not take; left is what the parts could not take of the whole.
func (s *seed) tooLarge(target Target, whole, left []byte) error {
	text := fmt.Sprintf("the user-data of %s is %d bytes, compressed, and the target takes %d", s.host.Name, len(whole), target.UserData)
	if target.Files > 0 {
		text += fmt.Sprintf("; with what fits into %d more files of %d bytes, and no key in them, there are still %d",
			target.Files, target.FileSize, len(left))
	}
	return fmt.Errorf("%s: leave files out, or bake an image of the machine, which has no such limit; its largest files are %s", text, s.largest(3))
}

// largest names the n largest files with their sizes.
func (s *seed) largest(n int) string {
	files := slices.Clone(s.written)
	slices.SortStableFunc(files, func(a, b seedFile) int { return cmp.Compare(len(b.content), len(a.content)) })
	var names []string
	for _, f := range files[:min(n, len(files))] {
		names = append(names, fmt.Sprintf("%s (%d bytes)", f.Path, len(f.content)))
	}
	return strings.Join(names, ", ")
}
