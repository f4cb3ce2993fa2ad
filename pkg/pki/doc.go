// Package pki makes and keeps the secrets of a cluster: its authorities, certificates, SSH keys and its id.
//
// They live in a directory beside the cluster file, the bundle:
//
//	demo.pki/                              0700
//	    cluster-id                         what every machine's own ids are derived from
//	    lock                               held by the process that issues
//	    ca/etcd/{ca.pem,ca-key.pem,ca.csr}
//	    machines/node1/{etcd.pem,etcd-key.pem}
//	    machines/node1/{ssh_host_ed25519_key,ssh_host_ecdsa_key}{,.pub}
//	    operator/{etcd-client.pem,etcd-client-key.pem,id_ed25519,id_ed25519.pub}
//	    secrets/bootstrap                  a random value that machines share
//	    previous/machines/node1/etcd-...   certificates that were renewed
//
// A private key, a secret and the id are written once and never again, and Ensure writes nothing that is there. It adds
// what is missing, takes the authorities that a user brings, and refuses a bundle in which something is wrong; what is to
// have another key, a person moves away. Renew alone replaces, and certificates alone: by such of the same key, after it
// has put a copy of the old one below previous.
//
// The order of writing makes every interruption one that the next call continues from: first the cluster's id, then
// private keys and secrets, then copies of what is renewed, then renewed authorities, then all other certificates and
// what else is public. So a key without its certificate is one whose issuing was interrupted, and is used; a certificate
// without its key is an accident, and an error. Each file is complete and on the disk before it gets its name, and the
// names of one step are on the disk before the next step begins.
package pki
