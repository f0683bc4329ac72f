package vae

import (
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// In strips an image is what it is as a whole, decoded and encoded, at sizes that strips do not divide, one image and two, and takes less
// memory. What bfloat16 gives is held against float32: libtorch 1.13 computes the whole of two images wrong in it.
func TestStripsAreTheWhole(t *testing.T) {
	torchtest.Require(t)
	before := strips
	defer func() { strips = before }()
	src, json := source(t)
	cfg, err := ConfigFromWeights(src, json)
	if err != nil {
		t.Fatal(err)
	}
	whole := build(t, src, json)
	for dtype, tolerance := range map[torch.DType]float64{torch.Float32: 1e-5, torch.BFloat16: 0.1} {
		m, err := New(weights.NewParams(src, dtype, torch.CPU), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		fixture.InScope(t, func() {
			torch.NoGrad(func() {
				for _, size := range [][3]int64{{1, 61, 40}, {2, 11, 9}, {1, 96, 128}} {
					if dtype != torch.Float32 && size[2] == 128 {
						continue // on the CPU it takes half a minute
					}
					z := random(3, size[0], 4, size[1], size[2])
					decode := func(m *Model, cut layer.Strips) (image torch.Tensor, peak int64) {
						strips = cut
						torch.ResetPeak(torch.CPU)
						now := torch.MemoryStats(torch.CPU).Tensors
						image = m.Decode(z.To(m.DType())).To(torch.Float32)
						return image, torch.MemoryStats(torch.CPU).TensorsPeak - now
					}
					image, most := decode(whole, layer.Strips{})
					latent := must(whole.Encode(image))
					got, peak := decode(m, layer.Strips{Least: 1, Bytes: 1 << 16})
					fixture.Near(t, "decoded", got, image, tolerance)
					fixture.Near(t, "encoded", must(m.Encode(image.To(dtype))).To(torch.Float32), latent, tolerance)
					if size[2] == 128 && peak*4 > most*3 {
						t.Errorf("%v: in strips it takes %d KiB, as a whole %d", dtype, peak>>10, most>>10)
					}
				}
			})
		})
	}
}
