package guidance

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/isac-guidance/isac/nodes"
	"github.com/isac-guidance/isac/plugin"
	"github.com/isac-guidance/isac/plugin/isacpb"
)

// Host is what the service needs of the process that it is part of. All of it is needed.
type Host struct {
	// Registry has the node that loads checkpoints, and thereby the cache of those that are loaded.
	Registry *nodes.Registry
	// Env is what that node gets.
	Env func() *nodes.Env
	// Do runs fn on the thread that owns the models, behind whatever runs there, in a scope; it loads libtorch first.
	Do func(ctx context.Context, fn func() error) error
	// Report logs an error and gives it its kind.
	Report func(err error) *plugin.Error
	// Shared is a folder that this process and its host have to themselves, for large latents; "" where there is none.
	Shared string
}

// Service is the Guidance service.
type Service struct {
	isacpb.UnimplementedGuidanceServer
	host Host
	open atomic.Int32
}

// New makes a service of a process.
func New(host Host) *Service { return &Service{host: host} }

// Sessions is the number of sessions that are open.
func (s *Service) Sessions() int { return int(s.open.Load()) }

// Guide is one stream, which has at most one session open at a time.
func (s *Service) Guide(stream grpc.BidiStreamingServer[isacpb.GuideRequest, isacpb.GuideResponse]) error {
	c := &call{Service: s, ctx: stream.Context()}
	defer c.close()
	for {
		request, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		answer, err := c.answer(request)
		if err != nil && c.ctx.Err() != nil {
			return s.host.Report(c.ctx.Err())
		}
		if err != nil {
			answer = &isacpb.GuideResponse{Answer: &isacpb.GuideResponse_Error{Error: s.host.Report(err).ToProto()}}
		}
		answer.Seconds = c.worked.Seconds()
		if err := stream.Send(answer); err != nil {
			return err
		}
	}
}

// call is one stream while it lasts.
type call struct {
	*Service
	ctx     context.Context // a session's evaluations end with the stream
	session *session        // nil where none is open
	worked  time.Duration   // on the request that is answered
}

// answer does what a request asks for.
func (c *call) answer(request *isacpb.GuideRequest) (*isacpb.GuideResponse, error) {
	c.worked = 0
	switch r := request.Request.(type) {
	case *isacpb.GuideRequest_Open:
		if c.session != nil {
			return nil, outOfOrder("a session is open on this stream: close it first, or open another stream")
		}
		return c.begin(r.Open)
	case *isacpb.GuideRequest_Prepare:
		if c.session == nil {
			return nil, outOfOrder("noise was sent before a session was opened: send open first")
		}
		return c.prepare(r.Prepare)
	case *isacpb.GuideRequest_Step:
		if c.session == nil {
			return nil, outOfOrder("a step was sent before a session was opened: send open first")
		}
		return c.step(r.Step)
	case *isacpb.GuideRequest_Close:
		if c.session == nil {
			return nil, outOfOrder("no session is open on this stream, or it was closed already")
		}
		c.close()
		return &isacpb.GuideResponse{Answer: &isacpb.GuideResponse_Closed{Closed: &isacpb.GuidanceClosed{}}}, nil
	}
	return nil, &plugin.Error{Kind: plugin.KindInvalidInput, Message: "the request is none that this plugin knows: expected open, prepare, step or close"}
}

// do runs fn on the models' thread, and counts its time.
func (c *call) do(fn func() error) error {
	return c.host.Do(c.ctx, func() error {
		began := time.Now()
		defer func() { c.worked += time.Since(began) }()
		return fn()
	})
}

// close closes the session, if one is open.
func (c *call) close() {
	if c.session != nil {
		c.session.close()
		c.session = nil
		c.open.Add(-1)
	}
}

func outOfOrder(message string) *plugin.Error {
	return &plugin.Error{Kind: plugin.KindOutOfOrder, Message: message}
}
