package payload

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// cloudConfigHeader is the first line of user-data that is cloud-config (cloud-init, "User-Data Formats").
const cloudConfigHeader = "#cloud-config\n"

// cloudConfig is user-data; the keys are those of cloud-init's "Module Reference".
type cloudConfig struct {
	Hostname string `yaml:"hostname"`
	FQDN     string `yaml:"fqdn,omitempty"`
	// What is false here is stated because images and vendors have other defaults for it.
	PreferFQDN     bool `yaml:"prefer_fqdn_over_hostname"`
	ManageEtcHosts bool `yaml:"manage_etc_hosts"`
	DisableRoot    bool `yaml:"disable_root"`
	// NoFingerprints is true: printing those of users' keys makes cloud-init give every user a file for keys.
	NoFingerprints bool `yaml:"no_ssh_fingerprints"`
	// Users has no entry "default", and with it no account that the image's maker has thought of.
	Users        []seedUser        `yaml:"users"`
	SSHKeys      map[string]string `yaml:"ssh_keys,omitempty"`
	BootCommands [][]string        `yaml:"bootcmd,omitempty"`
	WriteFiles   []seedFile        `yaml:"write_files,omitempty"`
	RunCommands  [][]string        `yaml:"runcmd"`
}

// seedFile is an entry of write_files. Content and Encoding are set last.
type seedFile struct {
	Path        string `yaml:"path"`
	Owner       string `yaml:"owner,omitempty"`
	Permissions string `yaml:"permissions"`
	Defer       bool   `yaml:"defer,omitempty"`
	Encoding    string `yaml:"encoding,omitempty"`
	Content     string `yaml:"content"`

	content []byte
	// secret files are those that not everybody may read.
	secret bool
}

// form is how contents of files are put into user-data.
type form int

const (
	// readable leaves texts of a size that a person reads as they are, and makes the rest as small as it can be.
	readable form = iota
	// compressible leaves all texts as they are, for a compressor that sees them all does best.
	compressible
)

// readableSize is the size in bytes up to which a text stays readable.
const readableSize = 4 << 10

func (f seedFile) encode(as form) (seedFile, error) {
	if isText(f.content) {
		f.Content = string(f.content)
		if as == compressible || len(f.content) <= readableSize {
			return f, nil
		}
	} else {
		f.Content, f.Encoding = base64.StdEncoding.EncodeToString(f.content), "b64"
	}
	if as == compressible {
		return f, nil
	}
	packed, err := compress(f.content)
	if err != nil {
		return f, err
	}
	if s := base64.StdEncoding.EncodeToString(packed); len(s) < len(f.Content) {
		f.Content, f.Encoding = s, "gz+b64"
	}
	return f, nil
}

// isText tells whether YAML can hold the bytes as a string that a person can read.
func isText(b []byte) bool {
	control := func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }
	return utf8.Valid(b) && !bytes.ContainsFunc(b, control)
}

// encode gives the cloud-config with the files.
func (s *seed) encode(as form, files []seedFile) ([]byte, error) {
	config := s.config
	var err error
	if config.WriteFiles, err = encodeFiles(as, files); err != nil {
		return nil, err
	}
	return encodeConfig(config)
}

func encodeFiles(as form, files []seedFile) ([]seedFile, error) {
	var encoded []seedFile
	for _, f := range files {
		f, err := f.encode(as)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", f.Path, err)
		}
		encoded = append(encoded, f)
	}
	return encoded, nil
}

func encodeConfig(config any) ([]byte, error) {
	text, err := encodeYAML(config)
	return append([]byte(cloudConfigHeader), text...), err
}

// compress packs bytes by gzip (RFC 1952) without a name or a time.
func compress(b []byte) ([]byte, error) {
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(b); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	return packed.Bytes(), nil
}

func encodeYAML(v any) ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encode YAML: %w", err)
	}
	return b.Bytes(), e.Close()
}
