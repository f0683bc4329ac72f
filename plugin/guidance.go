package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"google.golang.org/grpc"

	"github.com/isac-guidance/isac/plugin/isacpb"
)

// Guidance speaks the Guidance service over a connection. It may be used by several goroutines at once.
type Guidance struct {
	rpc     isacpb.GuidanceClient
	explain func(doing string, err error) error
	// folder is what host and process have to themselves; "" where the process is another's, whose word on folders does not count.
	folder string
}

// NewGuidance makes a client of the Guidance service on a connection that was dialled with DialOptions.
func NewGuidance(conn grpc.ClientConnInterface) *Guidance {
	return &Guidance{rpc: isacpb.NewGuidanceClient(conn)}
}

// Methods lists what guides, the recommended method first.
func (g *Guidance) Methods(ctx context.Context) ([]GuidanceMethod, error) {
	answer, err := g.rpc.Methods(ctx, &isacpb.MethodsRequest{})
	if err != nil {
		return nil, failure(g.explain, "list methods", err)
	}
	return methodsFromProto(answer), nil
}

// GuidanceSession guides the sampling of one image, or of one batch. Its calls come one after the other; several goroutines may make
// them. Close has to be called.
type GuidanceSession struct {
	// Info is what the plugin told when the session was opened.
	Info GuidanceInfo

	stream  grpc.BidiStreamingClient[isacpb.GuideRequest, isacpb.GuideResponse]
	cancel  context.CancelFunc
	explain func(doing string, err error) error

	calls  sync.Mutex
	broken error // why there are no more answers
	large  exchange
}

// Open opens a session. ctx bounds the opening alone, which loads the model where it is not loaded; the session lasts until Close. An
// *Error names the fields that are wrong.
func (g *Guidance) Open(ctx context.Context, config GuidanceConfig) (*GuidanceSession, error) {
	const doing = "open a guidance session"
	lasting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stream, err := g.rpc.Guide(lasting)
	if err != nil {
		cancel()
		return nil, failure(g.explain, doing, err)
	}
	s := &GuidanceSession{stream: stream, cancel: cancel, explain: g.explain}
	answer, err := s.ask(ctx, doing, &isacpb.GuideRequest{Request: &isacpb.GuideRequest_Open{Open: config.toProto()}})
	if err != nil {
		cancel()
		return nil, err
	}
	s.Info = infoFromProto(answer.GetOpened())
	if s.Info.SharedFolder == g.folder {
		s.large.folder = g.folder
	}
	return s, nil
}

// Prepare comes before the first step, if at all: it gives the noise that the run starts from in the place of noise, unit normal
// [B,C,h,w], and whether the method made another one. count and level are the run's, as in GuidanceStep.
func (s *GuidanceSession) Prepare(ctx context.Context, noise Tensor, count int, level NoiseLevel) (Tensor, bool, error) {
	s.calls.Lock()
	defer s.calls.Unlock()
	answer, err := s.ask(ctx, "prepare the noise", &isacpb.GuideRequest{Request: &isacpb.GuideRequest_Prepare{Prepare: &isacpb.GuidancePrepare{
		Noise: s.large.send(noise), Count: int32(count), Sigma: level.Sigma, Timestep: level.Timestep,
	}}})
	if err != nil {
		return Tensor{}, false, err
	}
	prepared := answer.GetPrepared()
	changed, err := s.large.receive(prepared.GetNoise(), len(noise.Data))
	return changed, prepared.GetChanged(), err
}

// Guide takes one step: the sampler goes on with the latents of the result. A request that is wrong gives an *Error and leaves the
// session as it was. Cancelling ctx stops the step between two layers of the model and ends the session.
func (s *GuidanceSession) Guide(ctx context.Context, step GuidanceStep) (GuidanceResult, error) {
	s.calls.Lock()
	defer s.calls.Unlock()
	doing := fmt.Sprintf("guide step %d of %d", step.Index+1, step.Count)
	answer, err := s.ask(ctx, doing, &isacpb.GuideRequest{Request: &isacpb.GuideRequest_Step{Step: &isacpb.GuidanceStep{
		Index: int32(step.Index), Count: int32(step.Count), Sigma: step.Level.Sigma, Timestep: step.Level.Timestep,
		Latents: s.large.send(step.Latents), Masks: step.Masks,
	}}})
	if err != nil {
		return GuidanceResult{}, err
	}
	stepped := answer.GetStepped()
	result := GuidanceResult{Worked: seconds(answer.Seconds)}
	if result.Latents, err = s.large.receive(stepped.GetLatents(), len(step.Latents.Data)); err != nil {
		return GuidanceResult{}, err
	}
	for _, r := range stepped.GetReports() {
		result.Reports = append(result.Reports, reportFromProto(r))
	}
	return result, nil
}

// Close ends the session and gives its model back. Closing twice is allowed. A session whose connection is gone is closed already.
func (s *GuidanceSession) Close() error {
	defer s.cancel()
	s.calls.Lock()
	defer s.calls.Unlock()
	s.large.close()
	if s.broken != nil {
		return nil
	}
	s.broken = ErrSessionClosed
	if err := s.stream.CloseSend(); err != nil {
		return failure(s.explain, "close a guidance session", err)
	}
	// The end of the stream says that the session is closed.
	for {
		if _, err := s.stream.Recv(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return failure(s.explain, "close a guidance session", err)
		}
	}
}

// ErrSessionClosed is what a session's calls return after Close.
var ErrSessionClosed = errors.New("the guidance session is closed: open another")

// ask sends one request and waits for its answer; s.calls is the caller's. A ctx that ends takes the stream with it: answers come in order, and nobody would be
// there for this one.
func (s *GuidanceSession) ask(ctx context.Context, doing string, request *isacpb.GuideRequest) (*isacpb.GuideResponse, error) {
	if s.broken != nil {
		return nil, s.broken
	}
	stop := context.AfterFunc(ctx, s.cancel)
	defer stop()
	// A stream that is gone says why only to Recv.
	if err := s.stream.Send(request); err != nil && !errors.Is(err, io.EOF) {
		return nil, s.lose(doing, err)
	}
	answer, err := s.stream.Recv()
	if err != nil && ctx.Err() != nil {
		err = errors.Join(ctx.Err(), err) // a deadline reaches the stream as a cancellation
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("the stream ended without an answer; plugin and host disagree about the contract")
	}
	if err != nil {
		return nil, s.lose(doing, err)
	}
	if e := answer.GetError(); e != nil {
		return nil, errorFromProto(e, nil)
	}
	return answer, nil
}

// lose remembers why the stream is gone.
func (s *GuidanceSession) lose(doing string, err error) error {
	s.broken = failure(s.explain, doing, err)
	s.cancel()
	return s.broken
}
