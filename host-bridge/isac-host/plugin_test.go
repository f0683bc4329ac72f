package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"testing"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/isac-guidance/isac/host-bridge/internal/arithmetic"
	"github.com/isac-guidance/isac/plugin"
	"github.com/isac-guidance/isac/plugin/isacpb"
)

// TestMain makes the test's own executable a plugin when a host starts it as one: the host under test then talks to a real
// process over the real connection, only that its nodes compute with integers.
func TestMain(m *testing.M) {
	if os.Getenv(plugin.Handshake.MagicCookieKey) != plugin.Handshake.MagicCookieValue {
		os.Exit(m.Run())
	}
	go func() { // the lifeline
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	stderr := os.Stderr // Serve puts a pipe in its place, which dies with the process
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig:  plugin.Handshake,
		VersionedPlugins: plugin.Versions(&service{nodes: arithmetic.New(), stderr: stderr}),
		GRPCServer:       plugin.GRPCServer,
	})
}

// service offers the arithmetic nodes, and Die, which ends the process in the middle of its work.
type service struct {
	isacpb.UnimplementedNodesServer
	nodes  *arithmetic.Nodes
	stderr io.Writer
}

func (s *service) Describe(context.Context, *isacpb.DescribeRequest) (*isacpb.DescribeResponse, error) {
	entries := maps.Clone(arithmetic.Entries)
	entries["Die"] = json.RawMessage(`{"input":{"required":{"a":["NUMBER"]}},"output":["NUMBER"],"output_node":false}`)
	return plugin.DescriptionToProto(plugin.Description{Version: "v0.0.1-arithmetic", Nodes: entries}), nil
}

func (s *service) Execute(r *isacpb.ExecuteRequest, stream grpc.ServerStreamingServer[isacpb.ExecuteResponse]) error {
	if r.ClassType == "Die" {
		fmt.Fprintln(s.stderr, "the last words of the plugin")
		os.Exit(7)
	}
	inputs := map[string]plugin.Value{}
	for name, v := range r.Inputs {
		inputs[name] = plugin.ValueFromProto(v)
	}
	request := plugin.Request{PromptID: r.PromptId, NodeID: r.NodeId, Class: r.ClassType, Inputs: inputs, Workflow: r.Workflow}
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

func (s *service) Release(ctx context.Context, r *isacpb.ReleaseRequest) (*isacpb.ReleaseResponse, error) {
	return &isacpb.ReleaseResponse{}, s.nodes.Release(ctx, r.Ids...)
}
