// This module is apart from nodekiln's own, which must not depend on Kubernetes. It names no requirement: hack/kubernetes/build
// writes those of the version that is asked for.
module github.com/nodekiln/nodekiln/hack/kubernetes

go 1.26.0
