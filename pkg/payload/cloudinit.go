package payload

import (
	"fmt"

	"github.com/coreos/ignition/v2/config/v3_4/types"
)

// Seed is what cloud-init's data source NoCloud reads, each part in a file of its own: user-data, meta-data and
// network-config. The user-data holds the machine's private keys.
type Seed struct {
	UserData, MetaData, NetworkConfig []byte
	// Parts are what the user-data includes, where it does not hold all. None holds a key.
	Parts []Part
}

// CloudInit gives the seed by which cloud-init brings a stock image into the state that Ignition would bring it into.
// User-data that is too large for the target is compressed, then split if the target has a place for the rest; what is
// too large even then is an error that names the sizes and the largest files.
//
// The seed needs no network: cloud-init applies it before there is one. Files are written before any ordinary unit
// starts, those of users who may come with a package after packages are installed. Directories, links, owners by number
// and units follow in runcmd, the last thing that cloud-init does. Only there is all that a unit needs in place, so
// nothing that the config enables starts earlier, and what the image has started before is restarted.
//
// What only a running Ignition could do is an error.
func CloudInit(cfg types.Config, host Host, target Target) (Seed, error) {
	if err := refuse(cfg); err != nil {
		return Seed{}, err
	}
	s := newSeed(host)
	for _, step := range []func(types.Config) error{s.directories, s.files, s.links, s.passwd, s.units} {
		if err := step(cfg); err != nil {
			return Seed{}, err
		}
	}
	s.prepare()
	userData, parts, err := s.userData(target)
	if err != nil {
		return Seed{}, err
	}
	network, err := host.networkConfig()
	if err != nil {
		return Seed{}, err
	}
	meta, err := host.metaData(userData, network, parts)
	return Seed{UserData: userData, MetaData: meta, NetworkConfig: network, Parts: parts}, err
}

// seed is user-data in the making.
type seed struct {
	host   Host
	config cloudConfig
	// written are the files of write_files.
	written []seedFile
	// replaced are paths where a file is to take the place of whatever link is there.
	replaced []string
	// held are units that are not to start before all files are there.
	held []string
	// readers are units of the image that have read settings which a file changes.
	readers []string
}

func newSeed(host Host) *seed {
	s := &seed{host: host, config: cloudConfig{
		Hostname: host.Name, FQDN: host.fqdn(),
		NoFingerprints: true, Users: []seedUser{},
	}}
	// A machine that could not be made what it is to be starts nothing, and `cloud-init status` tells why.
	s.run("set", "-e")
	return s
}

// prepare adds what the first boot has to do before files are written.
func (s *seed) prepare() {
	if len(s.replaced) > 0 {
		s.bootOnce("unlink", shell(unlinkScript, s.replaced...))
	}
	if len(s.held) > 0 {
		// A unit that the image enables would start with whatever files it finds, or with the program's own defaults, and
		// might write these down for good. To stop one that waits for its turn takes it out of the boot.
		s.bootOnce("hold", each("--no-block stop", s.held))
	}
}

// boot adds a command that is run at every boot, before files are written.
func (s *seed) boot(command ...string) {
	s.config.BootCommands = append(s.config.BootCommands, command)
}

// bootOnce adds a command that is run before files are written, at the first boot with this seed.
func (s *seed) bootOnce(name string, command []string) {
	s.boot(append([]string{"cloud-init-per", "instance", "nodekiln_" + name}, command...)...)
}

// run adds a command to those that are run once, after everything else.
func (s *seed) run(command ...string) {
	s.config.RunCommands = append(s.config.RunCommands, command)
}

// shell gives the command that runs a script with arguments, "$1" the first.
func shell(script string, args ...string) []string {
	return append([]string{"sh", "-c", script, "sh"}, args...)
}

// octal writes permission bits as chmod(1) takes them.
func octal(mode int) string { return fmt.Sprintf("%04o", mode&0o7777) }
