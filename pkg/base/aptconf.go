package base

import (
	"context"
	"fmt"
	"strings"

	"github.com/nodekiln/nodekiln/pkg/tool"
)

// hostAptOptions are the settings of apt.conf(5) that say how the host reaches archives; a bootstrap follows them.
// Whatever else a host configures, hooks above all, does not concern a base. An entry that ends in "::" stands for all
// below it.
func hostAptOptions() []string {
	return []string{
		"Acquire::http::Proxy", "Acquire::http::Proxy::", "Acquire::http::Proxy-Auto-Detect", "Acquire::http::ProxyAutoDetect",
		"Acquire::https::", "Acquire::socks::Proxy", "Acquire::ForceIPv4", "Acquire::ForceIPv6",
		"Acquire::Check-Valid-Until", "Acquire::Check-Date",
	}
}

// aptConfig gives the configuration that apt bootstraps with.
func aptConfig(ctx context.Context) string {
	dump, err := tool.Cmd{Name: "apt-config", Args: []string{"dump"}}.Output(ctx)
	if err != nil {
		// A host without a working apt has nothing to say; what is really wrong, mmdebstrap will tell.
		dump = nil
	}
	return chooseOptions(string(dump)) +
		fmt.Sprintf("Acquire::http::Timeout \"%d\";\nAcquire::https::Timeout \"%[1]d\";\nAcquire::Retries \"2\";\n", 3*reachSeconds)
}

func chooseOptions(dump string) string {
	var b strings.Builder
	for line := range strings.Lines(dump) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if value == `"";` {
			continue
		}
		for _, o := range hostAptOptions() {
			if strings.EqualFold(name, o) || strings.HasSuffix(o, "::") && len(name) > len(o) && strings.EqualFold(name[:len(o)], o) {
				b.WriteString(name + " " + value + "\n")
				break
			}
		}
	}
	return b.String()
}
