package unet

import (
	"path/filepath"
	"testing"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// upcastModel is Stable Diffusion 2's UNet in bfloat16, with or without attention in float32.
func upcastModel(t *testing.T, upcast bool) *Model {
	t.Helper()
	file, err := weights.Open(filepath.Join(fixture.Dir("tiny-sd2"), "unet/diffusion_pytorch_model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cfg := folder("tiny-sd2")(t).Config
	if !cfg.Upcast {
		t.Fatal("config.json says upcast_attention")
	}
	cfg.Upcast = upcast
	m, err := New(weights.NewParams(file, torch.BFloat16, torch.CPU), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// One layer, on the queries and keys that it has in bfloat16: with scores of some tens, as Stable Diffusion 2 has them, their bfloat16
// is off by tenths.
func TestUpcastAttentionIsNearerToFloat32(t *testing.T) {
	torchtest.Require(t)
	var off [2]float64
	for i, upcast := range []bool{false, true} {
		m := upcastModel(t, upcast)
		layer := m.down[0].stages[0].attention.blocks[0].self
		fixture.InScope(t, func() {
			g := torch.NewGenerator(1)
			defer g.Close()
			x := g.Randn(1, 64, 8).MulScalar(6).To(torch.BFloat16)
			rec := &attention.Recorder{}
			got := layer.forward(x, x, 8, 8, rec)
			if got.DType() != torch.BFloat16 {
				t.Errorf("output in %v, want the model's bfloat16", got.DType())
			}
			tap := rec.Taps()[0]
			want := map[bool]torch.DType{false: torch.BFloat16, true: torch.Float32}[upcast]
			if tap.Q.DType() != want || tap.K.DType() != want {
				t.Errorf("upcast %v: queries in %v, keys in %v, want %v", upcast, tap.Q.DType(), tap.K.DType(), want)
			}
			probs := tap.Q.To(torch.Float32).Matmul(tap.K.To(torch.Float32).Transpose(2, 3)).MulScalar(tap.Scale).Softmax(-1)
			v := layer.v.Forward(x).Reshape(1, 64, 1, 8).Transpose(1, 2)
			exact := layer.out.Forward(probs.Matmul(v.To(torch.Float32)).Transpose(1, 2).Reshape(1, 64, 8).To(torch.BFloat16))
			off[i], _ = fixture.Difference(got, exact)
		})
	}
	t.Logf("off by %.2g in bfloat16, %.2g in float32", off[0], off[1])
	if !(off[0] > 1e-3 && off[1] < off[0]/4) {
		t.Errorf("attention in float32 is off by %g, in bfloat16 by %g", off[1], off[0])
	}
}

// The whole model: in bfloat16 either way, near the float32 numbers, and not the same.
func TestUpcastModel(t *testing.T) {
	torchtest.Require(t)
	f := fixture.Open(t, "tiny-sd2")
	fixture.InScope(t, func() {
		var out [2]torch.Tensor
		for i, upcast := range []bool{false, true} {
			out[i] = upcastModel(t, upcast).Forward(f.Tensor("unet.x").To(torch.BFloat16), 500, f.Tensor("unet.context").To(torch.BFloat16), none, nil)
			f.Near("unet.out.500", out[i], 0.05)
		}
		if d, _ := fixture.Difference(out[1], out[0]); d == 0 {
			t.Error("attention in float32 changes nothing")
		}
	})
}
