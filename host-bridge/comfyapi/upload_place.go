package comfyapi

import (
	"context"
	"net/http"
	"time"
)

// smallUpload is how much of an upload is read without a place among those that are: a client that sends next to nothing keeps
// nobody out.
const smallUpload = 1 << 20

// uploadPlace is one upload's place among those that are read at once.
type uploadPlace struct {
	of       chan struct{}
	patience time.Duration
	taken    bool
}

// take waits for a place, once.
func (p *uploadPlace) take(ctx context.Context) error {
	if p.taken {
		return nil
	}
	late := time.NewTimer(p.patience)
	defer late.Stop()
	select {
	case p.of <- struct{}{}:
		p.taken = true
		return nil
	case <-late.C:
		return wrongStatus(http.StatusServiceUnavailable, "%d uploads are under way, and no more are taken at once; try again in a moment", cap(p.of))
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *uploadPlace) leave() {
	if p.taken {
		<-p.of
	}
}
