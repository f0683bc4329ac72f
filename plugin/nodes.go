package plugin

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"

	"github.com/isac-guidance/isac/plugin/isacpb"
)

// Nodes speaks the contract over a connection, whoever started the process at its other end. It may be used by several
// goroutines at once.
type Nodes struct {
	rpc isacpb.NodesClient
	// explain makes an error better where more is known than the connection tells; may be nil.
	explain func(doing string, err error) error
}

// NewNodes makes a client of the Nodes service on a connection that was dialled with DialOptions.
func NewNodes(conn grpc.ClientConnInterface) *Nodes {
	return &Nodes{rpc: isacpb.NewNodesClient(conn)}
}

// Describe says what the process can do.
func (n *Nodes) Describe(ctx context.Context) (Description, error) {
	answer, err := n.rpc.Describe(ctx, &isacpb.DescribeRequest{})
	if err != nil {
		return Description{}, n.fail("describe", err)
	}
	return descriptionFromProto(answer), nil
}

// Execute runs one node and returns what it made. events, where not nil, is called for every event on the caller's
// goroutine, in order; the call is at an end when Execute returns. Cancelling ctx stops the node within one model evaluation
// (Execute itself returns at once) and leaves no handles behind. Errors of the node are *Error.
func (n *Nodes) Execute(ctx context.Context, request Request, events func(Event)) (Result, error) {
	ctx, stop := context.WithCancel(ctx)
	// Ends the stream also where an event's callback panics.
	defer stop()
	doing := fmt.Sprintf("execute node %s (%s)", request.NodeID, request.Class)
	message := &isacpb.ExecuteRequest{
		PromptId: request.PromptID, NodeId: request.NodeID, ClassType: request.Class,
		Inputs: make(map[string]*isacpb.Value, len(request.Inputs)), Workflow: request.Workflow, CallId: rand.Text(), Previews: request.Previews, Files: request.Files,
	}
	for name, value := range request.Inputs {
		message.Inputs[name] = value.ToProto()
	}
	stream, err := n.rpc.Execute(ctx, message)
	if err != nil {
		return Result{}, n.fail(doing, err)
	}
	result, err := receive(stream, events)
	if err != nil {
		if ctx.Err() != nil {
			n.abandon(message.CallId)
		}
		err = n.fail(doing, err)
		if own := (*Error)(nil); errors.As(err, &own) && own.Class == "" {
			own.NodeID, own.Class = request.NodeID, request.Class
		}
		return Result{}, err
	}
	return result, nil
}

// receive reads events up to the result and the stream's end.
func receive(stream grpc.ServerStreamingClient[isacpb.ExecuteResponse], events func(Event)) (Result, error) {
	if events == nil {
		events = func(Event) {}
	}
	var result *Result
	var files []File
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Result{}, err
		}
		switch e := message.Event.(type) {
		case *isacpb.ExecuteResponse_Progress:
			events(Event{Progress: &Progress{Value: int(e.Progress.Value), Max: int(e.Progress.Max)}})
		case *isacpb.ExecuteResponse_Preview:
			events(Event{Preview: &Preview{Format: e.Preview.Format, Data: e.Preview.Data}})
		case *isacpb.ExecuteResponse_Step:
			events(Event{Step: e.Step})
		case *isacpb.ExecuteResponse_File:
			files = append(files, File{Name: e.File.Name, Subfolder: e.File.Subfolder, Type: e.File.Type, Data: e.File.Data})
		case *isacpb.ExecuteResponse_Result:
			result = &Result{UI: e.Result.Ui}
			for _, v := range e.Result.Outputs {
				result.Outputs = append(result.Outputs, ValueFromProto(v))
			}
		default:
			// An event of a newer plugin: it may say more than this host understands.
		}
	}
	if result == nil {
		return Result{}, errors.New("the stream ended without a result; plugin and host disagree about the contract")
	}
	result.Files = files
	return *result, nil
}

// abandon releases what a cancelled call may still have made. It goes over the same connection, behind the
// cancellation, so the process sees the two in order.
func (n *Nodes) abandon(call string) {
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Second)
	defer stop()
	// Nothing to tell: where the connection is gone so are the handles.
	_, _ = n.rpc.Release(ctx, &isacpb.ReleaseRequest{CallIds: []string{call}})
}

// Release gives handles back. Unknown handles are no error.
func (n *Nodes) Release(ctx context.Context, ids ...string) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := n.rpc.Release(ctx, &isacpb.ReleaseRequest{Ids: ids})
	return n.fail("release handles", err)
}

// Free gives memory back to the device. With handles it releases every handle, models among them, and the host has to
// forget what it remembers of them; without, only what the allocator keeps in reserve.
func (n *Nodes) Free(ctx context.Context, handles bool) error {
	_, err := n.rpc.Free(ctx, &isacpb.FreeRequest{Handles: handles})
	return n.fail("free memory", err)
}

// Stats says what is alive in the process. It never waits for a running node.
func (n *Nodes) Stats(ctx context.Context) (Stats, error) {
	answer, err := n.rpc.Stats(ctx, &isacpb.StatsRequest{})
	if err != nil {
		return Stats{}, n.fail("stats", err)
	}
	return statsFromProto(answer), nil
}

func (n *Nodes) fail(doing string, err error) error { return failure(n.explain, doing, err) }

// failure is the error of a call; explain, which may be nil, says more of one that the other side did not answer.
func failure(explain func(doing string, err error) error, doing string, err error) error {
	if err == nil {
		return nil
	}
	err = fromStatus(doing, err)
	if own := (*Error)(nil); explain == nil || errors.As(err, &own) && own.Kind != KindCancelled {
		return err
	}
	return explain(doing, err)
}
