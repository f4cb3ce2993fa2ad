package verdict

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// pause is between two looks at what is not yet as it is to be. The machines may share what asks with their own CPUs.
	pause = 2 * time.Second
	// requestLimit is how long the answer to a request may take, and commandLimit a command in a pod.
	requestLimit = 30 * time.Second
	commandLimit = time.Minute
	// settledLimit is how long what needs no more than a running pod may take to work: rules and routes come late. It is
	// for the ways between fewPods. Subjects are tried one after the other, and each more may take turnLimit.
	settledLimit = 3 * time.Minute
	turnLimit    = 10 * time.Second
	// cleanLimit is how long the namespace may take to go.
	cleanLimit = 3 * time.Minute
)

// judge is a verdict in the making.
type judge struct {
	want    Cluster
	opts    Options
	verdict Verdict
	// api is the API server that is asked, one of those that were found ready.
	api *api
}

// name is a subject that is nothing but its name.
type name string

func (n name) String() string { return string(n) }

// Names of the checks that are milestones.
const (
	checkAPI  = "API is ready"
	checkNode = "Node is Ready"
	checkPod  = "pod runs"
	checkDNS  = "DNS"
)

// all makes all checks. The error is of this computer's doing.
func (j *judge) all(ctx context.Context, apis []*api, etcd []Endpoint) error {
	foreign, err := foreignIdentity(j.opts.Now())
	if err != nil {
		return err
	}
	ready := each(ctx, j, checkAPI, apis, unlimited, j.apiReady)
	if err := j.strangers(ctx, ready, etcd, foreign); err != nil {
		return err
	}
	if len(ready) == 0 {
		j.untried("everything else", []name{"the cluster"}, "no API server is ready")
		return nil
	}
	j.api = ready[0]
	each(ctx, j, "leader is elected", []name{"kube-controller-manager", "kube-scheduler"}, settledLimit, j.leader())
	j.judgeNodes(ctx)
	j.judgePods(ctx)
	return nil
}

// unlimited is the limit of what may take half of the time that is left.
const unlimited = time.Duration(-1)

// forAll gives the limit of a check of that many subjects.
func forAll(limit time.Duration, subjects int) time.Duration {
	if limit == unlimited {
		return unlimited
	}
	return limit + time.Duration(max(0, subjects-fewPods*(fewPods-1)))*turnLimit
}

// bounded gives a check half of the time that is left, and no more than its limit.
func (j *judge) bounded(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if ok {
		half := deadline.Sub(j.opts.Now()) / 2
		if limit == unlimited || half < limit {
			limit = half
		}
	}
	if limit == unlimited {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, limit, fmt.Errorf("not within %s", limit.Round(time.Second)))
}

// each tries the subjects again and again until each is as it is to be or the time is over, and notes a check of that
// name for each. It gives the subjects that have passed, in their order.
func each[S fmt.Stringer](ctx context.Context, j *judge, check string, subjects []S, limit time.Duration, try func(context.Context, S) (string, error)) (passed []S) {
	ctx, cancel := j.bounded(ctx, forAll(limit, len(subjects)))
	defer cancel()
	checks := make([]Check, len(subjects))
	began := make([]time.Time, len(subjects))
	decided, open := make([]bool, len(subjects)), len(subjects)
	for i, s := range subjects {
		checks[i] = Check{Name: check, Subject: s.String(), Err: errors.New("not tried in time")}
	}
	for pass := 0; open > 0 && ctx.Err() == nil; pass++ {
		if pass > 0 && !sleep(ctx, pause) {
			break
		}
		for i, s := range subjects {
			if decided[i] || ctx.Err() != nil {
				continue
			}
			if pass == 0 {
				began[i] = j.opts.Now()
			}
			said, err := try(ctx, s)
			if err != nil && ctx.Err() != nil && pass > 0 {
				// What it failed with before tells more than that the time is over.
				continue
			}
			checks[i].Said, checks[i].Err = said, err
			if last := (finalError{}); err == nil || errors.As(err, &last) {
				decided[i] = true
				open--
				j.end(&checks[i], began[i])
			}
		}
	}
	for i, s := range subjects {
		if !decided[i] {
			j.end(&checks[i], began[i])
		}
		if checks[i].Err == nil {
			passed = append(passed, s)
		}
	}
	j.verdict.Checks = append(j.verdict.Checks, checks...)
	return passed
}

// finalError is one that another try does not make good.
type finalError struct{ error }

// end notes when a check has ended, and tells of it.
func (j *judge) end(c *Check, began time.Time) {
	now := j.opts.Now()
	c.After = now.Sub(j.opts.PowerOn)
	if !began.IsZero() {
		c.Took = now.Sub(began)
	}
	j.opts.Notice(c.line())
}

// untried notes what can not be tried, and why.
func (j *judge) untried(check string, subjects []name, why string) {
	for _, s := range subjects {
		c := Check{Name: check, Subject: s.String(), Untried: why}
		j.end(&c, time.Time{})
		j.verdict.Checks = append(j.verdict.Checks, c)
	}
}

// sleep tells whether the time has passed before the context has ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// lookAt adds to an error what to look at.
func lookAt(err error, format string, args ...any) error {
	return fmt.Errorf("%w; look at %s", err, fmt.Sprintf(format, args...))
}
