package kube

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// member is a word that the value of a list may have: an admission plugin, an authorization mode.
type member struct {
	name         string
	since, until string
	to           string // what other versions call it
	advice       string
	source       string
}

const pluginSources = "plugin/pkg/admission and the API server's library, in the sources of each release"

// admissionPlugins are the words of --enable-admission-plugins, --disable-admission-plugins and --admission-control.
func admissionPlugins() []member {
	const security = "use PodSecurity, which is on by default, and say the level in labels of the namespaces"
	var plugins []member
	for _, name := range strings.Fields("AlwaysAdmit AlwaysDeny AlwaysPullImages DefaultStorageClass ImagePolicyWebhook " +
		"LimitPodHardAntiAffinityTopology LimitRanger NamespaceAutoProvision NamespaceExists NamespaceLifecycle " +
		"OwnerReferencesPermissionEnforcement PodNodeSelector ResourceQuota ServiceAccount") {
		plugins = append(plugins, member{name: name, source: pluginSources})
	}
	for _, row := range [][2]string{
		{"1.6", "DefaultTolerationSeconds"},
		{"1.7", "NodeRestriction PodTolerationRestriction"},
		{"1.8", "EventRateLimit PersistentVolumeClaimResize Priority"},
		{"1.9", "ExtendedResourceToleration MutatingAdmissionWebhook"},
		{"1.14", "TaintNodesByCondition"},
		{"1.16", "RuntimeClass"},
		{"1.18", "CertificateApproval CertificateSigning CertificateSubjectRestriction DefaultIngressClass"},
		{"1.21", "DenyServiceExternalIPs"},
		{"1.22", "PodSecurity"},
		{"1.26", "ValidatingAdmissionPolicy"},
		{"1.27", "ClusterTrustBundleAttest"},
		{"1.32", "MutatingAdmissionPolicy"},
		{"1.33", "PodTopologyLabels"},
		{"1.35", "NodeDeclaredFeatureValidator"},
		{"1.36", "JobValidation PodGroupProtection PodGroupWorkloadExists PodResizeValidator"},
	} {
		for _, name := range strings.Fields(row[1]) {
			plugins = append(plugins, member{name: name, since: row[0], source: pluginSources})
		}
	}
	return append(plugins,
		member{name: "DenyEscalatingExec", until: "1.21", advice: security, source: pluginSources},
		member{name: "DenyExecOnPrivileged", until: "1.21", advice: security, source: pluginSources},
		member{name: "GenericAdmissionWebhook", since: "1.7", until: "1.9", to: "ValidatingAdmissionWebhook", source: "CHANGELOG-1.9"},
		member{name: "ValidatingAdmissionWebhook", since: "1.9", to: "GenericAdmissionWebhook", source: "CHANGELOG-1.9"},
		member{name: "InitialResources", until: "1.11", advice: "say requests in the pods, or use the vertical pod autoscaler", source: pluginSources},
		member{name: "Initializers", since: "1.7", until: "1.14", advice: "use MutatingAdmissionWebhook", source: "CHANGELOG-1.14"},
		member{name: "PVCProtection", since: "1.9", until: "1.10", to: "StorageObjectInUseProtection", source: "CHANGELOG-1.10"},
		member{name: "StorageObjectInUseProtection", since: "1.10", to: "PVCProtection", source: "CHANGELOG-1.10"},
		member{name: "PersistentVolumeLabel", until: "1.31", advice: "the provider's cloud controller manager labels volumes", source: pluginSources},
		member{name: "PodPreset", since: "1.6", until: "1.20", advice: "use MutatingAdmissionWebhook", source: "CHANGELOG-1.20"},
		member{name: "PodSecurityPolicy", until: "1.25", advice: security, source: "CHANGELOG-1.25"},
		member{name: "SecurityContextDeny", until: "1.30", advice: security, source: "CHANGELOG-1.30"},
	)
}

// AdmissionPlugins gives the names of the admission plugins that a release's API server has, sorted.
func AdmissionPlugins(v Version) []string {
	names := memberNames(admissionPlugins(), v)
	slices.Sort(names)
	return names
}

// authorizationModes are the words of kube-apiserver's --authorization-mode.
func authorizationModes() []member {
	const source = "pkg/kubeapiserver/authorizer/modes in the sources of each release"
	return []member{
		{name: "AlwaysAllow", source: source},
		{name: "AlwaysDeny", source: source},
		{name: "ABAC", source: source},
		{name: "Webhook", source: source},
		{name: "RBAC", source: source},
		{name: "Node", since: "1.7", advice: "use RBAC alone, and bind the group system:nodes to the cluster role system:node", source: source},
	}
}

// translateMembers gives the value of a flag that lists words, in the words of a version. Other flags stay as they are.
func translateMembers(c Component, v Version, arg Arg) (Arg, error) {
	var known []member
	var what string
	switch {
	case c != APIServer || arg.Value == "":
		return arg, nil
	case slices.Contains([]string{"enable-admission-plugins", "disable-admission-plugins", "admission-control"}, arg.Name):
		known, what = admissionPlugins(), "admission plugin"
	case arg.Name == "authorization-mode":
		known, what = authorizationModes(), "authorization mode"
	default:
		return arg, nil
	}
	var words []string
	var problems []error
	for _, word := range strings.Split(arg.Value, ",") {
		word, err := translateMember(c, v, what, strings.TrimSpace(word), known)
		if err != nil {
			problems = append(problems, err)
		}
		words = append(words, word)
	}
	return Arg{Name: arg.Name, Value: strings.Join(words, ",")}, errors.Join(problems...)
}

func translateMember(c Component, v Version, what, word string, known []member) (string, error) {
	at := slices.IndexFunc(known, func(m member) bool { return m.name == word })
	if at < 0 {
		names := memberNames(known, v)
		if name := nearest(word, names); name != "" {
			return "", fmt.Errorf("%s %s has no %s %s: %s may be meant", c, v, what, word, name)
		}
		slices.Sort(names)
		return "", fmt.Errorf("%s %s has no %s %s: it has %s", c, v, what, word, strings.Join(names, ", "))
	}
	m := known[at]
	if v.in(m.since, m.until) {
		return word, nil
	}
	if other := slices.IndexFunc(known, func(o member) bool { return o.name == m.to && v.in(o.since, o.until) }); m.to != "" && other >= 0 {
		return m.to, nil
	}
	advice := m.advice
	if m.until != "" && v.AtLeast(m.until) {
		if advice == "" {
			advice = "leave it out"
		}
		return "", fmt.Errorf("%s has no %s %s since %s: %s", c, what, word, m.until, advice)
	}
	if advice == "" || m.until != "" {
		advice = "leave it out, or use " + m.since + " or newer"
	}
	return "", fmt.Errorf("%s has no %s %s before %s: %s", c, what, word, m.since, advice)
}

func memberNames(known []member, v Version) []string {
	var names []string
	for _, m := range known {
		if v.in(m.since, m.until) {
			names = append(names, m.name)
		}
	}
	return names
}

// wholeAdmission gives the value of --admission-control, the only such flag before 1.10, for wanted plugins that are to
// be added to those that are on by default since. The plugins run in the order of the list; ResourceQuota is to be the
// last, so that it counts nothing that another refuses (docs/admin/admission-controllers.md of 1.9).
func wholeAdmission(v Version, wanted string) string {
	plugins := strings.Fields("NamespaceLifecycle LimitRanger ServiceAccount DefaultStorageClass")
	if v.AtLeast("1.6") {
		plugins = append(plugins, "DefaultTolerationSeconds")
	}
	if v.AtLeast("1.9") {
		plugins = append(plugins, "MutatingAdmissionWebhook", "ValidatingAdmissionWebhook")
	}
	for _, name := range strings.Split(wanted, ",") {
		if name = strings.TrimSpace(name); name != "" && name != "ResourceQuota" && !slices.Contains(plugins, name) {
			plugins = append(plugins, name)
		}
	}
	plugins = append(plugins, "ResourceQuota")
	return strings.Join(plugins, ",")
}
