package unet

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// TestGraphsChangeNothing holds evaluations that are repeated equal to those that are not: predictions, taps, and the gradient of taps,
// at several timesteps, on the CPU and on a GPU where there is one.
func TestGraphsChangeNothing(t *testing.T) {
	torchtest.Require(t)
	devices := []torch.Device{torch.CPU}
	for _, d := range torch.GetInfo().Devices {
		if d.Device != torch.CPU && d.Total > 0 {
			devices = append(devices, d.Device)
		}
	}
	for _, c := range models {
		for _, dev := range devices {
			t.Run(c.name+" "+string(dev), func(t *testing.T) {
				plain, graphed := on(t, c.name, dev, c.load), on(t, c.name, dev, c.load)
				graphed.graphs = &attention.Graphs{}
				f := fixture.Open(t, c.name)
				fixture.InScope(t, func() { torch.WithGrad(func() { compare(t, f, plain, graphed) }) })
				if n := graphed.graphs.Recorded(); n != 2 || len(graphed.graphs.Errors()) > 0 {
					t.Errorf("%d graphs, errors %v", n, graphed.graphs.Errors())
				}
			})
		}
	}
}

// on loads a model of testdata onto a device.
func on(t *testing.T, name string, dev torch.Device, cpu func(*testing.T) *Model) *Model {
	if dev == torch.CPU {
		return cpu(t)
	}
	file, config := filepath.Join(fixture.Dir(name), "unet/diffusion_pytorch_model.safetensors"), filepath.Join(fixture.Dir(name), "unet/config.json")
	if name == "tiny-linear" {
		file, config = filepath.Join(fixture.Dir(name), "unet.safetensors"), filepath.Join(fixture.Dir(name), "config.json")
	}
	source, settings := fixture.Weights(t, file, config)
	cfg, err := ConfigFromWeights(source, settings)
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(weights.NewParams(source, torch.Float32, dev), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func compare(t *testing.T, f *fixture.Fixture, plain, graphed *Model) {
	dev := plain.Device()
	text, vector := f.Tensor("unet.context").ToDevice(dev), vectorOf(f, plain)
	if vector.Defined() {
		vector = vector.ToDevice(dev)
	}
	for i, step := range []float64{1, 500, 999, 40.5} {
		start := f.Tensor("unet.x").MulScalar(1 + float64(i)).ToDevice(dev)
		torch.NoGrad(func() {
			near(t, "prediction", graphed.Forward(start, step, text, vector, nil), plain.Forward(start, step, text, vector, nil))
		})
		taps := func(m *Model) (taps []attention.Tap, gradient torch.Tensor) {
			x := start.Clone().SetRequiresGrad(true)
			r := &attention.Recorder{Only: true}
			if _, err := m.ForwardContext(context.Background(), x, step, text, vector, r); err != nil {
				t.Fatal(err)
			}
			taps = r.Taps()
			loss := torch.Zeros(nil, torch.Float32, dev)
			for i, tap := range taps { // every other tap, so that some have no gradient
				if i%2 == 0 {
					loss = loss.Add(tap.Q.Square().MeanAll()).Add(tap.K.Sin().MeanAll())
				}
			}
			return taps, torch.Grad(loss, x)[0]
		}
		got, gotGradient := taps(graphed)
		want, wantGradient := taps(plain)
		if len(got) != len(want) {
			t.Fatalf("%d taps, want %d", len(got), len(want))
		}
		for j := range want {
			near(t, want[j].Name, got[j].Q, want[j].Q)
			near(t, want[j].Name, got[j].K, want[j].K)
			got[j].Q, got[j].K, want[j].Q, want[j].K = torch.Tensor{}, torch.Tensor{}, torch.Tensor{}, torch.Tensor{}
			if got[j].Name != want[j].Name || got[j].Grid() != want[j].Grid() || got[j].Scale != want[j].Scale || got[j].Half != want[j].Half ||
				got[j].Length(attention.Image) != want[j].Length(attention.Image) || got[j].Length(attention.Text) != want[j].Length(attention.Text) {
				t.Errorf("tap %d is %+v, want %+v", j, got[j], want[j])
			}
		}
		near(t, "gradient", gotGradient, wantGradient)
	}
}

// near allows for what a GPU's convolutions differ by from one run to the next.
func near(t *testing.T, what string, got, want torch.Tensor) {
	t.Helper()
	if d := got.Sub(want).NormAll().Item() / want.NormAll().Item(); !(d < 1e-4) {
		t.Errorf("%s differs by %g of its length", what, d)
	}
}
