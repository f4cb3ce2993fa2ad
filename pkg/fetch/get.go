package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

const (
	// tries is how often a download is taken up again after it broke off, triesPause how long it waits before that.
	tries      = 4
	triesPause = 2 * time.Second
	// headerLimit is how long a server may take until it begins to answer.
	headerLimit = time.Minute
	// idleLimit is how long a download may get nothing before it counts as broken.
	idleLimit = time.Minute
)

// get downloads the URL behind what the file holds already, and tells whether that was anything.
func (s Source) get(ctx context.Context, name string, progress func(done, total int64)) (resumed bool, err error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for try := 1; ; try++ {
		offset, seekErr := f.Seek(0, io.SeekEnd)
		if seekErr != nil {
			return resumed, seekErr
		}
		resumed = resumed || offset > 0
		err := s.request(ctx, f, offset, progress)
		var refused *statusError
		if err == nil || ctx.Err() != nil || errors.As(err, &refused) || try == tries {
			return resumed, err
		}
		select {
		case <-ctx.Done():
			return resumed, context.Cause(ctx)
		case <-time.After(triesPause):
		}
	}
}

// statusError is an answer that no other try will change.
type statusError struct{ status string }

func (e *statusError) Error() string { return "the server says " + e.status }

// request asks for what is behind the offset once, and writes it to the file.
func (s Source) request(ctx context.Context, f *os.File, offset int64, progress func(done, total int64)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
	if err != nil {
		return err
	}
	// What is compressed on the way has no ranges that fit what is on the disk.
	req.Header.Set("Accept-Encoding", "identity")
	if offset > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	}
	idle := time.AfterFunc(headerLimit, cancel)
	defer idle.Stop()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusPartialContent && strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", offset)):
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && offset > 0:
		return nil // all of it is there, or of something else: the digest tells
	case resp.StatusCode == http.StatusOK:
		// The server knows no ranges, and sends the whole.
		offset = 0
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if err := f.Truncate(0); err != nil {
			return err
		}
	case resp.StatusCode >= http.StatusInternalServerError:
		return fmt.Errorf("the server says %s", resp.Status)
	default:
		return &statusError{resp.Status}
	}
	return save(f, resp, offset, idle, progress)
}

// save writes the body of an answer to the file. The timer ends a body that does not come.
func save(f *os.File, resp *http.Response, offset int64, idle *time.Timer, progress func(done, total int64)) error {
	total := int64(-1)
	if resp.ContentLength >= 0 {
		total = offset + resp.ContentLength
	}
	buf := make([]byte, 1<<18)
	for {
		idle.Reset(idleLimit)
		n, err := resp.Body.Read(buf)
		if _, err := f.Write(buf[:n]); err != nil {
			return err
		}
		offset += int64(n)
		if progress != nil {
			progress(offset, total)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("after %d bytes: %w", offset, err)
		}
	}
}
