package unet

import (
	"fmt"
	"slices"

	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// Sizes are the numbers in pixels that SDXL is told besides the text: of the picture as it was before it was resized and cropped
// for training, of the crop's upper left corner in it, and of the crop. Whoever wants a whole picture of H×W gives
// {H, W, 0, 0, H, W}.
type Sizes struct {
	Height, Width             int // original_size
	Top, Left                 int // crops_coords_top_left
	TargetHeight, TargetWidth int // target_size
}

// list is the order in which the model was trained to read them.
func (s Sizes) list() []int {
	return []int{s.Height, s.Width, s.Top, s.Left, s.TargetHeight, s.TargetWidth}
}

// AddedVector gives the vector [B,Vector] that a UNet with added conditioning takes: the pooled text [B,P], and after it each of the
// six sizes as (Vector-P)/6 values, which are 256 in SDXL: cosines first, then sines. It has pooled's type and device. It is an
// error where the model takes no vector, or where no such number of values remains beside the pooled text.
func (c Config) AddedVector(pooled torch.Tensor, s Sizes) (torch.Tensor, error) {
	if c.Vector == 0 {
		return torch.Tensor{}, fmt.Errorf("unet: this model takes no vector of pooled text and sizes: %w", weights.ErrUnsupported)
	}
	sizes, shape := s.list(), pooled.Shape()
	if len(shape) != 2 {
		return torch.Tensor{}, fmt.Errorf("unet: pooled text of shape %v, expected [batch, width]", shape)
	}
	rest, n := c.Vector-shape[1], int64(2*len(sizes))
	if rest <= 0 || rest%n != 0 {
		return torch.Tensor{}, fmt.Errorf("unet: pooled text of width %d, expected one that leaves a multiple of %d of the vector's %d for the sizes (1280 in SDXL): give the pooled text of the model's own text encoder with the projection",
			shape[1], n, c.Vector)
	}
	w := c.waves(rest / int64(len(sizes)))
	var values []float32
	for _, size := range sizes {
		values = append(values, w.at(float64(size))...)
	}
	var out torch.Tensor
	err := torch.Try(func() error {
		out = torch.Scoped(func() torch.Tensor {
			rows := torch.FromFloat32s(slices.Repeat(values, int(shape[0])), shape[0], rest)
			return torch.Cat([]torch.Tensor{pooled, rows.To(pooled.DType()).ToDevice(pooled.Device())}, 1)
		})
		return nil
	})
	return out, err
}

// vectorEmbedding is what becomes of that vector: two linear layers, whose output is added to the timestep's embedding.
type vectorEmbedding struct{ linear1, linear2 layer.Linear }

func newVectorEmbedding(p *weights.Params, cfg Config) *vectorEmbedding {
	if cfg.Vector == 0 {
		return nil
	}
	return &vectorEmbedding{
		linear1: layer.NewLinear(p.Sub("linear_1"), cfg.Vector, cfg.TimeWidth), linear2: layer.NewLinear(p.Sub("linear_2"), cfg.TimeWidth, cfg.TimeWidth),
	}
}

// forward maps vector [B,Vector] to [B,TimeWidth].
func (e *vectorEmbedding) forward(vector torch.Tensor) torch.Tensor {
	return torch.Scoped(func() torch.Tensor { return e.linear2.Forward(e.linear1.Forward(vector).Silu()) })
}

// checkVector panics unless there is a vector exactly where the model takes one.
func (m *Model) checkVector(vector torch.Tensor) {
	message := ""
	switch {
	case m.vector != nil && !vector.Defined():
		message = fmt.Sprintf("unet: this model takes a vector [batch, %d] of pooled text and sizes, and none was given: make it with Config.AddedVector", m.Config.Vector)
	case m.vector == nil && vector.Defined():
		message = fmt.Sprintf("unet: a vector of shape %v was given, and this model takes none: leave it undefined", vector.Shape())
	default:
		return
	}
	panic(&torch.Error{Kind: torch.KindArgument, Message: message})
}
