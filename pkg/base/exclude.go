package base

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/nodekiln/nodekiln/pkg/tree"
)

// excludedModules are drivers and protocols below the kernel's module directory that no server has a use for.
func excludedModules() []string {
	return []string{
		"sound", "lib/test_bpf.ko", "drivers/block/floppy.ko", "drivers/char/lp.ko", "drivers/char/ppdev.ko",
		"drivers/input/misc/pcspkr.ko", "drivers/parport", "net/6lowpan", "net/appletalk", "net/atm", "net/ax25", "net/bluetooth", "net/caif", "net/can",
		"net/ieee802154", "net/mac80211", "net/mac802154", "net/netrom", "net/nfc", "net/phonet", "net/rose", "net/wireless",
		"drivers/accessibility", "drivers/atm", "drivers/bluetooth", "drivers/comedi", "drivers/firewire", "drivers/gpu",
		"drivers/iio", "drivers/input/gameport", "drivers/input/joystick", "drivers/input/tablet", "drivers/input/touchscreen",
		"drivers/isdn", "drivers/media", "drivers/memstick", "drivers/net/arcnet", "drivers/net/can", "drivers/net/hamradio",
		"drivers/net/ieee802154", "drivers/net/wireless", "drivers/net/wwan", "drivers/nfc", "drivers/platform/chrome",
		"drivers/platform/surface", "drivers/soundwire", "drivers/staging", "drivers/usb/atm", "drivers/usb/gadget",
		"drivers/usb/image", "drivers/video/fbdev", "drivers/w1",
	}
}

// excluded are patterns of files that a base does without, as dpkg(1) takes them for --path-exclude: "*" stands for
// slashes too. The licences in /usr/share/doc stay. hwdb.d's lists of vendors' names would only be compiled into 10 MB
// that nothing asks.
func excluded() []string {
	patterns := []string{
		"/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/doc/*",
		"/usr/share/bash-completion/*", "/usr/share/zsh/*", "/usr/share/lintian/*", "/usr/share/bug/*",
	}
	for _, list := range []string{"pci-", "usb-", "acpi-", "bluetooth-", "OUI", "sdio-", "vmbus-"} {
		patterns = append(patterns, "/lib/udev/hwdb.d/20-"+list+"*", "/usr/lib/udev/hwdb.d/20-"+list+"*")
	}
	for _, m := range excludedModules() {
		if path.Ext(m) == "" {
			m += "/"
		}
		patterns = append(patterns, "/lib/modules/*/kernel/"+m+"*", "/usr/lib/modules/*/kernel/"+m+"*")
	}
	return patterns
}

// included are patterns that stay though excluded matches them.
func included() []string { return []string{"/usr/share/doc/*/copyright"} }

// dpkgConfig gives the exclusions as dpkg.cfg(5) has them. Nothing needs to reach the disk: the bootstrap is packed and
// thrown away.
func dpkgConfig() string {
	var b strings.Builder
	b.WriteString("force-unsafe-io\n")
	for _, p := range excluded() {
		fmt.Fprintf(&b, "path-exclude=%s\n", p)
	}
	for _, p := range included() {
		fmt.Fprintf(&b, "path-include=%s\n", p)
	}
	return b.String()
}

// matchAny gives an expression that matches whole paths by any of the patterns, in which "*" stands for any bytes.
func matchAny(patterns []string) *regexp.Regexp {
	var alternatives []string
	for _, p := range patterns {
		alternatives = append(alternatives, strings.ReplaceAll(regexp.QuoteMeta(p), `\*`, ".*"))
	}
	return regexp.MustCompile("^(?:" + strings.Join(alternatives, "|") + ")$")
}

// without gives the tree less the chosen nodes. Where only some names of a hard-linked file are chosen, the first that
// stays becomes the file.
func without(t *tree.Tree, chosen func(tree.Node) bool) (*tree.Tree, error) {
	gone, heirs := map[string]tree.Node{}, map[string]string{}
	nodes := t.Nodes()
	for _, n := range nodes {
		if chosen(n) {
			gone[n.Path] = n
		}
	}
	out := &tree.Tree{}
	for _, n := range nodes {
		if _, ok := gone[n.Path]; ok {
			continue
		}
		if file, orphan := gone[n.HardLink]; orphan && n.HardLink != "" {
			if heir, ok := heirs[n.HardLink]; ok {
				n.HardLink = heir
			} else {
				heirs[n.HardLink] = n.Path
				file.Path = n.Path
				n = file
			}
		}
		if err := out.Add(n); err != nil {
			return nil, err
		}
	}
	return out, nil
}
