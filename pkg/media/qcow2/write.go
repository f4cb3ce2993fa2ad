package qcow2

import (
	"context"
	"fmt"
	"io"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// imageClusterBits makes self-contained images of 64 KiB clusters, QEMU's own choice.
const imageClusterBits = 16

// Options say how a self-contained image is written. The zero value compresses with zlib.
type Options struct {
	Compression Compression
}

// Write writes the whole of the source as a self-contained image. Clusters of zeros are left out. The bytes depend on
// the source's content and the options alone, not on the number of processors nor on where the source has holes.
func Write(ctx context.Context, dst io.WriterAt, src Source, o Options) error {
	if src.Size()%sectorSize != 0 {
		return fmt.Errorf("write qcow2 image: a virtual disk of %d bytes is not made of whole sectors", src.Size())
	}
	if err := write(ctx, dst, src, o.Compression, imageClusterBits); err != nil {
		return fmt.Errorf("write qcow2 image: %w", err)
	}
	return nil
}

func write(ctx context.Context, dst io.WriterAt, src Source, method Compression, clusterBits uint) error {
	w := &writer{dst: dst, method: method, tables: newTables(clusterBits, src.Size()), pos: 1 << clusterBits}
	if err := w.clusters(ctx, src); err != nil {
		return err
	}
	return w.finish()
}

// guestCluster is a cluster on its way into the image.
type guestCluster struct {
	number  int64
	content []byte
	packed  []byte        // nil when it is to be stored as it is
	ready   chan struct{} // closed when packed is set
}

// clusters reads, packs and writes all the clusters. They are packed on all processors and written in order.
func (w *writer) clusters(ctx context.Context, src Source) error {
	workers := runtime.GOMAXPROCS(0)
	g, ctx := errgroup.WithContext(ctx)
	work := make(chan *guestCluster)
	line := make(chan *guestCluster, 2*workers)
	g.Go(func() error {
		defer close(work)
		defer close(line)
		return walk(src, w.tables.clusterBits, func(c *guestCluster) error {
			for _, to := range []chan<- *guestCluster{work, line} {
				select {
				case to <- c:
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}
			return nil
		})
	})
	for range workers {
		g.Go(func() error { return pack(work, w.method) })
	}
	g.Go(func() error {
		for c := range line {
			select {
			case <-c.ready:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			if err := w.put(c); err != nil {
				return err
			}
		}
		return context.Cause(ctx)
	})
	return g.Wait()
}

// walk gives every cluster of the source that holds something other than zeros, in order. The last one is filled up.
func walk(src Source, clusterBits uint, yield func(*guestCluster) error) error {
	for n := int64(0); ; n++ {
		start, _, err := src.NextData(n << clusterBits)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		n = start >> clusterBits
		content := make([]byte, 1<<clusterBits)
		if err := readFull(src, content, n<<clusterBits); err != nil {
			return err
		}
		if allZero(content) {
			continue
		}
		if err := yield(&guestCluster{number: n, content: content, ready: make(chan struct{})}); err != nil {
			return err
		}
	}
}

// pack compresses clusters until there are no more. A cluster that does not get smaller stays as it is.
func pack(work <-chan *guestCluster, method Compression) error {
	p, err := newPacker(method)
	if err != nil {
		return err
	}
	for c := range work {
		if p != nil {
			packed, err := p(c.content)
			if err != nil {
				return fmt.Errorf("compress cluster %d: %w", c.number, err)
			}
			if len(packed) < len(c.content) {
				c.packed = packed
			}
		}
		close(c.ready)
	}
	return nil
}

// writer appends clusters to an image.
type writer struct {
	dst    io.WriterAt
	method Compression
	tables *tables
	pos    int64 // end of the data in the file
}

// put writes one cluster: a compressed one right behind the one before, any other on a cluster of its own.
func (w *writer) put(c *guestCluster) error {
	content := c.packed
	if content == nil {
		content = c.content
		w.pos = ceilShift(w.pos, w.tables.clusterBits) << w.tables.clusterBits
	}
	if _, err := w.dst.WriteAt(content, w.pos); err != nil {
		return err
	}
	entry := uint64(w.pos) | flagCopied
	if c.packed != nil {
		last := w.pos + int64(len(content)) - 1
		more := uint64(last/sectorSize - w.pos/sectorSize)
		entry = uint64(w.pos) | more<<compressedShift(w.tables.clusterBits) | flagCompressed
	}
	w.tables.set(c.number, entry)
	w.tables.refer(w.pos, int64(len(content)))
	w.pos += int64(len(content))
	return nil
}

// finish writes the tables and, last, the header.
func (w *writer) finish() error {
	p := w.tables.place()
	if err := w.tables.writeTo(io.NewOffsetWriter(w.dst, p.l2<<w.tables.clusterBits), p); err != nil {
		return err
	}
	head, err := w.tables.header(p, w.method, "", "")
	if err != nil {
		return err
	}
	_, err = w.dst.WriteAt(head, 0)
	return err
}
