package kube

import (
	"fmt"
	"slices"
	"strings"
)

// served is an API version that a kind is best written in, since a minor version: where a release serves or reads more
// than one, the one that lives longest. The rows of a kind are in order; "" ends it.
type served struct {
	kind, since, apiVersion string
}

// kinds says which API version to write. The API kinds are from the changelogs' and the deprecation guide's dates
// (https://kubernetes.io/docs/reference/using-api/deprecation-guide/); the configurations of components from the
// directories pkg/{kubelet,proxy,scheduler}/apis and cmd/kubeadm/app/apis of each release's sources.
func kinds() []served {
	return slices.Concat(coreKinds(), workloadKinds(), extensionKinds(), configurationKinds())
}

func coreKinds() []served {
	var rows []served
	for _, kind := range strings.Fields("ConfigMap Endpoints LimitRange List Namespace Node PersistentVolume PersistentVolumeClaim Pod " +
		"PodTemplate ReplicationController ResourceQuota Secret Service ServiceAccount") {
		rows = append(rows, served{kind, "1.5", "v1"})
	}
	for _, kind := range strings.Fields("ClusterRole ClusterRoleBinding Role RoleBinding") {
		rows = append(rows,
			served{kind, "1.5", "rbac.authorization.k8s.io/v1alpha1"},
			served{kind, "1.6", "rbac.authorization.k8s.io/v1beta1"},
			served{kind, "1.8", "rbac.authorization.k8s.io/v1"})
	}
	return rows
}

func workloadKinds() []served {
	return []served{
		{"CronJob", "1.5", "batch/v2alpha1"}, // asks for --runtime-config=batch/v2alpha1
		{"CronJob", "1.8", "batch/v1beta1"},
		{"CronJob", "1.21", "batch/v1"},
		{"DaemonSet", "1.5", "extensions/v1beta1"},
		{"DaemonSet", "1.8", "apps/v1beta2"},
		{"DaemonSet", "1.9", "apps/v1"},
		{"Deployment", "1.5", "extensions/v1beta1"},
		{"Deployment", "1.6", "apps/v1beta1"},
		{"Deployment", "1.8", "apps/v1beta2"},
		{"Deployment", "1.9", "apps/v1"},
		{"HorizontalPodAutoscaler", "1.5", "autoscaling/v1"},
		{"Job", "1.5", "batch/v1"},
		{"PodDisruptionBudget", "1.5", "policy/v1beta1"},
		{"PodDisruptionBudget", "1.21", "policy/v1"},
		{"ReplicaSet", "1.5", "extensions/v1beta1"},
		{"ReplicaSet", "1.8", "apps/v1beta2"},
		{"ReplicaSet", "1.9", "apps/v1"},
		{"StatefulSet", "1.5", "apps/v1beta1"},
		{"StatefulSet", "1.8", "apps/v1beta2"},
		{"StatefulSet", "1.9", "apps/v1"},
	}
}

func extensionKinds() []served {
	return []served{
		{"APIService", "1.7", "apiregistration.k8s.io/v1beta1"},
		{"APIService", "1.10", "apiregistration.k8s.io/v1"},
		{"CSIDriver", "1.14", "storage.k8s.io/v1beta1"},
		{"CSIDriver", "1.18", "storage.k8s.io/v1"},
		{"CustomResourceDefinition", "1.7", "apiextensions.k8s.io/v1beta1"},
		{"CustomResourceDefinition", "1.16", "apiextensions.k8s.io/v1"},
		{"EndpointSlice", "1.17", "discovery.k8s.io/v1beta1"},
		{"EndpointSlice", "1.21", "discovery.k8s.io/v1"},
		{"Ingress", "1.5", "extensions/v1beta1"},
		{"Ingress", "1.14", "networking.k8s.io/v1beta1"},
		{"Ingress", "1.19", "networking.k8s.io/v1"},
		{"IngressClass", "1.18", "networking.k8s.io/v1beta1"},
		{"IngressClass", "1.19", "networking.k8s.io/v1"},
		{"Lease", "1.12", "coordination.k8s.io/v1beta1"},
		{"Lease", "1.14", "coordination.k8s.io/v1"},
		{"MutatingWebhookConfiguration", "1.9", "admissionregistration.k8s.io/v1beta1"},
		{"MutatingWebhookConfiguration", "1.16", "admissionregistration.k8s.io/v1"},
		{"NetworkPolicy", "1.5", "extensions/v1beta1"},
		{"NetworkPolicy", "1.7", "networking.k8s.io/v1"},
		{"PodSecurityPolicy", "1.5", "extensions/v1beta1"},
		{"PodSecurityPolicy", "1.10", "policy/v1beta1"},
		{"PodSecurityPolicy", "1.25", ""},
		{"PriorityClass", "1.8", "scheduling.k8s.io/v1alpha1"},
		{"PriorityClass", "1.11", "scheduling.k8s.io/v1beta1"},
		{"PriorityClass", "1.14", "scheduling.k8s.io/v1"},
		{"RuntimeClass", "1.14", "node.k8s.io/v1beta1"},
		{"RuntimeClass", "1.20", "node.k8s.io/v1"},
		{"StorageClass", "1.5", "storage.k8s.io/v1beta1"},
		{"StorageClass", "1.6", "storage.k8s.io/v1"},
		{"ValidatingWebhookConfiguration", "1.9", "admissionregistration.k8s.io/v1beta1"},
		{"ValidatingWebhookConfiguration", "1.16", "admissionregistration.k8s.io/v1"},
	}
}

func configurationKinds() []served {
	return []served{
		{"AdmissionConfiguration", "1.7", "apiserver.k8s.io/v1alpha1"},
		{"AdmissionConfiguration", "1.17", "apiserver.config.k8s.io/v1"},
		{"Config", "1.5", "v1"}, // a kubeconfig
		{"EncryptionConfig", "1.7", "v1"},
		{"EncryptionConfig", "1.13", ""}, // EncryptionConfiguration is its name from then on
		{"EncryptionConfiguration", "1.13", "apiserver.config.k8s.io/v1"},
		{"Policy", "1.7", "audit.k8s.io/v1alpha1"}, // of --audit-policy-file
		{"Policy", "1.8", "audit.k8s.io/v1beta1"},
		{"Policy", "1.12", "audit.k8s.io/v1"},

		{"KubeletConfiguration", "1.8", "kubeletconfig/v1alpha1"},
		{"KubeletConfiguration", "1.10", "kubelet.config.k8s.io/v1beta1"},
		{"KubeProxyConfiguration", "1.7", "componentconfig/v1alpha1"},
		{"KubeProxyConfiguration", "1.9", "kubeproxy.config.k8s.io/v1alpha1"},
		{"KubeSchedulerConfiguration", "1.10", "componentconfig/v1alpha1"},
		{"KubeSchedulerConfiguration", "1.12", "kubescheduler.config.k8s.io/v1alpha1"},
		{"KubeSchedulerConfiguration", "1.18", "kubescheduler.config.k8s.io/v1alpha2"},
		{"KubeSchedulerConfiguration", "1.19", "kubescheduler.config.k8s.io/v1beta1"},
		{"KubeSchedulerConfiguration", "1.22", "kubescheduler.config.k8s.io/v1beta2"},
		{"KubeSchedulerConfiguration", "1.23", "kubescheduler.config.k8s.io/v1beta3"},
		{"KubeSchedulerConfiguration", "1.25", "kubescheduler.config.k8s.io/v1"},

		{"MasterConfiguration", "1.5", "kubeadm.k8s.io/v1alpha1"},
		{"MasterConfiguration", "1.11", "kubeadm.k8s.io/v1alpha2"},
		{"MasterConfiguration", "1.12", ""}, // InitConfiguration and ClusterConfiguration from then on
		{"NodeConfiguration", "1.5", "kubeadm.k8s.io/v1alpha1"},
		{"NodeConfiguration", "1.11", "kubeadm.k8s.io/v1alpha2"},
		{"NodeConfiguration", "1.12", ""}, // JoinConfiguration from then on
		{"ClusterConfiguration", "1.12", "kubeadm.k8s.io/v1alpha3"},
		{"ClusterConfiguration", "1.13", "kubeadm.k8s.io/v1beta1"},
		{"ClusterConfiguration", "1.15", "kubeadm.k8s.io/v1beta2"},
		{"ClusterConfiguration", "1.22", "kubeadm.k8s.io/v1beta3"},
		{"ClusterConfiguration", "1.31", "kubeadm.k8s.io/v1beta4"},
		{"InitConfiguration", "1.12", "kubeadm.k8s.io/v1alpha3"},
		{"InitConfiguration", "1.13", "kubeadm.k8s.io/v1beta1"},
		{"InitConfiguration", "1.15", "kubeadm.k8s.io/v1beta2"},
		{"InitConfiguration", "1.22", "kubeadm.k8s.io/v1beta3"},
		{"InitConfiguration", "1.31", "kubeadm.k8s.io/v1beta4"},
		{"JoinConfiguration", "1.12", "kubeadm.k8s.io/v1alpha3"},
		{"JoinConfiguration", "1.13", "kubeadm.k8s.io/v1beta1"},
		{"JoinConfiguration", "1.15", "kubeadm.k8s.io/v1beta2"},
		{"JoinConfiguration", "1.22", "kubeadm.k8s.io/v1beta3"},
		{"JoinConfiguration", "1.31", "kubeadm.k8s.io/v1beta4"},
	}
}

// APIVersion gives the API version to write an object of a kind in, for a release: apps/v1 for a Deployment since 1.9.
func APIVersion(kind string, v Version) (string, error) {
	var first, found, last served
	for _, row := range kinds() {
		if row.kind != kind {
			continue
		}
		if first.kind == "" {
			first = row
		}
		if v.AtLeast(row.since) {
			found = row
		}
		last = row
	}
	switch {
	case first.kind == "":
		return "", fmt.Errorf("no kind of object is called %s", kind)
	case found.kind == "":
		return "", fmt.Errorf("no %s is in Kubernetes %s: it came with %s", kind, v, first.since)
	case found.apiVersion == "":
		return "", fmt.Errorf("no %s is in Kubernetes %s: it went with %s", kind, v, last.since)
	default:
		return found.apiVersion, nil
	}
}
