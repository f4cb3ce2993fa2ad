package main

// source is a directory of Kubernetes' sources, or one file, that defines flags of components. What is below staging/src
// is a module of its own since 1.15.
type source struct {
	path       string
	components string // the initials of those that have its flags
	only, not  string // regular expressions of the functions (Receiver.Name) that define them; "" is all, or none
	uses       string // a regular expression that a component's own sources match where they take the flags
	indirect   bool   // functions of the library itself call those that define the flags
}

// component is a component: the directories of its own sources.
type component struct {
	name string
	dirs []string
}

var components = map[rune]component{
	'a': {"kube-apiserver", []string{"cmd/kube-apiserver/app", "pkg/controlplane/apiserver/options", "pkg/genericapiserver/options", "pkg/kubeapiserver/options"}},
	'c': {"kube-controller-manager", []string{"cmd/kube-controller-manager", "cmd/controller-manager/app", manager + "options"}},
	's': {"kube-scheduler", []string{"cmd/kube-scheduler", "plugin/cmd/kube-scheduler"}},
	'k': {"kubelet", []string{"cmd/kubelet"}},
	'p': {"kube-proxy", []string{"cmd/kube-proxy"}},
}

const (
	server   = "staging/src/k8s.io/apiserver/pkg/server/options"
	base     = "staging/src/k8s.io/component-base/"
	manager  = "staging/src/k8s.io/controller-manager/"
	provider = "staging/src/k8s.io/cloud-provider/"
)

var sources = []source{
	{path: "cmd/kube-apiserver/app/options", components: "a"},
	{path: "pkg/genericapiserver/options", components: "a"}, // 1.5
	{path: "pkg/kubeapiserver/options", components: "a"},
	{path: "pkg/controlplane/apiserver/options", components: "a"},
	{path: server, components: "a", not: `^(Delegating|CoreAPI|DeprecatedInsecure)`},
	{path: server, components: "a", only: `^DeprecatedInsecureServingOptions\.`, uses: `InsecureServing`},
	{path: server, components: "cs", only: `^SecureServingOptions`, uses: `SecureServing\.AddFlags`},
	{path: server, components: "cs", only: `^DeprecatedInsecureServingOptions.*\.AddUnqualifiedFlags`, uses: `InsecureServing`},
	{path: server, components: "cs", only: `^(Delegating|ClientCert|RequestHeader)AuthenticationOptions`, uses: `Authentication\.AddFlags`},
	{path: server, components: "cs", only: `^DelegatingAuthorizationOptions`, uses: `Authorization\.AddFlags`},
	{path: "plugin/pkg/admission/defaulttolerationseconds", components: "a"},
	{path: "plugin/pkg/admission/initialresources", components: "a"},

	{path: base + "compatibility", components: "a"},
	{path: base + "compatibility", components: "cs", uses: `ComponentGlobalsRegistry\.AddFlags`},
	{path: base + "featuregate/registry.go", components: "a"}, // 1.31 and 1.32
	{path: base + "featuregate/registry.go", components: "cs", uses: `ComponentGlobalsRegistry\.AddFlags`},
	{path: base + "metrics", components: "acs", uses: `[mM]etrics\.AddFlags|[mM]etrics\.NewOptions`},
	{path: base + "logs/options.go", components: "acskp", uses: `[lL]ogs\.AddFlags|logs\.NewOptions|logOption`},
	{path: base + "logs/config.go", components: "acskp", uses: `[lL]ogs\.AddFlags|logs\.NewOptions|BindLoggingFlags`, indirect: true},
	{path: base + "logs/api/v1", components: "acskp", uses: `logsapi\.AddFlags|Logs\.AddFlags|logs\.NewOptions`},
	{path: base + "logs/logs.go", components: "acskp", not: `^addKlogFlags`},
	{path: "staging/src/k8s.io/apiserver/pkg/util/logs", components: "acskp"},
	{path: "pkg/util/logs", components: "acskp"},
	{path: "pkg/kubectl/util/logs", components: "acskp"},

	{path: "cmd/kube-controller-manager/app", components: "c"},
	{path: "cmd/kube-controller-manager/app/options", components: "c"},
	{path: "cmd/controller-manager/app/options", components: "c"},
	{path: manager + "options", components: "c"},
	{path: manager + "pkg/leadermigration/options", components: "c", uses: `LeaderMigration`},
	{path: provider + "options", components: "c", only: `^(KubeCloudShared|CloudProvider|ServiceController)Options`, uses: `cloud-provider/options|cpoptions`},
	{path: "pkg/client/leaderelection", components: "cs", uses: `leaderelection\.BindFlags`},
	{path: "pkg/client/leaderelectionconfig", components: "cs", uses: `leaderelectionconfig\.BindFlags`},
	{path: base + "config/options", components: "cs", uses: `BindLeaderElectionFlags`},
	{path: "pkg/controller/replicaset/options", components: "c"},

	{path: "cmd/kube-scheduler/app/server.go", components: "s"}, // 1.10
	{path: "cmd/kube-scheduler/app/options", components: "s"},
	{path: "plugin/cmd/kube-scheduler/app", components: "s"},
	{path: "plugin/cmd/kube-scheduler/app/options", components: "s"},

	{path: "cmd/kubelet/app/options", components: "k"},
	{path: "pkg/kubelet/config/flags.go", components: "k"},

	{path: "cmd/kube-proxy/app/options.go", components: "p"},
	{path: "cmd/kube-proxy/app/server.go", components: "p"},
	{path: "cmd/kube-proxy/app/options", components: "p"},
}
