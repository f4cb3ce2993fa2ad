package machine

import (
	"encoding/json"
	"fmt"
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
}

func (f functions) all() template.FuncMap {
	return template.FuncMap{
		"authority":   f.authority,
		"certificate": f.certificate,
		"key":         f.key,
		"sshHostKeys": f.sshHostKeys,
		"machineID":   f.machineID,
		"rootKeys":    f.rootKeys,
		"role":        func(name string) []plan.Machine { return f.data.WithRole(name) },
		"file":        f.file,
		"fileContent": func(file plan.File) string { return string(file.Content) },
		"quote":       quote,
		"toJSON":      toJSON,
		"join":        func(sep string, words []string) string { return strings.Join(words, sep) },
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
	var b strings.Builder
	if err := f.templates.ExecuteTemplate(&b, name, f.data); err != nil {
		return "", err
	}
	return b.String(), nil
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
