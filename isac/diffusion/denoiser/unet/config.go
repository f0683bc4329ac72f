package unet

import (
	"slices"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// Config describes a UNet. All sizes are detected from tensor shapes; Heads, Groups, Eps and the time embedding's form are not to be
// seen there and come from config.json, or are what Stable Diffusion 1.x, 2.x and XL have.
type Config struct {
	InChannels  int64   // of the latent that goes in
	OutChannels int64   // of the prediction
	TimeWidth   int64   // of the timestep embedding after its two linear layers
	Context     int64   // width of the conditioning, 0 where no layer reads it
	Vector      int64   // width of the vector that is taken in beside the conditioning, pooled text and sizes (SDXL); 0 for none
	Levels      []Level // finest resolution first
	MidResnets  int     // residual blocks at the bottom; there is an attention block between every two of them, unless MidDepth is 0
	MidDepth    int     // transformer blocks of a bottom attention
	Linear      bool    // use_linear_projection: the attention's way in and out is stored as a linear layer, not as a 1×1 convolution

	Groups      int64   // norm_num_groups, 32
	Eps         float64 // norm_eps, 1e-5
	CosineFirst bool    // flip_sin_to_cos, true
	FreqShift   float64 // freq_shift, 0
	Upcast      bool    // upcast_attention: attention is computed in float32 at least, whatever the model computes in, always so in Stable Diffusion 2.x
}

// Level is one resolution. Down and Up have the number of transformer blocks in the attention after each residual block, 0 where
// there is none. The way up has one residual block more than the way down.
type Level struct {
	Channels int64
	Down     []int // on the way down: 1, 1 in Stable Diffusion 1.x
	Up       []int // on the way up: 1, 1, 1
	Heads    int64 // attention heads
}

// attends tells whether the level has any attention.
func (l Level) attends() bool {
	return slices.ContainsFunc(slices.Concat(l.Down, l.Up), func(depth int) bool { return depth > 0 })
}

// Factor is how many times the bottom's resolution is coarser than the latent's.
func (c Config) Factor() int64 { return 1 << (len(c.Levels) - 1) }

// ConfigFromWeights detects the configuration of the UNet whose tensors src holds; json is its config.json. The error lists all mistakes and names kinds of UNet that this package does not run.
func ConfigFromWeights(src weights.Source, json map[string]any) (Config, error) {
	d := newDetector(src, json)
	cfg := d.shapes()
	d.settings(&cfg)
	d.refuse(cfg)
	return cfg, d.Err()
}
