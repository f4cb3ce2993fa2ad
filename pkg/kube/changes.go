package kube

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// change is what is to be done about a flag in some versions.
type change struct {
	component    Component
	flag         string
	since, until string   // minor versions, until not included; "" is no bound
	values       []string // the values that it is about; none is any
	except       []string // the values that it is not about
	// One of these three: the version does the same without the flag, so it is left out; the version calls it
	// otherwise; or it is an error, with this advice.
	drop   bool
	to     string
	advice string
	source string // where it is written down: a changelog's section, or what of the sources shows it
}

func (c change) applies(v Version, value string) bool {
	return v.in(c.since, c.until) && (len(c.values) == 0 || slices.Contains(c.values, value)) && !slices.Contains(c.except, value)
}

// Sources that many rows have.
const (
	flagSources = "the flag sets of the releases' sources (flags.tsv)"
	klogRemoval = "CHANGELOG-1.26; enhancement 2845, removal of klog specific flags"
)

// dropped says that the versions do what the values of a flag say without it. Any value, if none is given.
func dropped(c Component, flag, since, until, source string, values ...string) change {
	return change{component: c, flag: flag, since: since, until: until, values: values, drop: true, source: source}
}

// renamed says that the versions call a flag otherwise.
func renamed(c Component, flag, since, until, to, source string) change {
	return change{component: c, flag: flag, since: since, until: until, to: to, source: source}
}

// gone gives the advice for a flag that is there no more.
func gone(c Component, flag, since, advice, source string) change {
	return change{component: c, flag: flag, since: since, advice: advice, source: source}
}

// early gives the advice for a flag that is not there yet.
func early(c Component, flag, until, advice, source string) change {
	return change{component: c, flag: flag, until: until, advice: advice, source: source}
}

type flagKey struct {
	component Component
	flag      string
}

var changeTable = sync.OnceValue(func() map[flagKey][]change {
	table := map[flagKey][]change{}
	for _, c := range slices.Concat(apiserverChanges(), controllerManagerChanges(), schedulerChanges(), kubeletChanges(), dockerChanges(),
		proxyChanges(), loggingChanges(), etcdChanges()) {
		key := flagKey{c.component, c.flag}
		table[key] = append(table[key], c)
	}
	return table
})

// changesOf gives what is to be done about a flag, the first that applies being the one that counts.
func changesOf(c Component, flag string) []change {
	return changeTable()[flagKey{c, flag}]
}

// on are the ways to write a boolean flag that is set, as strconv.ParseBool takes them, and off one that is not.
func on() []string  { return strings.Fields("true 1 t T TRUE True") }
func off() []string { return strings.Fields("false 0 f F FALSE False") }

// loggingChanges are those of the flags of klog, which all components had.
func loggingChanges() []change {
	const logs = "the components log to standard error: let the unit write it to the journal, or to a file (StandardError=append:FILE)"
	var rows []change
	for _, c := range []Component{APIServer, ControllerManager, Scheduler, Kubelet, Proxy} {
		rows = append(rows,
			dropped(c, "logtostderr", "1.26", "", klogRemoval, on()...),
			gone(c, "logtostderr", "1.26", logs, klogRemoval),
			dropped(c, "alsologtostderr", "1.26", "", klogRemoval), // standard error it is
			dropped(c, "log-dir", "1.26", "", klogRemoval, ""),
			gone(c, "log-dir", "1.26", logs, klogRemoval),
			dropped(c, "log-file", "1.26", "", klogRemoval, ""),
			gone(c, "log-file", "1.26", logs, klogRemoval),
			early(c, "log-file", "1.13", "use --log-dir", "CHANGELOG-1.13 (klog in place of glog)"),
			// Each of these only says something about logs in files.
			dropped(c, "stderrthreshold", "1.26", "", klogRemoval),
			dropped(c, "log-file-max-size", "1.26", "", klogRemoval),
			dropped(c, "skip-log-headers", "1.26", "", klogRemoval),
			dropped(c, "one-output", "1.26", "", klogRemoval),
			dropped(c, "skip-headers", "1.26", "", klogRemoval, off()...),
			gone(c, "skip-headers", "1.26", "lines have headers; --logging-format=json gives lines that programs read", klogRemoval),
			dropped(c, "add-dir-header", "1.26", "", klogRemoval, off()...),
			gone(c, "add-dir-header", "1.26", "headers name files without their directories", klogRemoval),
			dropped(c, "log-backtrace-at", "1.26", "", klogRemoval, "", ":0"),
			gone(c, "log-backtrace-at", "1.26", "there are no backtraces; use --vmodule for more lines of one file", klogRemoval),
			dropped(c, "experimental-logging-sanitization", "", "1.20", flagSources, off()...),
			dropped(c, "experimental-logging-sanitization", "1.24", "", "CHANGELOG-1.24", off()...),
			gone(c, "experimental-logging-sanitization", "1.24", "leave it out: logs are not sanitized while they are written", "CHANGELOG-1.24"),
			early(c, "logging-format", since(c, "logging-format"), "leave it out: there is only text", flagSources),
		)
	}
	// Not all have all of them.
	return slices.DeleteFunc(rows, func(r change) bool { return flagTable()[r.component][r.flag] == nil })
}

// since gives the first version that has a flag.
func since(c Component, flag string) string {
	rows := flagTable()[c][flag]
	if len(rows) == 0 {
		panic(fmt.Sprintf("%s has no flag --%s", c, flag))
	}
	return rows[0].Since
}
