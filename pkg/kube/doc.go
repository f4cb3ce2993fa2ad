// Package kube is what Kubernetes is: the flags that each component of a release has, the API versions that it serves
// and reads, the certificates that it needs and the ports that it listens on. It holds facts and no choices: those of a
// deployment are in its profile.
//
// A deployment says what it wants in the vocabulary of flags, of whichever release its author knew. [Args] gives what
// the asked release takes for that. It covers the releases 1.5 to 1.36.
//
// The flags are in flags.tsv and the fields of configurations in fields.tsv, both made by hack/kubernetes/history from the
// sources of one release of each minor version. The tests hold flags.tsv against the listings that the programs themselves
// give (testdata/flags-*.tsv), and hack/e2e both files against the programs. What is to be done about a flag that a release
// does not have is in changes*.go, one row a case with its source, and about the words of lists in members.go.
package kube
