package unet

import (
	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// Config describes a UNet. All sizes are detected from tensor shapes; Heads, Groups, Eps and the time embedding's form are not to be
// seen there and come from config.json, or are what Stable Diffusion 1.x has.
type Config struct {
	InChannels  int64   // of the latent that goes in
	OutChannels int64   // of the prediction
	TimeWidth   int64   // of the timestep embedding after its two linear layers
	Context     int64   // width of the conditioning, 0 where no layer reads it
	Levels      []Level // finest resolution first
	MidResnets  int     // residual blocks at the bottom; there is an attention block between every two of them, unless MidDepth is 0
	MidDepth    int     // transformer blocks of a bottom attention
	Linear      bool    // use_linear_projection: the attention's way in and out is stored as a linear layer, not as a 1×1 convolution

	Groups      int64   // norm_num_groups, 32
	Eps         float64 // norm_eps, 1e-5
	CosineFirst bool    // flip_sin_to_cos, true
	FreqShift   float64 // freq_shift, 0
}

// Level is one resolution. The way up has one residual block more than the way down.
type Level struct {
	Channels  int64
	Layers    int   // residual blocks on the way down
	DownDepth int   // transformer blocks in each attention on the way down, 0 where this level has no attention
	UpDepth   int   // the same on the way up
	Heads     int64 // attention heads
}

// Factor is how many times the bottom's resolution is coarser than the latent's.
func (c Config) Factor() int64 { return 1 << (len(c.Levels) - 1) }

// ConfigFromWeights detects the configuration of the UNet whose tensors src holds; json is its config.json. The error lists all mistakes and names kinds of UNet that this package does not run.
func ConfigFromWeights(src weights.Source, json map[string]any) (Config, error) {
	d := newDetector(src, json)
	cfg := d.shapes()
	d.settings(&cfg)
	d.refuse()
	return cfg, d.err()
}
