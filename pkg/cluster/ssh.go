package cluster

import (
	"bytes"
	"errors"
	"strings"

	gossh "golang.org/x/crypto/ssh"
)

// authorizedKeys checks lines of an authorized_keys file (sshd(8)). Only a private key would be worth hiding, and no
// line is shown.
func (r *resolver) authorizedKeys(path string, given []string) []string {
	first := map[string]int{}
	var list []string
	for i, line := range given {
		if line == "" {
			continue
		}
		line = strings.TrimSpace(line)
		key, err := parseAuthorizedKey(line)
		if !r.report(at(path, i), err) {
			continue
		}
		if j, twice := first[key]; twice {
			r.problems.Addf(at(path, i), "given twice (also %s)", at(path, j))
			continue
		}
		first[key] = i
		list = append(list, line)
	}
	return list
}

// parseAuthorizedKey gives the key of a line without its options and comment, in wire format.
func parseAuthorizedKey(line string) (string, error) {
	if strings.Contains(line, "PRIVATE KEY") {
		return "", errors.New("this is a private key, which must not be here; give the public one, from the .pub file")
	}
	key, _, _, rest, err := gossh.ParseAuthorizedKey([]byte(line))
	if err != nil || len(bytes.TrimSpace(rest)) > 0 {
		return "", errors.New("this is no SSH public key; give the line of a .pub file, as in ssh-ed25519 AAAA... name")
	}
	if key.Type() == "ssh-dss" {
		return "", errors.New("this is a DSA key, which sshd takes no longer; make one with: ssh-keygen -t ed25519")
	}
	return string(key.Marshal()), nil
}
