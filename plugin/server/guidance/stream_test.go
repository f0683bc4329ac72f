package guidance_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/isac-guidance/isac/plugin"
	"github.com/isac-guidance/isac/plugin/await"
	"github.com/isac-guidance/isac/plugin/isacpb"
)

// TestOrderOnAStream sends requests that do not fit what the stream has open, as a client in another language may.
func TestOrderOnAStream(t *testing.T) {
	h := connect(t, "mini")
	stream := h.raw(t, t.Context())
	ask := func(r *isacpb.GuideRequest) *isacpb.GuideResponse {
		t.Helper()
		if err := stream.Send(r); err != nil {
			t.Fatal(err)
		}
		answer, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	refused := func(name string, r *isacpb.GuideRequest, kind isacpb.Kind, code codes.Code, says string) {
		t.Helper()
		e := ask(r).GetError()
		if e.GetKind() != kind || e.GetCode() != int32(code) || !strings.Contains(e.GetMessage(), says) {
			t.Errorf("%s: %v, expected %v with %v that says %q", name, e, kind, code, says)
		}
	}
	open := &isacpb.GuideRequest{Request: &isacpb.GuideRequest_Open{Open: &isacpb.GuidanceOpen{
		Checkpoint: "mini", Prompt: catsAndDog, Parametrisation: isacpb.Parametrisation_PARAMETRISATION_COMFYUI,
	}}}
	step := &isacpb.GuideRequest{Request: &isacpb.GuideRequest_Step{Step: &isacpb.GuidanceStep{}}}
	prepare := &isacpb.GuideRequest{Request: &isacpb.GuideRequest_Prepare{Prepare: &isacpb.GuidancePrepare{}}}
	shut := &isacpb.GuideRequest{Request: &isacpb.GuideRequest_Close{Close: &isacpb.GuidanceClose{}}}
	const order, invalid = isacpb.Kind_KIND_OUT_OF_ORDER, isacpb.Kind_KIND_INVALID_INPUT

	refused("step before open", step, order, codes.FailedPrecondition, "before a session was opened")
	refused("noise before open", prepare, order, codes.FailedPrecondition, "before a session was opened")
	refused("close before open", shut, order, codes.FailedPrecondition, "no session is open")
	refused("nothing", &isacpb.GuideRequest{}, invalid, codes.InvalidArgument, "expected open, prepare, step or close")
	refused("an open without anything", &isacpb.GuideRequest{Request: &isacpb.GuideRequest_Open{}}, invalid, codes.InvalidArgument, "checkpoint")
	if opened := ask(open).GetOpened(); opened.GetFamily() != "sd1" || len(opened.GetTarget()) != 2 || opened.GetLatentChannels() != 4 || opened.GetOptions()["eta"] == "" {
		t.Errorf("opened %v", opened)
	}
	refused("a second open", open, order, codes.FailedPrecondition, "close it first")
	refused("an empty step", step, invalid, codes.InvalidArgument, "latents")
	refused("empty noise", prepare, invalid, codes.InvalidArgument, "noise")
	if ask(shut).GetClosed() == nil {
		t.Error("not closed")
	}
	refused("close twice", shut, order, codes.FailedPrecondition, "closed already")
	refused("step after close", step, order, codes.FailedPrecondition, "before a session was opened")
	if ask(open).GetOpened() == nil {
		t.Error("not opened again")
	}
	if err := stream.CloseSend(); err != nil {
		t.Error(err)
	}
	h.idle(t) // the end of the stream closes what it has open
}

// raw is a stream of the service.
func (h host) raw(t *testing.T, ctx context.Context) grpc.BidiStreamingClient[isacpb.GuideRequest, isacpb.GuideResponse] {
	t.Helper()
	stream, err := isacpb.NewGuidanceClient(h.conn).Guide(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

// TestHugeMessage ends its stream and nothing else.
func TestHugeMessage(t *testing.T) {
	h := connect(t, "mini")
	other := h.open(t, simple())
	session := h.open(t, simple())
	huge := at(10, func(s *plugin.GuidanceStep) { s.Latents.Data = make([]byte, plugin.MaxMessageBytes) })
	_, err := session.Guide(t.Context(), huge)
	var own *plugin.Error
	if !errors.As(err, &own) || own.Kind != plugin.KindInvalidInput || !strings.Contains(own.Message, "256 MiB") {
		t.Errorf("from a client that keeps to the limit: %v", err)
	}
	stream := h.raw(t, t.Context())
	request := &isacpb.GuideRequest{Request: &isacpb.GuideRequest_Step{Step: &isacpb.GuidanceStep{Latents: &isacpb.Tensor{Data: huge.Latents.Data}}}}
	// Another client's limit: this one sends what the server will not take.
	unlimited, err := isacpb.NewGuidanceClient(h.conn).Guide(t.Context(), grpc.MaxCallSendMsgSize(1<<30))
	if err != nil {
		t.Fatal(err)
	}
	_ = unlimited.Send(request)
	if _, err := unlimited.Recv(); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("from another: %v", err)
	}
	if err := stream.CloseSend(); err != nil {
		t.Error(err)
	}
	if result, err := other.Guide(t.Context(), at(10, nil)); err != nil || result.Reports[0].Moves != 1 {
		t.Errorf("the other session: %+v, %v", result.Reports, err)
	}
}

// TestCancelStopsTheStep cancels a step that takes long, and the session is gone at once with all that it held.
func TestCancelStopsTheStep(t *testing.T) {
	h := connect(t, "mini")
	config := simple()
	config.Method, config.Options = "attend_excite", map[string]string{"end": "1", "tries": "100000", "threshold.first": "1", "threshold.second": "1", "threshold.third": "1"}
	session := h.open(t, config)
	ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	_, err := session.Guide(ctx, at(10, nil))
	if !errors.Is(err, context.Canceled) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, expected a step that was cancelled by its deadline", err)
	}
	began := time.Now()
	h.idle(t)
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %v until the step ended", took)
	}
	if _, err := session.Guide(t.Context(), at(10, nil)); err == nil {
		t.Error("a cancelled session guides")
	}
}

// TestSessionsEndWithTheirConnection has a host go away that closed nothing, once while a step is at work and once between two.
func TestSessionsEndWithTheirConnection(t *testing.T) {
	h := connect(t, "mini")
	for _, busy := range []bool{true, false} {
		conn := h.dial()
		config := simple()
		config.Method, config.Options = "attend_excite", map[string]string{"end": "1", "tries": "100000", "threshold.first": "1"}
		session, err := plugin.NewGuidance(conn).Open(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		if busy {
			go func() {
				_, err := session.Guide(t.Context(), at(10, nil))
				ended <- err
			}()
			time.Sleep(200 * time.Millisecond) // the step is at work, or about to be
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		if busy && <-ended == nil {
			t.Error("a step ended well on a connection that is gone")
		}
		h.idle(t)
		if err := session.Close(); err != nil && busy {
			t.Error(err)
		}
	}
}

// TestSessionsAndNodesShareModels loads one checkpoint by a node and by two sessions, whose steps and nodes wait for each other.
func TestSessionsAndNodesShareModels(t *testing.T) {
	h := connect(t, "mini")
	loaded, err := h.Execute(t.Context(), plugin.Request{Class: "CheckpointLoaderSimple", Inputs: map[string]plugin.Value{"ckpt_name": {JSON: []byte(`"mini"`)}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	before, err := h.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first, second := h.open(t, simple()), h.open(t, simple())
	s, err := h.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Each session holds a conditioning of its own and no weights.
	if s.GuidanceSessions != 2 || s.Tensors != before.Tensors+2 {
		t.Errorf("%d sessions and %d tensors, %d before", s.GuidanceSessions, s.Tensors, before.Tensors)
	}
	results := make(chan []byte, 2)
	for _, session := range []*plugin.GuidanceSession{first, second} {
		go func() {
			r, err := session.Guide(t.Context(), at(10, nil))
			if err != nil {
				t.Error(err)
			}
			results <- r.Latents.Data
		}()
	}
	if a, b := <-results, <-results; !slices.Equal(a, b) {
		t.Error("two sessions that are the same guide differently")
	}
	for _, v := range loaded.Outputs {
		if err := h.Release(t.Context(), v.Handle.ID); err != nil {
			t.Error(err)
		}
	}
	// The sessions keep the model.
	if _, err := first.Guide(t.Context(), at(8, func(s *plugin.GuidanceStep) { s.Index = 1 })); err != nil {
		t.Error(err)
	}
	if err := errors.Join(first.Close(), first.Close(), second.Close()); err != nil {
		t.Error(err)
	}
	if _, err := first.Guide(t.Context(), at(8, nil)); !errors.Is(err, plugin.ErrSessionClosed) {
		t.Errorf("%v, expected ErrSessionClosed", err)
	}
	if !await.Within(5*time.Second, func() bool { s, err := h.Stats(t.Context()); return err == nil && s.Tensors == 0 }) {
		t.Error("the model is still there")
	}
}
