package mmdit

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// open loads a model of testdata.
func open(t *testing.T, weightsFile, configFile string, dtype torch.DType) *Model {
	t.Helper()
	file, settings := fixture.Weights(t, weightsFile, configFile)
	cfg, err := ConfigFromWeights(file, settings)
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(weights.NewParams(file, dtype, torch.CPU), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func tiny(t *testing.T) *Model { return openAs(t, torch.Float32) }

func openAs(t *testing.T, dtype torch.DType) *Model {
	dir := filepath.Join(fixture.Dir("tiny-sd3"), "transformer")
	return open(t, filepath.Join(dir, "diffusion_pytorch_model.safetensors"), filepath.Join(dir, "config.json"), dtype)
}

func tinyMedium(t *testing.T) *Model {
	dir := fixture.Dir("tiny-sd3-medium")
	return open(t, filepath.Join(dir, "transformer.safetensors"), filepath.Join(dir, "config.json"), torch.Float32)
}

// models are the two random models: in the form of 3.5 Medium, with norms of queries and keys and a second attention in two of three
// blocks, and in that of 3 Medium, which has neither.
var models = []struct {
	name string
	load func(*testing.T) *Model
}{{"tiny-sd3", tiny}, {"tiny-sd3-medium", tinyMedium}}

// forward runs the model on the fixture's conditioning, as many rows of it as x has.
func forward(t *testing.T, f *fixture.Fixture, m *Model, x torch.Tensor, step float64, rec *attention.Recorder) torch.Tensor {
	t.Helper()
	rows := x.Size(0)
	out, err := m.ForwardContext(context.Background(), x, step,
		f.Tensor("mmdit.context").Narrow(0, 0, rows), f.Tensor("mmdit.vector").Narrow(0, 0, rows), rec)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestForwardEqualsDiffusers(t *testing.T) {
	torchtest.Require(t)
	for _, c := range models {
		t.Run(c.name, func(t *testing.T) {
			f, m := fixture.Open(t, c.name), c.load(t)
			fixture.InScope(t, func() {
				for _, step := range []float64{1, 500, 732.25, 1000} {
					f.Near(fmt.Sprintf("mmdit.out.%v", step), forward(t, f, m, f.Tensor("mmdit.x"), step, nil), 1e-5)
				}
			})
		})
	}
}

func TestSidesThatPatchesDoNotDivide(t *testing.T) {
	torchtest.Require(t)
	for _, c := range models {
		f, m := fixture.Open(t, c.name), c.load(t)
		fixture.InScope(t, func() {
			rec := &attention.Recorder{}
			f.Near("mmdit.odd.out", forward(t, f, m, f.Tensor("mmdit.odd"), 250, rec), 1e-5)
			if g := rec.Taps()[0].Grid(); g != (attention.Grid{Height: 3, Width: 4}) {
				t.Errorf("5×7 pixels lie on a grid of %s, want 3x4", g)
			}
		})
	}
}

// The gradients of a weighted output with respect to the latent, the text and the pooled text.
func TestGradientEqualsDiffusers(t *testing.T) {
	torchtest.Require(t)
	for _, c := range models {
		for _, checkpoint := range []bool{false, true} {
			for _, rec := range []*attention.Recorder{nil, {}} {
				t.Run(fmt.Sprintf("%s checkpoint %v recorded %v", c.name, checkpoint, rec.On()), func(t *testing.T) {
					f, m := fixture.Open(t, c.name), c.load(t)
					m.Checkpoint(checkpoint)
					fixture.InScope(t, func() {
						torch.WithGrad(func() {
							var leaves []torch.Tensor
							for _, name := range []string{"mmdit.x", "mmdit.context", "mmdit.vector"} {
								leaves = append(leaves, f.Tensor(name).SetRequiresGrad(true))
							}
							out, err := m.ForwardContext(context.Background(), leaves[0], 500, leaves[1], leaves[2], rec)
							if err != nil {
								t.Fatal(err)
							}
							grads := torch.Grad(out.Mul(f.Tensor("mmdit.weighting")).SumAll(), leaves...)
							for i, name := range []string{"mmdit.grad", "mmdit.grad.context", "mmdit.grad.vector"} {
								f.Near(name, grads[i], 1e-5)
							}
						})
					})
				})
			}
		}
	}
}

func TestTapsEqualDiffusers(t *testing.T) {
	torchtest.Require(t)
	for _, c := range models {
		t.Run(c.name, func(t *testing.T) {
			f, m := fixture.Open(t, c.name), c.load(t)
			var names []string
			fixture.InScope(t, func() {
				rec := &attention.Recorder{}
				forward(t, f, m, f.Tensor("mmdit.x"), 500, rec)
				for _, tap := range rec.Taps() {
					names = append(names, tap.Name)
					f.Near("tap."+tap.Name, fixture.Weighted(tap), 1e-5)
					keys, second := attention.Self(4, 6), strings.HasSuffix(tap.Name, "attn2")
					if !second {
						keys = append(keys, attention.Cross(10)...)
					}
					if tap.Grid() != (attention.Grid{Height: 4, Width: 6}) || tap.Auxiliary != second || !slices.Equal(tap.Keys, keys) {
						t.Errorf("%s: grid %s, auxiliary %v, keys %v", tap.Name, tap.Grid(), tap.Auxiliary, tap.Keys)
					}
				}
			})
			if !slices.Equal(names, f.About.Taps) {
				t.Errorf("layers %q\nwant %q", names, f.About.Taps)
			}
		})
	}
}

// What one image shows is what attention.Read accepts, with the text's segments as the model was told them.
func TestTapsAreReadWithTheSegmentsOfTheText(t *testing.T) {
	torchtest.Require(t)
	f, m := fixture.Open(t, "tiny-sd3"), tiny(t)
	segments := []attention.Segment{{Kind: attention.Text, Length: 7, Encoder: "clip"}, {Kind: attention.Text, Length: 3, Encoder: "t5"}}
	m.TextSegments = func(tokens int) []attention.Segment { return segments[:min(tokens/5, 2)] }
	fixture.InScope(t, func() {
		rec := &attention.Recorder{}
		forward(t, f, m, f.Tensor("mmdit.x").Narrow(0, 0, 1), 500, rec)
		reading, err := attention.Read(rec.Taps())
		if err != nil {
			t.Fatal(err)
		}
		if reading.Tokens != 10 || reading.Top.String() != "4x6" || !slices.Equal(reading.Taps[0].Keys[1:], segments) {
			t.Errorf("%d tokens, top %s, keys %v", reading.Tokens, reading.Top, reading.Taps[0].Keys)
		}
		short := f.Tensor("mmdit.context").Narrow(1, 0, 9)
		_, err = m.ForwardContext(context.Background(), f.Tensor("mmdit.x"), 1, short, f.Tensor("mmdit.vector"), nil)
		if err == nil || !strings.Contains(err.Error(), "9 tokens, its segments 7") {
			t.Errorf("nine tokens in a segment of seven: got %v", err)
		}
	})
}

// A loss on the taps alone has the same gradient with and without checkpointing, and reaches x.
func TestTapsCarryGradient(t *testing.T) {
	torchtest.Require(t)
	f, m := fixture.Open(t, "tiny-sd3"), tiny(t)
	fixture.InScope(t, func() {
		var grads []torch.Tensor
		for _, checkpoint := range []bool{false, true} {
			m.Checkpoint(checkpoint)
			torch.WithGrad(func() {
				x := f.Tensor("mmdit.x").SetRequiresGrad(true)
				loss := torch.Zeros([]int64{}, torch.Float32, torch.CPU)
				rec := &attention.Recorder{}
				forward(t, f, m, x, 500, rec)
				for _, tap := range rec.Taps() {
					loss = loss.Add(fixture.Weighted(tap).Square().SumAll())
				}
				grads = append(grads, torch.Grad(loss, x)[0])
			})
		}
		if grads[0].NormAll().Item() == 0 {
			t.Error("the gradient is 0")
		}
		fixture.Near(t, "gradient of taps with checkpoints", grads[1], grads[0], 1e-5)
	})
}
