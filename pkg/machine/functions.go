package machine

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/template"

	"github.com/nodekiln/nodekiln/pkg/pki"
	"github.com/nodekiln/nodekiln/pkg/plan"
)

// Data is what a template sees as its dot.
type Data struct {
	*plan.Plan
	// Machine that the template is executed for.
	Machine plan.Machine
}

// functions are what a template can call beside the standard ones. The zero value serves to parse with.
type functions struct {
	templates *template.Template
	data      Data
	bundle    *pki.Bundle
	// depth is how many templates that call file are being executed.
	depth *int
	// taken are the components whose flags of the user's were asked for.
	taken map[string]bool
}

// maxDepth is how deep templates may nest by the function file. One that calls itself would otherwise end the program.
const maxDepth = 32

func (f functions) all() template.FuncMap {
	return template.FuncMap{
		"authority":          f.authority,
		"authorityKey":       f.authorityKey,
		"authorityPublicKey": f.authorityPublicKey,
		"authorityHash":      f.authorityHash,
		"authorityRequest":   f.authorityRequest,
		"certificate":        f.certificate,
		"key":                f.key,
		"secret":             f.secret,
		"token":              f.token,
		"certificateKey":     f.certificateKey,
		"cfsslConfig":        f.cfsslConfig,
		"cfsslRequest":       f.cfsslRequest,
		"kubeconfig":         f.kubeconfig,
		"sshHostKeys":        f.sshHostKeys,
		"machineID":          f.machineID,
		"rootKeys":           f.rootKeys,
		"role":               func(name string) []plan.Machine { return f.data.WithRole(name) },
		"has":                func(role string) bool { return slices.Contains(f.data.Machine.Roles, role) },
		"server":             f.server,
		"since":              f.since,
		"args":               f.args,
		"extraArgs":          f.extraArgs,
		"extraArgList":       f.extraArgList,
		"config":             f.config,
		"apiVersion":         f.apiVersion,
		"addons":             f.addons,
		"image":              f.image,
		"file":               f.file,
		"fail":               func(message string) (string, error) { return "", &refusal{message} },
		"quote":              quote,
		"toJSON":             toJSON,
		"join":               func(sep string, words []string) string { return strings.Join(words, sep) },
		"list":               func(words ...string) []string { return words },
		"indent":             indent,
		"b64":                func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"hasPrefix":          func(prefix, s string) bool { return strings.HasPrefix(s, prefix) },
		"escapeSpecifiers":   func(s string) string { return strings.ReplaceAll(s, "%", "%%") }, // systemd.unit(5)
		"default":            func(def, s string) string { return cmp.Or(s, def) },
		"split":              split,
	}
}

// authority gives the certificate of an authority, as PEM.
func (f functions) authority(name string) (string, error) {
	pem, err := f.bundle.Authority(name)
	return string(pem), err
}

// certificate gives the certificate of that name that the machine holds, as PEM.
func (f functions) certificate(name string) (string, error) {
	cert, _, err := f.bundle.Certificate(f.data.Machine.Name, name)
	return string(cert), err
}

// key gives the private key to the machine's certificate of that name, as PEM.
func (f functions) key(name string) (string, error) {
	_, key, err := f.bundle.Certificate(f.data.Machine.Name, name)
	if err != nil {
		return "", err
	}
	return string(key.Reveal()), nil
}

// hostKey is one SSH host key of a machine, as the files of sshd(8) hold it.
type hostKey struct{ Name, Private, Public string }

func (f functions) sshHostKeys() ([]hostKey, error) {
	keys, err := f.bundle.SSHHostKeys(f.data.Machine.Name)
	if err != nil {
		return nil, err
	}
	var out []hostKey
	for _, k := range keys {
		out = append(out, hostKey{k.Name, string(k.Private.Reveal()), string(k.Public)})
	}
	return out, nil
}

// rootKeys gives the public SSH keys that may log in as root.
func (f functions) rootKeys() ([]string, error) {
	operator, err := f.bundle.OperatorKey()
	if err != nil {
		return nil, err
	}
	return append([]string{strings.TrimSpace(string(operator.Public))}, f.data.AuthorizedKeys...), nil
}

func (f functions) machineID() string { return f.bundle.MachineID(f.data.Machine.Name) }

// file executes another template of the profile for the same machine.
func (f functions) file(name string) (string, error) {
	if *f.depth++; *f.depth > maxDepth {
		return "", fmt.Errorf("file %q: templates nest more than %d deep", name, maxDepth)
	}
	defer func() { *f.depth-- }()
	b, err := execute(f.templates, name, f.data)
	return string(b), err
}

// quote writes a string as JSON, which is a YAML scalar too whatever the string holds.
func quote(s string) (string, error) { return toJSON(s) }

func toJSON(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("quote: %w", err)
	}
	return string(b), nil
}

// indent puts n blanks before every line that is not empty.
func indent(n int, s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		if line != "\n" {
			b.WriteString(strings.Repeat(" ", n))
		}
		b.WriteString(line)
	}
	return b.String()
}

// split gives the parts of a list that is written with commas, without blanks around them, and none of "".
func split(s string) []string {
	var out []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
