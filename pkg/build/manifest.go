package build

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/nodekiln/nodekiln/pkg/oci"
)

// KnownHostsName is the file beside the images that has the machines' SSH host keys.
const KnownHostsName = "known_hosts"

// Names of the other files beside the images.
const (
	manifestName  = "manifest.json"
	checksumsName = "SHA256SUMS"
)

// Manifest says what a directory of images holds.
type Manifest struct {
	// Nodekiln is the version that made the images.
	Nodekiln string `json:"nodekiln"`
	Cluster  string `json:"cluster"`
	Profile  string `json:"profile"`
	// Base is the golden image that the machines were made from. It is beside overlays, and not beside standalone images.
	Base ImageFile `json:"base"`
	// Images are the container images that the base holds for the machines' runtimes, sorted by reference.
	Images   []oci.Image    `json:"images,omitempty"`
	Machines []MachineImage `json:"machines"`
}

// ImageFile is a file of a disk image.
type ImageFile struct {
	// File name, relative to the manifest.
	File string `json:"file"`
	// Format is qcow2 or raw.
	Format string `json:"format"`
	// SHA256 of the file, in hexadecimal.
	SHA256 string `json:"sha256"`
}

// MachineImage is the image of one machine, and what a virtual machine that boots it is to look like.
type MachineImage struct {
	Name string `json:"name"`
	ImageFile
	// Backing is the name of the image that this one is an overlay on, "" for one that stands alone.
	Backing string `json:"backing,omitempty"`
	// Disk is the virtual size in bytes, Memory the RAM in bytes.
	Disk    int64          `json:"disk"`
	Memory  int64          `json:"memory"`
	CPUs    int            `json:"cpus"`
	Address string         `json:"address"`
	MAC     string         `json:"mac"`
	Roles   []string       `json:"roles"`
	Ports   map[string]int `json:"ports,omitempty"`
}

// ReadManifest reads the manifest of a directory that Build wrote.
func ReadManifest(dir string) (*Manifest, error) {
	b, err := os.ReadFile(filepath.Join(dir, manifestName))
	if err != nil {
		return nil, fmt.Errorf("read what was built (run 'nodekiln build' first): %w", err)
	}
	m := &Manifest{}
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, manifestName), err)
	}
	return m, nil
}

// encode gives the manifest as its file holds it.
func (m *Manifest) encode() ([]byte, error) {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	return append(b, '\n'), nil
}
