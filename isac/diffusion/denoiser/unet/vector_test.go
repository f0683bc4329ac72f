package unet

import (
	"errors"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

func sizesOf(f *fixture.Fixture) Sizes {
	s := f.About.Sizes
	return Sizes{Height: s[0], Width: s[1], Top: s[2], Left: s[3], TargetHeight: s[4], TargetWidth: s[5]}
}

func TestAddedVectorEqualsDiffusers(t *testing.T) {
	torchtest.Require(t)
	f, m := fixture.Open(t, "tiny-sdxl"), folder("tiny-sdxl")(t)
	fixture.InScope(t, func() {
		pooled := f.Tensor("text2.pooled")
		before := torch.LiveHandles()
		v, err := m.Config.AddedVector(pooled, sizesOf(f))
		if err != nil {
			t.Fatal(err)
		}
		if left := torch.LiveHandles() - before; left != 1 {
			t.Errorf("%d tensors were left, want the vector alone", left)
		}
		f.Near("unet.vector", v, 1e-6)
		if v, err = m.Config.AddedVector(pooled.To(torch.BFloat16), sizesOf(f)); err != nil || v.DType() != torch.BFloat16 {
			t.Errorf("%v, %v, expected bfloat16", v.DType(), err)
		}
	})
}

func TestAddedVectorRefuses(t *testing.T) {
	torchtest.Require(t)
	fixture.InScope(t, func() {
		pooled := func(shape ...int64) torch.Tensor { return torch.Zeros(shape, torch.Float32, torch.CPU) }
		sdxl := Config{Vector: 2816, CosineFirst: true}
		if v, err := sdxl.AddedVector(pooled(1, 1280), Sizes{}); err != nil || v.Size(1) != 2816 {
			t.Errorf("SDXL's own: %v", err)
		}
		for _, c := range []struct {
			cfg    Config
			pooled torch.Tensor
			want   string
		}{
			{Config{}, pooled(1, 1280), "takes no vector"},
			{sdxl, pooled(1, 77, 1280), "[1 77 1280], expected [batch, width]"},
			{sdxl, pooled(1, 1281), "width 1281"},
			{sdxl, pooled(1, 2816), "width 2816"},
		} {
			if _, err := c.cfg.AddedVector(c.pooled, Sizes{}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, expected %q", err, c.want)
			}
		}
		if _, err := (Config{}).AddedVector(pooled(1, 4), Sizes{}); !errors.Is(err, weights.ErrUnsupported) {
			t.Errorf("%v, expected ErrUnsupported", err)
		}
	})
}

func TestVectorThatIsMissingOrTooMuchIsAnError(t *testing.T) {
	torchtest.Require(t)
	for _, c := range []struct {
		model  string
		vector []int64 // nil for none
		want   string
	}{
		{"tiny-sdxl", nil, "takes a vector [batch, 68]"},
		{"tiny-sd2", []int64{1, 68}, "[1 68] was given, and this model takes none"},
		{"tiny-sdxl", []int64{1, 67}, ""},
		{"tiny-sdxl", []int64{3, 68}, ""},
	} {
		m := folder(c.model)(t)
		err := torch.InScope(func() error {
			v := none
			if c.vector != nil {
				v = torch.Zeros(c.vector, torch.Float32, torch.CPU)
			}
			m.Forward(torch.Zeros([]int64{2, 4, 8, 8}, torch.Float32, torch.CPU), 1, torch.Zeros([]int64{2, 24, m.Config.Context}, torch.Float32, torch.CPU), v, nil)
			return nil
		})
		var e *torch.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s with a vector of shape %v: got %v, want a *torch.Error with %q", c.model, c.vector, err, c.want)
		}
	}
}
