package pki

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Kind is what the holder of a certificate is.
type Kind string

// The kinds of holders.
const (
	KindAuthority Kind = "authority"
	KindMachine   Kind = "machine"
	KindOperator  Kind = "operator"
)

// Row is what there is to know of one certificate.
type Row struct {
	Kind Kind `json:"kind"`
	// Holder of the private key: a machine's name, "" for an authority and the operator.
	Holder string `json:"holder,omitempty"`
	// Name of the certificate within its holder, or of the authority.
	Name string `json:"name"`
	// Subject and Issuer are distinguished names in the form of RFC 2253.
	Subject string `json:"subject"`
	Issuer  string `json:"issuer"`
	// Authority of the bundle that signed it, by name, "" for an authority.
	Authority string `json:"authority,omitempty"`
	// SANs are the DNS names and then the addresses that the certificate is for.
	SANs      []string  `json:"sans,omitempty"`
	NotBefore time.Time `json:"notBefore"`
	NotAfter  time.Time `json:"notAfter"`
	// UsableUntil is when the certificate or its authority expires, whichever is first.
	UsableUntil time.Time `json:"usableUntil"`
	// DaysLeft are the whole days until then, negative when it has passed.
	DaysLeft int `json:"daysLeft"`
}

// List gives all certificates of the bundle: those of the authorities, of the machines and of the operator, each
// sorted by name.
func (b *Bundle) List(now time.Time) []Row {
	var rows []Row
	for _, name := range slices.Sorted(maps.Keys(b.authorities)) {
		rows = append(rows, b.row(KindAuthority, "", name, b.authorities[name], now))
	}
	machines := slices.Sorted(maps.Keys(b.holders))
	slices.SortStableFunc(machines, func(x, y string) int { // the operator comes last
		return -cmp.Compare(min(len(x), 1), min(len(y), 1))
	})
	for _, machine := range machines {
		kind := KindMachine
		if machine == "" {
			kind = KindOperator
		}
		certs := b.holders[machine].certs
		for _, name := range slices.Sorted(maps.Keys(certs)) {
			rows = append(rows, b.row(kind, machine, name, certs[name], now))
		}
	}
	return rows
}

func (b *Bundle) row(kind Kind, holder, name string, p *pair, now time.Time) Row {
	c := p.cert
	until := c.NotAfter
	if by, ok := b.authorities[p.authority]; ok && by.cert.NotAfter.Before(until) {
		until = by.cert.NotAfter
	}
	sans := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		sans = append(sans, ip.String())
	}
	return Row{
		Kind: kind, Holder: holder, Name: name,
		Subject: c.Subject.String(), Issuer: c.Issuer.String(), Authority: p.authority, SANs: sans,
		NotBefore: c.NotBefore, NotAfter: c.NotAfter, UsableUntil: until,
		DaysLeft: int(math.Floor(until.Sub(now).Hours() / 24)),
	}
}

// WriteTable writes rows for a person to read.
func WriteTable(w io.Writer, rows []Row) error {
	return writeTable(w, "HOLDER\tNAME\tSUBJECT\tAUTHORITY\tENDS\tUSABLE UNTIL\tDAYS\tVALID FOR", func(t io.Writer) {
		for _, r := range rows {
			_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", who(r.Kind, r.Holder), r.Name, r.Subject,
				cmp.Or(r.Authority, "-"), day(r.NotAfter), day(r.UsableUntil), r.DaysLeft, cmp.Or(strings.Join(r.SANs, ","), "-"))
		}
	})
}

// WriteRenewed writes what Renew did for a person to read.
func WriteRenewed(w io.Writer, all []Renewed) error {
	return writeTable(w, "HOLDER\tNAME\tOLD END\tNEW END\tWHY", func(t io.Writer) {
		for _, r := range all {
			end, why := day(r.NewEnd), "its end"
			switch {
			case r.Obstacle != "":
				end, why = "-", "not renewed: "+r.Obstacle
			case len(r.Lacking) > 0:
				why = "it lacked " + strings.Join(r.Lacking, ", ")
			}
			_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", who(r.Kind, r.Holder), r.Name, day(r.OldEnd), end, why)
		}
	})
}

// writeTable writes a table whose columns are separated by tabs.
func writeTable(w io.Writer, head string, rows func(io.Writer)) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, head)
	rows(t)
	if err := t.Flush(); err != nil { // it gives the errors of all writes
		return fmt.Errorf("write the table of certificates: %w", err)
	}
	return nil
}

// who gives the holder of a certificate as tables show it.
func who(kind Kind, holder string) string { return cmp.Or(holder, "("+string(kind)+")") }

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
