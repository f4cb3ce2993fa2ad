package pki

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"strings"
)

// clusterID is the random number that a cluster's ids are derived from. It is held like a key, because who has it can
// tell every machine-id, which machine-id(5) wants to be confidential.
type clusterID struct{ Key }

// idSize is the size of a cluster's id in bytes: as many as a UUID has.
const idSize = 16

func newClusterID() clusterID {
	id := make([]byte, idSize)
	_, _ = rand.Read(id) // it never fails: the program ends instead
	return clusterID{newKey(id)}
}

// file gives the file of the id.
func (c clusterID) file() file {
	return file{path: idFile, content: []byte(hex.EncodeToString(c.Reveal()) + "\n"), mode: secretMode}
}

// readID reads the cluster's id. It is the first file that a bundle gets, so only an empty bundle has none.
func (s *store) readID() (clusterID, error) {
	issued, err := s.firstIssued()
	if err != nil {
		return clusterID{}, err
	}
	content, ok, err := s.readSecret(idFile)
	switch {
	case err != nil:
		return clusterID{}, err
	case !ok && issued != "":
		return clusterID{}, fmt.Errorf("%s: is missing, though there is %s: put it back, or the ids of all machines change",
			s.name(idFile), s.name(issued))
	case !ok:
		return clusterID{}, nil
	}
	id, err := hex.DecodeString(strings.TrimSpace(string(content)))
	if err != nil || len(id) != idSize {
		return clusterID{}, fmt.Errorf("%s: is not %d hexadecimal digits: put the right file back, "+
			"or the ids of all machines change", s.name(idFile), 2*idSize)
	}
	return clusterID{newKey(id)}, nil
}

// firstIssued gives a path of something that was issued, or "" where nothing was.
func (s *store) firstIssued() (string, error) {
	for _, dir := range []string{authorityDir, machineDir, operatorDir, secretDir} {
		names, err := s.list(dir)
		if err != nil {
			return "", err
		}
		if len(names) > 0 {
			return path.Join(dir, names[0]), nil
		}
	}
	return "", nil
}

// ClusterID gives the id of the cluster, 128 random bits as 32 hexadecimal digits. Machine-ids follow from it, so it
// is not for others to see; DeriveUUID gives ids that are.
func (b *Bundle) ClusterID() string { return hex.EncodeToString(b.id.Reveal()) }

// DeriveUUID gives the UUID that a machine has for a purpose, or the cluster for the machine "". It is random to whom
// the cluster's id is unknown, always the same for the same bundle, and has the form of RFC 9562, version 4.
func (b *Bundle) DeriveUUID(purpose, machine string) string {
	mac := hmac.New(sha256.New, b.id.Reveal())
	_, _ = io.WriteString(mac, purpose+"\x00"+machine)
	u := mac.Sum(nil)[:16]
	u[6] = u[6]&0x0f | 0x40 // RFC 9562, 4.2: version 4
	u[8] = u[8]&0x3f | 0x80 // RFC 9562, 4.1: the variant that the RFC describes
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// MachineID gives the id of a machine in the form of machine-id(5): 32 hexadecimal digits.
func (b *Bundle) MachineID(machine string) string {
	return strings.ReplaceAll(b.DeriveUUID("machine-id", machine), "-", "")
}
