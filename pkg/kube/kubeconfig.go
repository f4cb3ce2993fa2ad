package kube

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// Access is what a client needs to reach an API server as somebody.
type Access struct {
	// Cluster is the name that the cluster has in the file.
	Cluster string
	// Server is the URL of the API.
	Server string
	// User is the name that the user has in the file.
	User string
	// Authority that signed the server's certificate, and the user's Certificate and Key, in PEM.
	Authority, Certificate, Key []byte
}

// String gives no part of the key.
func (a Access) String() string { return fmt.Sprintf("access of %s to %s", a.User, a.Server) }

// GoString gives no part of the key.
func (a Access) GoString() string { return a.String() }

// Kubeconfig gives a kubeconfig file that holds the certificates and the key in itself
// (https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/).
func Kubeconfig(a Access) []byte {
	context := a.User + "@" + a.Cluster
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("apiVersion: v1")
	line("kind: Config")
	line("clusters:")
	line("- name: %s", strconv.Quote(a.Cluster))
	line("  cluster:")
	line("    server: %s", strconv.Quote(a.Server))
	line("    certificate-authority-data: %s", base64.StdEncoding.EncodeToString(a.Authority))
	line("users:")
	line("- name: %s", strconv.Quote(a.User))
	line("  user:")
	line("    client-certificate-data: %s", base64.StdEncoding.EncodeToString(a.Certificate))
	line("    client-key-data: %s", base64.StdEncoding.EncodeToString(a.Key))
	line("contexts:")
	line("- name: %s", strconv.Quote(context))
	line("  context: {cluster: %s, user: %s}", strconv.Quote(a.Cluster), strconv.Quote(a.User))
	line("current-context: %s", strconv.Quote(context))
	return []byte(b.String())
}
