// Package served makes a test's own executable a plugin that offers the arithmetic nodes: the host under test then talks to a real
// process over the real connection, only that its nodes compute with integers.
package served

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/isac-guidance/isac/host-bridge/internal/arithmetic"
	"github.com/isac-guidance/isac/plugin"
	"github.com/isac-guidance/isac/plugin/isacpb"
)

const (
	// EnvPrefix goes before the names of all classes, for two plugins in one host.
	EnvPrefix = "ISAC_ARITHMETIC_PREFIX"
	// EnvObstacle is the path of a file that keeps the process from starting while it is there.
	EnvObstacle = "ISAC_ARITHMETIC_OBSTACLE"
)

// Main serves if a host has started the process as a plugin, and never returns then. TestMain calls it first.
func Main() {
	if os.Getenv(plugin.Handshake.MagicCookieKey) != plugin.Handshake.MagicCookieValue {
		return
	}
	if path := os.Getenv(EnvObstacle); path != "" {
		if _, err := os.Stat(path); err == nil {
			fmt.Fprintln(os.Stderr, "the plugin stumbles over", path)
			os.Exit(3)
		}
	}
	go func() { // the lifeline
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	nodes := arithmetic.New()
	nodes.Prefix = rand.Text()
	stderr := os.Stderr // Serve puts a pipe in its place, which dies with the process
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig:  plugin.Handshake,
		VersionedPlugins: plugin.Versions(&service{nodes: nodes, stderr: stderr, prefix: os.Getenv(EnvPrefix)}),
		GRPCServer:       plugin.GRPCServer,
	})
	os.Exit(0)
}

// service offers the arithmetic nodes; Die, which ends the process in the middle of its work; and Hang, which never ends, whoever asks.
type service struct {
	isacpb.UnimplementedNodesServer
	mu      sync.Mutex
	running []*isacpb.Running
	nodes   *arithmetic.Nodes
	stderr  io.Writer
	prefix  string
}

func (s *service) Describe(context.Context, *isacpb.DescribeRequest) (*isacpb.DescribeResponse, error) {
	entries := map[string]json.RawMessage{
		s.prefix + "Die":  json.RawMessage(`{"input":{"required":{"a":["NUMBER"]}},"output":["NUMBER"],"output_node":false}`),
		s.prefix + "Hang": json.RawMessage(`{"input":{"required":{"a":["NUMBER"]}},"output":["NUMBER"],"output_node":false}`),
	}
	for class, entry := range arithmetic.Entries {
		entries[s.prefix+class] = entry
	}
	return plugin.DescriptionToProto(plugin.Description{Version: "v0.0.1-arithmetic", Nodes: entries}), nil
}

func (s *service) Execute(r *isacpb.ExecuteRequest, stream grpc.ServerStreamingServer[isacpb.ExecuteResponse]) error {
	class := r.ClassType[len(s.prefix):]
	defer s.enter(r)()
	switch class {
	case "Die":
		fmt.Fprintln(s.stderr, "the last words of the plugin")
		os.Exit(7)
	case "Hang":
		select {}
	}
	inputs := map[string]plugin.Value{}
	for name, v := range r.Inputs {
		inputs[name] = plugin.ValueFromProto(v)
	}
	request := plugin.Request{PromptID: r.PromptId, NodeID: r.NodeId, Class: class, Inputs: inputs, Workflow: r.Workflow}
	result, err := s.nodes.Execute(stream.Context(), request, func(e plugin.Event) {
		switch {
		case e.Progress != nil:
			_ = stream.Send(&isacpb.ExecuteResponse{Event: &isacpb.ExecuteResponse_Progress{
				Progress: &isacpb.Progress{Value: int64(e.Progress.Value), Max: int64(e.Progress.Max)}}})
		case e.Step != nil:
			_ = stream.Send(&isacpb.ExecuteResponse{Event: &isacpb.ExecuteResponse_Step{Step: e.Step}})
		}
	})
	if err != nil {
		return err
	}
	for _, f := range result.Files {
		err := stream.Send(&isacpb.ExecuteResponse{Event: &isacpb.ExecuteResponse_File{
			File: &isacpb.File{Name: f.Name, Subfolder: f.Subfolder, Type: f.Type, Data: f.Data}}})
		if err != nil {
			return err
		}
	}
	out := &isacpb.Result{Ui: result.UI}
	for _, v := range result.Outputs {
		out.Outputs = append(out.Outputs, v.ToProto())
	}
	return stream.Send(&isacpb.ExecuteResponse{Event: &isacpb.ExecuteResponse_Result{Result: out}})
}

// enter notes a call that is at work, until what it returns is called.
func (s *service) enter(r *isacpb.ExecuteRequest) func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	call := &isacpb.Running{PromptId: r.PromptId, NodeId: r.NodeId, ClassType: r.ClassType}
	s.running = append(s.running, call)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.running = slices.DeleteFunc(s.running, func(other *isacpb.Running) bool { return other == call })
	}
}

func (s *service) Stats(context.Context, *isacpb.StatsRequest) (*isacpb.StatsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &isacpb.StatsResponse{Running: slices.Clone(s.running), Pid: int32(os.Getpid())}, nil
}

func (s *service) Release(ctx context.Context, r *isacpb.ReleaseRequest) (*isacpb.ReleaseResponse, error) {
	return &isacpb.ReleaseResponse{}, s.nodes.Release(ctx, r.Ids...)
}

func (s *service) Free(context.Context, *isacpb.FreeRequest) (*isacpb.FreeResponse, error) {
	return &isacpb.FreeResponse{}, nil
}
