// Package server is the contract's other side: it runs nodes for hosts, keeps what they make, and serves as a process
// under go-plugin. Package plugin is what hosts use.
package server

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/nodes"
	"github.com/isac-guidance/isac/plugin"
	"github.com/isac-guidance/isac/plugin/isacpb"
	"github.com/isac-guidance/isac/plugin/server/guidance"
)

// Options say what is served. Registry is needed, the rest may be zero.
type Options struct {
	Registry *nodes.Registry
	// Version of the build.
	Version string
	// Families are the model families that the registry's loaders take.
	Families []string
	// ModelPaths are the directories in which loaders look.
	ModelPaths []string
	// Device is where models run; empty means the CPU.
	Device torch.Device
	// LoRAPaths are folders of LoRAs beside those in ModelPaths.
	LoRAPaths []string
	// DType is what models compute in, float32 if zero; with AutoDType what suits Device. Checkpoint and AutoCheckpoint are as in
	// diffusion.LoadOptions.
	DType                      torch.DType
	AutoDType                  bool
	Checkpoint, AutoCheckpoint bool
	// Tiling and TextOffload are as in diffusion.LoadOptions.
	Tiling      diffusion.Tiling
	TextOffload diffusion.TextOffload
	// MaxMemory bounds what models and runs together take on Device, in bytes; 0 is what the device has.
	MaxMemory int64
	Log       hclog.Logger
	// Shared is a folder that this process and its host have to themselves; "" where there is none.
	Shared string
	// Fatal, where not nil, is called when an error has left the device unusable for this process. It must not block.
	Fatal func(error)
}

// Server is the Nodes service. All nodes run one after another on one thread, the executor's.
type Server struct {
	isacpb.UnimplementedNodesServer
	options Options
	started time.Time
	handles *table
	library *library
	mu      sync.Mutex
	running map[*run]struct{}
	// encoders are the text encoders of all models that are loaded here.
	encoders diffusion.Encoders
	// guidance is the other service of the process; it shares executor and checkpoints.
	guidance *guidance.Service
}

// New makes a server; it neither listens nor loads libtorch yet. Close has to be called.
func New(options Options) *Server {
	if options.Log == nil {
		options.Log = hclog.NewNullLogger()
	}
	s := &Server{options: options, started: time.Now(), handles: newTable(), library: newLibrary(), running: map[*run]struct{}{}}
	s.guidance = guidance.New(guidance.Host{
		Registry: options.Registry, Env: s.env, Do: s.do, Shared: options.Shared,
		Report: func(err error) *plugin.Error { return s.report(err, options.Log.With("service", "guidance")) },
	})
	return s
}

// Guidance is the Guidance service, on the same thread and the same checkpoints as the nodes.
func (s *Server) Guidance() isacpb.GuidanceServer { return s.guidance }

// do runs fn on the thread that owns the models, and loads libtorch first.
func (s *Server) do(ctx context.Context, fn func() error) error {
	executor, err := s.library.wait(ctx)
	if err != nil && ctx.Err() == nil {
		return &plugin.Error{Kind: plugin.KindUnavailable, Message: err.Error()}
	}
	if err != nil {
		return err
	}
	return executor.Do(ctx, fn)
}

// Close releases all handles and ends the executor. No call may be under way.
func (s *Server) Close() {
	s.handles.releaseAll()
	s.library.close()
}

// env is what every node of this server gets; a run adds its own callbacks.
func (s *Server) env() *nodes.Env {
	o := s.options
	return &nodes.Env{
		ModelPaths: o.ModelPaths, LoRAPaths: o.LoRAPaths, Device: o.Device, MaxMemory: o.MaxMemory,
		DType: o.DType, AutoDType: o.AutoDType, Checkpoint: o.Checkpoint, AutoCheckpoint: o.AutoCheckpoint,
		Tiling: o.Tiling, TextOffload: o.TextOffload, Encoders: &s.encoders,
	}
}

// Description says what the server can do. It loads libtorch first; if that cannot be loaded, it says so.
func (s *Server) Description(ctx context.Context) (plugin.Description, error) {
	d := plugin.Description{
		Version: s.options.Version, Protocols: plugin.Protocols(), Families: s.options.Families, Nodes: map[string]json.RawMessage{},
	}
	for class, info := range s.options.Registry.Infos(s.env()) {
		text, err := json.Marshal(info)
		if err != nil {
			return plugin.Description{}, fmt.Errorf("describe node %s: %w", class, err)
		}
		d.Nodes[class] = text
	}
	if _, err := s.library.wait(ctx); err != nil {
		if ctx.Err() != nil {
			return plugin.Description{}, ctx.Err()
		}
		d.Torch.Error = err.Error()
		return d, nil
	}
	d.Torch, d.Devices = inspect()
	return d, nil
}

// Describe says what the process can do.
func (s *Server) Describe(ctx context.Context, _ *isacpb.DescribeRequest) (*isacpb.DescribeResponse, error) {
	d, err := s.Description(ctx)
	if err != nil {
		return nil, classify(err)
	}
	return plugin.DescriptionToProto(d), nil
}

// Release gives handles back.
func (s *Server) Release(_ context.Context, request *isacpb.ReleaseRequest) (*isacpb.ReleaseResponse, error) {
	released := s.handles.releaseIDs(request.Ids) + s.handles.releaseCalls(request.CallIds)
	return &isacpb.ReleaseResponse{Released: int32(released)}, nil
}

// Free gives memory back. What a running node uses is given back when it ends, for which Free waits.
func (s *Server) Free(ctx context.Context, request *isacpb.FreeRequest) (*isacpb.FreeResponse, error) {
	released := 0
	if request.Handles {
		released = s.handles.releaseAll()
	}
	// Without libtorch there is nothing to empty, and no reason to load it.
	if exec := s.library.loaded(); exec != nil {
		if err := exec.Do(ctx, func() error { emptyCaches(); return nil }); err != nil {
			return nil, classify(err)
		}
	}
	return &isacpb.FreeResponse{Released: int32(released)}, nil
}

// Stats says what is alive.
func (s *Server) Stats(context.Context, *isacpb.StatsRequest) (*isacpb.StatsResponse, error) {
	answer := &isacpb.StatsResponse{
		Handles: s.handles.count(), ResidentBytes: residentBytes(), Running: s.runs(),
		UptimeSeconds: time.Since(s.started).Seconds(), Pid: int32(os.Getpid()), GuidanceSessions: int32(s.guidance.Sessions()),
	}
	if s.library.loaded() != nil {
		answer.Tensors = int64(torch.LiveHandles())
		_, devices := inspect()
		for i, d := range devices {
			there, away := s.encoders.Held(torch.Device(d.Name))
			devices[i].TextBytes, devices[i].TextAwayBytes = size(there), size(away)
		}
		answer.Devices = plugin.DevicesToProto(devices)
	}
	return answer, nil
}
