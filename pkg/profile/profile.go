// Package profile loads profiles. A profile is one way to deploy: its roles, packages, certificates and settings in
// profile.yaml, and a Butane template per role beside it. It is data, in a directory that a user can copy and edit.
package profile

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/nodekiln/nodekiln/profiles"
)

// Profile is a loaded profile.
type Profile struct {
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
	// Roles by name. A role's template is NAME.bu.
	Roles map[string]Role `yaml:"roles"`
	// DefaultRoles are those of a machine for which the cluster file names none.
	DefaultRoles []string `yaml:"defaultRoles"`
	// Kubernetes is nil for a profile of something else.
	Kubernetes *Kubernetes `yaml:"kubernetes"`
	// Packages that the base must hold, by the names of the distribution.
	Packages []string `yaml:"packages"`
	// Choices are the packages that a choice of the cluster file asks for: of a runtime, a proxy mode or a load balancer.
	Choices map[string][]string `yaml:"choices"`
	// Components that the machines need beside their packages: kubernetes, etcd, flannel, cni-plugins.
	Components []string `yaml:"components"`
	// ImageComponents are those that container images are made of. They are on the machines only if Components has them too.
	ImageComponents []string `yaml:"imageComponents"`
	// Images are the container images that machines need before they reach a registry.
	Images []Image `yaml:"images"`
	// Overlays of the project that are laid over every machine, by name.
	Overlays     []string         `yaml:"overlays"`
	Addons       map[string]Addon `yaml:"addons"`
	Authorities  []Authority      `yaml:"authorities"`
	Secrets      []Secret         `yaml:"secrets"`
	Certificates []Certificate    `yaml:"certificates"`
	// Settings that the cluster file may set, by name.
	Settings map[string]Setting `yaml:"settings"`

	// FS is the profile's directory.
	FS fs.FS `yaml:"-"`
}

// ImageRepository is the setting that says which registry, and path in it, has the images of Kubernetes.
const ImageRepository = "imageRepository"

// Image is a container image that machines need: one of a name that package oci can make it by.
type Image struct {
	Name string `yaml:"name"`
	// Tag of the image in the repository of Kubernetes' images. {NAME} stands for the value of the setting NAME.
	Tag string `yaml:"tag"`
	// Reference is what the image is called where it is not in that repository, with settings as Tag has them.
	Reference string `yaml:"reference"`
	// Setting names a setting whose value, if it has one, is the reference instead.
	Setting string `yaml:"setting"`
	// Addon without which the image is not needed; "" where it always is.
	Addon string `yaml:"addon"`
	// Since and Until are the first and the last minor release of Kubernetes that needs the image; "" for no bound.
	Since string `yaml:"since"`
	Until string `yaml:"until"`
}

// Role is what a machine can be.
type Role struct {
	Description string `yaml:"description"`
	// Quorum asks for an odd number of machines: they vote, and an even number tolerates no more failures than the odd
	// one below it.
	Quorum bool `yaml:"quorum"`
	// Worker says that no machine finds one of this role by its name. A machine that has only such roles is named in no
	// other's /etc/hosts, and is added without a change to the others.
	Worker bool `yaml:"worker"`
	// Ports that a lab forwards to its host, by name.
	Ports map[string]int `yaml:"ports"`
}

// MasterRole is the role whose machines run the API server.
const MasterRole = "master"

// Components that a profile can name.
const (
	ComponentKubernetes = "kubernetes"
	ComponentEtcd       = "etcd"
	ComponentFlannel    = "flannel"
	ComponentCNIPlugins = "cni-plugins"
	ComponentCoreDNS    = "coredns"
)

// Sources that components can come from.
const (
	// SourceAuto is the first of the others that has a component.
	SourceAuto = "auto"
	// SourcePackages are the distribution's packages, which the profile or the cluster file names.
	SourcePackages = "packages"
	// SourceRelease are official archives, which the cluster file gives.
	SourceRelease = "release"
	// SourceModules are Go modules, of which the programs are built.
	SourceModules = "modules"
)

// Settings that say which versions of programs the machines and their images have.
const (
	EtcdVersion    = "etcdVersion"
	FlannelVersion = "flanneldVersion"
	CoreDNSVersion = "corednsVersion"
)

// VersionSetting gives the setting that says which version of a component there is; "" where none does.
func VersionSetting(component string) string {
	switch component {
	case ComponentEtcd:
		return EtcdVersion
	case ComponentFlannel:
		return FlannelVersion
	case ComponentCoreDNS:
		return CoreDNSVersion
	}
	return ""
}

// Kubernetes is what the profile does where the cluster file does not say.
type Kubernetes struct {
	// Version of machines whose cluster file names none.
	Version string `yaml:"version"`
	// Since and Until are the first and the last minor release that the profile can do: "1.5".
	Since string `yaml:"since"`
	Until string `yaml:"until"`
	// Runtimes that the profile can do, in the order of preference.
	Runtimes []string `yaml:"runtimes"`
	// Pods and Services are IPv4 networks.
	Pods     netip.Prefix `yaml:"pods"`
	Services netip.Prefix `yaml:"services"`
	// Domain of services.
	Domain string `yaml:"domain"`
	// Port of the API.
	Port int `yaml:"port"`
}

// Addon is a manifest that the cluster is given. Its template is addons/NAME.yaml.
type Addon struct {
	Description string `yaml:"description"`
	// Default is whether a cluster whose file names no addons has it.
	Default bool `yaml:"default"`
}

// AddonTemplate gives the template that makes an addon's manifest.
func AddonTemplate(name string) string { return "addons/" + name + ".yaml" }

// Authority is a certificate authority, or what signs the tokens of service accounts.
type Authority struct {
	Name       string `yaml:"name"`
	CommonName string `yaml:"commonName"`
	// KeyRoles are the roles whose machines hold the private key, since they sign. By default it stays with the operator.
	KeyRoles []string `yaml:"keyRoles"`
}

// Secret is a random value that the machines of some roles share.
type Secret struct {
	Name  string   `yaml:"name"`
	Roles []string `yaml:"roles"`
}

// Certificate is a kind of certificate that each machine of a role, or the operator, holds.
type Certificate struct {
	Name string `yaml:"name"`
	// Kind is the certificate of a Kubernetes component that this one is, by its name in package kube, which gives
	// whatever is left out here.
	Kind      string `yaml:"kind"`
	Authority string `yaml:"authority"`
	// Role whose machines hold one each; "" where the operator holds it.
	Role string `yaml:"role"`
	// CommonName of the subject, in which {machine} stands for the machine's name; "" for that name alone. It is nil where
	// the kind gives it.
	CommonName *string `yaml:"commonName"`
	// Organization of the subject; "" for that of the cluster, and nil where the kind gives it.
	Organization *string  `yaml:"organization"`
	Usages       []string `yaml:"usages"`
	// Since and Until are the first and the last minor release of Kubernetes that has the certificate; "" for no bound.
	Since string `yaml:"since"`
	Until string `yaml:"until"`
}

// Setting is a parameter of a profile.
type Setting struct {
	Description string `yaml:"description"`
	Default     string `yaml:"default"`
	// Pattern that a value must match as a whole.
	Pattern string `yaml:"pattern"`
}

// What every machine has beside the ports of its roles: SSH (RFC 4253, 4.2).
const (
	SSHPortName = "ssh"
	SSHPort     = 22
)

// Usages of a certificate.
const (
	UsageServer = "server"
	UsageClient = "client"
)

// Files in a profile's directory: its description, and a cluster file to start from.
const (
	fileName    = "profile.yaml"
	exampleName = "cluster.yaml"
)

// ErrUnknown is the error of a profile that is neither embedded nor a directory.
var ErrUnknown = errors.New("unknown profile")

// Load gives the embedded profile of that name, or the one in that directory.
func Load(nameOrDir string) (*Profile, error) {
	if slices.Contains(Names(), nameOrDir) {
		sub, err := fs.Sub(profiles.FS, nameOrDir)
		if err != nil {
			return nil, fmt.Errorf("profile %s: %w", nameOrDir, err)
		}
		p, err := Read(sub)
		if err != nil {
			return nil, fmt.Errorf("profile %s: %w", nameOrDir, err)
		}
		return p, nil
	}
	if !strings.Contains(nameOrDir, "/") {
		return nil, fmt.Errorf("%w %q: there are %s, or a directory as in ./%s", ErrUnknown, nameOrDir, strings.Join(Names(), ", "), nameOrDir)
	}
	if _, err := os.Stat(nameOrDir); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	p, err := Read(os.DirFS(nameOrDir))
	if err != nil {
		return nil, fmt.Errorf("profile %s: %w", nameOrDir, err)
	}
	return p, nil
}

// Names lists the embedded profiles, sorted.
func Names() []string {
	var names []string
	files, _ := fs.Glob(profiles.FS, "*/"+fileName) // the pattern is a constant, and only a bad pattern is an error
	for _, f := range files {
		names = append(names, strings.TrimSuffix(f, "/"+fileName))
	}
	return names
}

// Check tells whether the value is one that the setting takes.
func (s Setting) Check(value string) error {
	re, err := regexp.Compile("^(?:" + s.Pattern + ")$")
	if err != nil {
		return fmt.Errorf("pattern: %w", err)
	}
	if s.Pattern != "" && !re.MatchString(value) {
		return fmt.Errorf("%q does not match %s", value, s.Pattern)
	}
	return nil
}

// Example gives the cluster file that the profile comes with.
func (p *Profile) Example() ([]byte, error) {
	b, err := fs.ReadFile(p.FS, exampleName)
	if err != nil {
		return nil, fmt.Errorf("profile %s has no example: %w", p.Name, err)
	}
	return b, nil
}
