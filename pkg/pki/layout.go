package pki

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/nodekiln/nodekiln/pkg/plan"
)

// OperatorKeyFile is the path within a bundle of the key that the operator logs in to the machines with.
const OperatorKeyFile = operatorDir + "/" + operatorKeyName

// operatorKeyName is what ssh-keygen(1) calls a key of that kind.
const operatorKeyName = "id_ed25519"

// Names within a bundle.
const (
	idFile       = "cluster-id"
	lockFile     = "lock"
	stagingDir   = ".new"
	authorityDir = "ca"
	machineDir   = "machines"
	operatorDir  = "operator"
	secretDir    = "secrets"
	previousDir  = "previous"
)

// keySuffix tells the file of a certificate's key from that of the certificate.
const keySuffix = "-key"

// pairFiles are the paths of a certificate and its key within a bundle, and of the request for the certificate, "" where
// it is not kept: for all but authorities.
type pairFiles struct{ cert, key, request string }

func authorityFiles(name string) pairFiles {
	dir := path.Join(authorityDir, name)
	return pairFiles{
		cert: path.Join(dir, "ca.pem"), key: path.Join(dir, "ca"+keySuffix+".pem"), request: path.Join(dir, "ca.csr"),
	}
}

func certificateFiles(machine, name string) pairFiles {
	dir := holderDir(machine)
	return pairFiles{cert: path.Join(dir, name+".pem"), key: path.Join(dir, name+keySuffix+".pem")}
}

// holderDir gives the directory of a machine, or of the operator for "".
func holderDir(machine string) string {
	if machine == "" {
		return operatorDir
	}
	return path.Join(machineDir, machine)
}

// checkName refuses what cannot be the name of one file in a directory of the bundle, on any file system. All names of
// a plan are labels as RFC 1123 has them.
func checkName(kind, name string) error {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	switch {
	case name == "" || len(name) > 63,
		strings.Trim(name, letters+"-") != "",
		!strings.ContainsRune(letters, rune(name[0])),
		!strings.ContainsRune(letters, rune(name[len(name)-1])):
		return fmt.Errorf("%s %q: a name is 1 to 63 lower-case letters, digits and inner hyphens", kind, name)
	}
	return nil
}

// checkPlan refuses a plan that does not fit together, or whose names do not fit into a bundle.
func checkPlan(p plan.PKI, machines []string) error {
	var problems []error
	if _, err := keyRequest(p.Key); err != nil {
		problems = append(problems, err)
	}
	if p.Expiry <= 0 || p.CAExpiry < p.Expiry {
		problems = append(problems, fmt.Errorf("certificates are to last %v and authorities %v: "+
			"the first must be positive, and the second not shorter", p.Expiry, p.CAExpiry))
	}
	authorities := make([]string, 0, len(p.Authorities))
	for _, a := range p.Authorities {
		authorities = append(authorities, a.Name)
	}
	problems = append(problems, checkNames("machine", machines), checkNames("authority", authorities), checkSharing(p, machines))
	names := map[string][]string{}
	for _, c := range p.Certificates {
		names[c.Machine] = append(names[c.Machine], c.Name)
		if c.Machine != "" && !slices.Contains(machines, c.Machine) {
			problems = append(problems, fmt.Errorf("certificate %s: there is no machine %s", c.Name, c.Machine))
		}
		if !slices.Contains(authorities, c.Authority) {
			problems = append(problems, fmt.Errorf("certificate %s: there is no authority %s", c.Name, c.Authority))
		}
		if strings.HasSuffix(c.Name, keySuffix) {
			problems = append(problems, fmt.Errorf("certificate %s: the suffix %s is for keys", c.Name, keySuffix))
		}
	}
	for _, m := range append([]string{""}, machines...) {
		problems = append(problems, checkNames("certificate", names[m]))
	}
	return errors.Join(problems...)
}

// checkSharing refuses keys of authorities and secrets that are for machines which are not there.
func checkSharing(p plan.PKI, machines []string) error {
	var problems []error
	known := func(what string, holders []string) {
		for _, m := range holders {
			if !slices.Contains(machines, m) {
				problems = append(problems, fmt.Errorf("%s: there is no machine %s", what, m))
			}
		}
	}
	for _, a := range p.Authorities {
		known("key of the authority "+a.Name, a.KeyMachines)
	}
	secrets := make([]string, 0, len(p.Secrets))
	for _, s := range p.Secrets {
		secrets = append(secrets, s.Name)
		known("secret "+s.Name, s.Machines)
	}
	return errors.Join(append(problems, checkNames("secret", secrets))...)
}

func checkNames(kind string, names []string) error {
	var problems []error
	seen := map[string]bool{}
	for _, n := range names {
		if seen[n] {
			problems = append(problems, fmt.Errorf("%s %s is there twice", kind, n))
		}
		seen[n] = true
		problems = append(problems, checkName(kind, n))
	}
	return errors.Join(problems...)
}
