package unet

import (
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// TestTransformersKeepTheLayout holds that what comes out of attention lies in memory as what came in: convolutions copy their weights
// where it does not.
func TestTransformersKeepTheLayout(t *testing.T) {
	torchtest.Require(t)
	f, m := fixture.Open(t, "tiny"), tiny(t)
	fixture.InScope(t, func() {
		text := f.Tensor("unet.context").Narrow(0, 0, 1)
		layer := m.down[0].stages[0].attention
		for _, images := range []int64{1, 2} {
			x := torch.Ones([]int64{images, m.Config.Levels[0].Channels, 8, 8}, torch.Float32, torch.CPU)
			out := layer.forward(x, text.Expand(images, text.Size(1), text.Size(2)), nil)
			if !out.IsContiguous() {
				t.Errorf("%d images come out in another order of dimensions", images)
			}
		}
	})
}
