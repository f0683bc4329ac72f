package server

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/isac-guidance/isac/nodes"
	"github.com/isac-guidance/isac/plugin"
	"github.com/isac-guidance/isac/plugin/isacpb"
)

// run is one call of Execute.
type run struct {
	*Server
	request *isacpb.ExecuteRequest
	stream  grpc.ServerStreamingServer[isacpb.ExecuteResponse]
	call    string
	started time.Time
	// sending: a stream takes one message at a time, and a node may report from several goroutines.
	sending sync.Mutex
	// busy is true when the executor has come to this run; the server's lock guards it.
	busy bool
}

// Execute runs one node.
func (s *Server) Execute(request *isacpb.ExecuteRequest, stream grpc.ServerStreamingServer[isacpb.ExecuteResponse]) error {
	r := &run{Server: s, request: request, stream: stream, call: request.CallId, started: time.Now()}
	if r.call == "" {
		r.call = rand.Text()
	}
	s.enter(r)
	defer s.leave(r)
	err := r.execute(stream.Context())
	if err == nil {
		return nil
	}
	// Nobody will ask for what a failed call made.
	s.handles.releaseCalls([]string{r.call})
	return r.report(err)
}

// report logs a failure, and makes of it what the host gets.
func (r *run) report(err error) *plugin.Error {
	failure := r.Server.report(err, r.options.Log.With("prompt", r.request.PromptId, "node", r.request.NodeId, "class", r.request.ClassType))
	failure.NodeID, failure.Class = r.request.NodeId, r.request.ClassType
	return failure
}

func (r *run) execute(ctx context.Context) error {
	node, ok := r.options.Registry.Get(r.request.ClassType)
	if !ok {
		return invalid(nil, "there is no node class %q here; this plugin has %q", r.request.ClassType, r.options.Registry.Names())
	}
	inputs, done, err := r.inputs()
	defer done()
	if err != nil {
		return err
	}
	var result nodes.Result
	err = r.do(ctx, func() (err error) {
		r.begin(r)
		result, err = node.Run(ctx, r.env(), inputs)
		return err
	})
	if err != nil {
		return err
	}
	return r.deliver(ctx, result)
}

// env is the server's, with what this run has of its own.
func (r *run) env() *nodes.Env {
	env := r.Server.env()
	env.Workflow, env.Files = r.request.Workflow, r.request.Files
	env.Progress = func(value, max int) {
		r.send(&isacpb.ExecuteResponse{Event: &isacpb.ExecuteResponse_Progress{Progress: &isacpb.Progress{Value: int64(value), Max: int64(max)}}})
	}
	env.Step = func(report any) {
		text, err := json.Marshal(report)
		if err != nil {
			// A report is for looking at (a NaN in it, say): no reason to lose the image.
			r.options.Log.Warn("a step's report is not JSON", "class", r.request.ClassType, "error", err)
			return
		}
		r.send(&isacpb.ExecuteResponse{Event: &isacpb.ExecuteResponse_Step{Step: text}})
	}
	if r.request.Previews {
		env.Preview = func(format string, data []byte) {
			r.send(&isacpb.ExecuteResponse{Event: &isacpb.ExecuteResponse_Preview{Preview: &isacpb.Preview{Format: format, Data: data}}})
		}
	}
	return env
}

// send sends an event. Its failure means that the host is gone, and then the context is cancelled too.
func (r *run) send(event *isacpb.ExecuteResponse) {
	r.sending.Lock()
	defer r.sending.Unlock()
	_ = r.stream.Send(event)
}

// deliver hands the result over to the host: files first, each a message of its own, then the rest.
func (r *run) deliver(ctx context.Context, result nodes.Result) error {
	message := &isacpb.Result{}
	for i, value := range result.Values {
		out, err := r.output(value)
		if err != nil {
			nodes.Result{Values: result.Values[i:]}.Close()
			return fmt.Errorf("output %d: %w", i, err)
		}
		message.Outputs = append(message.Outputs, out)
	}
	if result.UI != nil {
		ui, err := json.Marshal(result.UI)
		if err != nil {
			return fmt.Errorf("the node's ui: %w", err)
		}
		message.Ui = ui
	}
	r.sending.Lock()
	defer r.sending.Unlock()
	for _, f := range result.Files {
		event := &isacpb.ExecuteResponse{Event: &isacpb.ExecuteResponse_File{File: &isacpb.File{Name: f.Name, Subfolder: f.Subfolder, Type: f.Type, Data: f.Data}}}
		if err := r.stream.Send(event); err != nil {
			return fmt.Errorf("send file %q: %w", f.Name, err)
		}
	}
	if err := r.stream.Send(&isacpb.ExecuteResponse{Event: &isacpb.ExecuteResponse_Result{Result: message}}); err != nil {
		return fmt.Errorf("send the result: %w", err)
	}
	// A host that cancelled releases the call behind its cancellation (see ReleaseRequest.call_ids): if that has been here
	// already, it came before the handles.
	return ctx.Err()
}

// output is a value as the host gets it: a handle for what lives here, JSON for the rest.
func (r *run) output(value any) (*isacpb.Value, error) {
	if held, ok := value.(nodes.Value); ok {
		return plugin.Value{Handle: &plugin.Handle{ID: r.handles.put(held, r.call), Type: held.ComfyType()}}.ToProto(), nil
	}
	if list, ok := value.(nodes.List); ok {
		out := &isacpb.ValueList{}
		for i, item := range list {
			v, err := r.output(item)
			if err != nil {
				return nil, fmt.Errorf("item %d: %w", i, err) // what was put belongs to the call, which releases it
			}
			out.Values = append(out.Values, v)
		}
		return &isacpb.Value{Kind: &isacpb.Value_List{List: out}}, nil
	}
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return plugin.Value{JSON: text}.ToProto(), nil
}
