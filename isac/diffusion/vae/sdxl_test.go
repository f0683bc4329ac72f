package vae

import (
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// SDXL's autoencoder is Stable Diffusion 1's with other weights and another scaling. Its float16 overflows, so it is loaded in float32,
// or in bfloat16, which has float32's range.
func TestSDXLEqualsDiffusers(t *testing.T) {
	torchtest.Require(t)
	f := fixture.Open(t, "tiny-sdxl")
	src, json := folder(t, "tiny-sdxl")
	cfg, err := ConfigFromWeights(src, json)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Scaling != 0.13025 || cfg.Shift != 0 {
		t.Errorf("scaling %g, shift %g, expected 0.13025 and 0", cfg.Scaling, cfg.Shift)
	}
	for dtype, rel := range map[torch.DType]float64{torch.Float32: 1e-5, torch.BFloat16: 0.05} {
		m, err := New(weights.NewParams(src, dtype, torch.CPU), cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(m.Close)
		if m.DType() != dtype {
			t.Errorf("computes in %v, expected %v", m.DType(), dtype)
		}
		fixture.InScope(t, func() {
			f.Near("vae.decoded", m.Decode(f.Tensor("vae.z").To(dtype)), rel)
			mean, err := m.Encode(f.Tensor("vae.image").To(dtype))
			if err != nil {
				t.Fatal(err)
			}
			f.Near("vae.mean", mean, rel)
			f.Near("run.image", m.Decode(f.Tensor("run.euler").DivScalar(cfg.Scaling).To(dtype)), rel)
		})
	}
}
