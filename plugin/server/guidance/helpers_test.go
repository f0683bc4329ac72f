package guidance_test

import (
	"context"
	"net"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
	"github.com/isac-guidance/isac/nodes"
	"github.com/isac-guidance/isac/plugin"
	"github.com/isac-guidance/isac/plugin/await"
	"github.com/isac-guidance/isac/plugin/isacpb"
	"github.com/isac-guidance/isac/plugin/server"
)

const catsAndDog = "a photo of two cats and a dog"

// folder is where a model of these tests lies: "mini" is the bundled one, the others have random weights.
func folder(name string) string {
	if name == "mini" {
		return filepath.Join("..", "..", "..", "examples", "mini", "model")
	}
	return filepath.Join("..", "..", "..", "isac", "diffusion", "testdata", name)
}

// host is both services of a server without a process.
type host struct {
	*plugin.Nodes
	*plugin.Guidance
	conn *grpc.ClientConn
	// dial makes another connection.
	dial func() *grpc.ClientConn
}

// connect serves the models of some names.
func connect(t testing.TB, models ...string) host {
	t.Helper()
	var folders []string
	for _, name := range models {
		folders = append(folders, folder(name))
	}
	return serve(t, server.Options{Registry: nodes.Standard(), ModelPaths: folders})
}

// serve serves until the test ends, and then finds nothing left open.
func serve(t testing.TB, options server.Options) host {
	t.Helper()
	torchtest.Require(t)
	s := server.New(options)
	rpc := plugin.GRPCServer(nil)
	isacpb.RegisterNodesServer(rpc, s)
	isacpb.RegisterGuidanceServer(rpc, s.Guidance())
	listener := bufconn.Listen(1 << 20)
	go func() { _ = rpc.Serve(listener) }()
	dial := func() *grpc.ClientConn {
		t.Helper()
		through := grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) })
		conn, err := grpc.NewClient("passthrough:", append(plugin.DialOptions(), through, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	conn := dial()
	h := host{plugin.NewNodes(conn), plugin.NewGuidance(conn), conn, dial}
	t.Cleanup(func() {
		h.idle(t)
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		rpc.Stop()
		s.Close()
	})
	return h
}

// idle waits until no session is open and none of their tensors is alive.
func (h host) idle(t testing.TB) {
	t.Helper()
	var s plugin.Stats
	if !await.Within(5*time.Second, func() bool {
		var err error
		s, err = h.Stats(context.Background())
		return err == nil && s.GuidanceSessions == 0 && (len(s.Handles) > 0 || s.Tensors == 0)
	}) {
		t.Errorf("left behind: %d sessions, %d tensors", s.GuidanceSessions, s.Tensors)
	}
}

// open opens a session that has to open, and closes it at the end.
func (h host) open(t testing.TB, config plugin.GuidanceConfig) *plugin.GuidanceSession {
	t.Helper()
	s, err := h.Guidance.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// simple is a session that guides every step of the mini model.
func simple() plugin.GuidanceConfig {
	return plugin.GuidanceConfig{
		Checkpoint: "mini", Prompt: catsAndDog, Parametrisation: plugin.ParametrisationComfyUI,
		Options: map[string]string{"end": "1", "eta": "0.2"},
	}
}

// sent is a tensor as a host sends it.
func sent(x torch.Tensor, dtype plugin.DType) plugin.Tensor {
	to := map[plugin.DType]torch.DType{plugin.Float32: torch.Float32, plugin.Float16: torch.Float16, plugin.BFloat16: torch.BFloat16}[dtype]
	return plugin.Tensor{DType: dtype, Shape: x.Shape(), Data: x.To(to).Contiguous().Bytes()}
}

// got is what came back of it, in float32.
func got(t testing.TB, x plugin.Tensor) torch.Tensor {
	t.Helper()
	values, err := x.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	return torch.FromFloat32s(values, x.Shape...)
}

// noise is unit noise of a seed as a host sends it, at a σ of ComfyUI's.
func noise(seed uint64, sigma float64, shape ...int64) plugin.Tensor {
	var out plugin.Tensor
	_ = torch.InScope(func() error {
		g := torch.NewGenerator(seed)
		defer g.Close()
		out = sent(g.Randn(shape...).MulScalar(sigma), plugin.Float32)
		return nil
	})
	return out
}
