package cluster

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
)

const (
	// maxLabel and maxDomain are the lengths of a label and of a whole name in DNS (RFC 1035, section 2.3.4), the
	// latter without the root's dot and byte.
	maxLabel  = 63
	maxDomain = 253

	// packagePattern is the name of a Debian package (Debian Policy, section 5.6.1).
	packagePattern = `^[a-z0-9][a-z0-9+.-]+$`
	// accountPattern is the name of a user or group (useradd(8)).
	accountPattern = `^[a-z_][a-z0-9_-]{0,31}$`
)

var (
	labelPattern   = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
	packageName    = regexp.MustCompile(packagePattern)
	accountName    = regexp.MustCompile(accountPattern)
	settingPattern = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9]*$`)
	notInLabel     = regexp.MustCompile(`[^a-z0-9]+`)
)

// checkLabel tells what keeps a name from being a label of RFC 1123 (section 2.1) in lower case, and one that would do.
func checkLabel(name string) error {
	if labelPattern.MatchString(name) && len(name) <= maxLabel {
		return nil
	}
	var fault string
	switch {
	case len(name) > maxLabel:
		fault = fmt.Sprintf("is longer than %d characters", maxLabel)
	case labelPattern.MatchString(strings.ToLower(name)):
		fault = "has capital letters"
	case strings.Trim(name, "-") != name:
		fault = "begins or ends with a hyphen"
	case strings.Contains(name, "."):
		fault = "has a dot; a domain goes into network.domain"
	default:
		fault = "has characters other than a-z, 0-9 and hyphens"
	}
	host, _, _ := strings.Cut(name, ".")
	if better := toLabel(host); better != "" {
		return fmt.Errorf("%s %s; try %s", quote(name), fault, better)
	}
	return fmt.Errorf("%s %s", quote(name), fault)
}

// toLabel makes the nearest label of a name, "" if nothing is left.
func toLabel(name string) string {
	label := strings.Trim(notInLabel.ReplaceAllString(strings.ToLower(name), "-"), "-")
	return strings.Trim(label[:min(len(label), maxLabel)], "-")
}

// checkDomain tells what keeps a name from being a name of labels with dots between them.
func checkDomain(name string) error {
	if len(name) > maxDomain {
		return fmt.Errorf("%s is longer than %d characters", quote(name), maxDomain)
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" {
			return fmt.Errorf("%s has a dot with no label before or after it", quote(name))
		}
		if err := checkLabel(label); err != nil {
			return fmt.Errorf("%s is no domain name: %w", quote(name), err)
		}
	}
	return nil
}

// parseIPv4 reads the address of a machine.
func parseIPv4(text string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(text)
	if err != nil {
		if p, err := netip.ParsePrefix(text); err == nil {
			return netip.Addr{}, fmt.Errorf("%s has a prefix length; write %s alone, the network is network.machines", text, p.Addr())
		}
		return netip.Addr{}, fmt.Errorf("%s is no IPv4 address", quote(text))
	}
	if !addr.Is4() {
		return netip.Addr{}, fmt.Errorf("%s is IPv6, which machines do not have yet; write an IPv4 address", addr)
	}
	return addr, nil
}

var macPattern = regexp.MustCompile(`^[0-9a-f]{2}(:[0-9a-f]{2}){5}$`)

// parseMAC reads the address of one network card (IEEE 802, EUI-48) into lower case.
func parseMAC(text string) (string, error) {
	mac := strings.ReplaceAll(strings.ToLower(text), "-", ":")
	switch {
	case !macPattern.MatchString(mac):
		return "", fmt.Errorf("%s is no MAC address; write six bytes in hexadecimal, as in 52:54:00:01:0a:65", quote(text))
	case mac == "00:00:00:00:00:00":
		return "", errors.New("00:00:00:00:00:00 is the address of no card")
	case strings.ContainsRune("13579bdf", rune(mac[1])):
		// The lowest bit of the first byte is the group bit.
		return "", fmt.Errorf("%s is a group (multicast) address, not that of a card", mac)
	}
	return mac, nil
}

// derivedMAC is the address of a machine that is given none: QEMU's prefix, and the three last bytes of the IPv4
// address, which tell the machines of a network of up to 2²⁴ apart.
func derivedMAC(addr netip.Addr) string {
	b := addr.As4()
	return fmt.Sprintf("52:54:00:%02x:%02x:%02x", b[1], b[2], b[3])
}
