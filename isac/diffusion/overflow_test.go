package diffusion

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/diffusion/denoiser/unet"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// loud are a UNet's weights with self-attention whose scores are all far beyond float16's 65504, as they are in Stable Diffusion 2, and
// differ as little as before: the first number of each head's queries and keys is 512, whatever the image. The layer norm before has a
// channel that is constant for it.
type loud struct {
	weights.Source
	t     *testing.T
	width int64 // of a head
}

func (l loud) Tensor(name string) (torch.Tensor, error) {
	x, err := l.Source.Tensor(name)
	if err != nil {
		return x, err
	}
	const channel = 0
	set := func(values []float32, shape ...int64) (torch.Tensor, error) {
		return torch.FromFloat32s(values, shape...), nil
	}
	switch v := x.To(torch.Float32).Float32s(); {
	case strings.HasSuffix(name, ".norm1.weight") && x.Dim() == 1 && strings.Contains(name, "transformer_blocks"):
		v[channel] = 0
		return set(v, x.Shape()...)
	case strings.HasSuffix(name, ".norm1.bias") && strings.Contains(name, "transformer_blocks"):
		v[channel] = 1
		return set(v, x.Shape()...)
	case strings.HasSuffix(name, "attn1.to_q.weight"), strings.HasSuffix(name, "attn1.to_k.weight"):
		rows, columns := x.Size(0), x.Size(1)
		for r := range rows {
			v[r*columns+channel] = 0
			if r%l.width == 0 {
				for c := range columns {
					v[r*columns+c] = 0
				}
				v[r*columns+channel] = 512
			}
		}
		return set(v, rows, columns)
	}
	return x, nil
}

// TestScoresBeyondFloat16 guides a model of Stable Diffusion 2's kind whose scores overflow float16, in the types that this libtorch
// computes in: its predictions are finite, its maps are those of its queries and keys in double precision, and both presets move a latent
// as they do in float32.
func TestScoresBeyondFloat16(t *testing.T) {
	torchtest.Require(t)
	var want map[string][]float64
	for _, dtype := range []torch.DType{torch.Float32, torch.BFloat16, torch.Float16} {
		if dtype == torch.Float16 && !convolves(dtype) {
			t.Log("this libtorch has no convolution in float16 on the CPU: it has from 2.1 on")
			continue
		}
		p := loudPipeline(t, dtype)
		positive := encode(t, p, scene)
		fixture.InScope(t, func() {
			g := torch.NewGenerator(3)
			defer g.Close()
			x := g.Randn(1, int64(p.LatentChannels()), 8, 8)
			text, vector, err := p.place(positive, 8*p.Factor(), 8*p.Factor())
			if err != nil {
				t.Fatal(err)
			}
			r := &attention.Recorder{}
			out := must(p.model.Denoiser.ForwardContext(context.Background(), x.To(dtype), 500, text, vector, r))
			if !out.AllFinite() {
				t.Errorf("%s: the prediction is not finite", dtype)
			}
			beyond := 0
			for _, tap := range r.Taps() {
				scores := tap.Q.To(torch.Float64).Matmul(tap.K.To(torch.Float64).Transpose(2, 3)).MulScalar(tap.Scale)
				if scores.MinAll().Item() > 65504 {
					beyond++
				}
				// Scores of 10⁵ and more are rounded to 0.01 in float32: a hundredth of a probability.
				exact := scores.Softmax(-1).Mean([]int64{1}, false).Squeeze(0)
				if off := tap.Mean().To(torch.Float64).Sub(exact).Abs().MaxAll().Item() / exact.MaxAll().Item(); !(off < 0.02) {
					t.Errorf("%s: probabilities of %s are off by %v", dtype, tap.Name, off)
				}
			}
			if beyond < 2 {
				t.Errorf("%s: the scores of %d layers are beyond float16", dtype, beyond)
			}
			got := map[string][]float64{}
			for name, o := range map[string]isac.Options{"typed": isac.Typed(), "paper": isac.Paper()} {
				s, err := guidance.Open(guidance.Config{Model: p.Conditional(positive), Noise: p.Noise(), Method: o, Target: guided(positive).Target})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				d, report, err := s.Gradient(x, guidance.Step{Index: 1, Count: 4, Sigma: 1})
				if err != nil || report.Skipped != "" || !d.AllFinite() || !(report.Loss > 0) {
					t.Fatalf("%s, %s: %v, skipped %q, losses %v", dtype, name, err, report.Skipped, report.Losses)
				}
				got[name] = d.DivScalar(d.NormAll().Item()).Float64s()
			}
			if dtype == torch.Float32 {
				want = got
				return
			}
			for name := range want {
				cosine := 0.0
				for i := range want[name] {
					cosine += want[name][i] * got[name][i]
				}
				t.Logf("%s, %s: the cosine to float32's gradient is %.3f", dtype, name, cosine)
				if !(cosine > 0.5) {
					t.Errorf("%s, %s: the cosine to float32's gradient is %v", dtype, name, cosine)
				}
			}
		})
	}
}

// loudPipeline is the tiny Stable Diffusion 2 with loud weights, in a type.
func loudPipeline(t *testing.T, dtype torch.DType) *Pipeline {
	t.Helper()
	p := load(t, fixture.Dir("tiny-sd2"), LoadOptions{DType: dtype})
	file, err := weights.Open(filepath.Join(fixture.Dir("tiny-sd2"), "unet/diffusion_pytorch_model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	plain := p.model.Denoiser.(*unet.Model)
	cfg := plain.Config
	width := cfg.Levels[0].Channels / cfg.Levels[0].Heads
	for i, l := range cfg.Levels {
		if i > 0 && l.Channels/l.Heads != width {
			t.Fatalf("heads of %d and %d channels", width, l.Channels/l.Heads)
		}
	}
	m, err := unet.New(weights.NewParams(loud{file, t, width}, dtype, torch.CPU), cfg)
	if err != nil {
		t.Fatal(err)
	}
	p.model.Denoiser = m
	t.Cleanup(func() { // before the pipeline's own, which closes the denoiser that it was loaded with
		m.Close()
		p.model.Denoiser = plain
	})
	return p
}
