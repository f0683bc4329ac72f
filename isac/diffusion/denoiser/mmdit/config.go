package mmdit

import (
	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// Config describes an MMDiT. Everything is detected from tensor shapes but Heads, which is not to be seen there in a model without
// norms of queries and keys, and comes from config.json, or is what Stable Diffusion 3 has: 64 channels a head.
type Config struct {
	InChannels  int64  // of the latent that goes in
	OutChannels int64  // of the prediction
	Patch       int64  // side of the square of latent pixels that becomes one token
	Width       int64  // of a token in both streams
	Positions   int64  // side of the square of position embeddings: the largest image, in patches
	Context     int64  // width of the text's tokens as they come in
	Vector      int64  // width of the pooled text
	Frequencies int64  // width of the timestep's sinusoids
	Dual        []bool // of each block, whether it has a second attention, of the image to itself
	QKNorm      bool   // root mean square norms of queries and keys
	Heads       int64  // attention heads
}

// Blocks is the number of transformer blocks.
func (c Config) Blocks() int { return len(c.Dual) }

// ConfigFromWeights detects the configuration of the transformer whose tensors src holds, under diffusers' names; json is its
// config.json, nil for none. The error lists all mistakes and names kinds of transformer that this package does not run.
func ConfigFromWeights(src weights.Source, json map[string]any) (Config, error) {
	d := newDetector(src, json)
	if d.refuse(); d.Err() != nil {
		return Config{}, d.Err() // what else such a model lacks would only hide its name
	}
	cfg := d.shapes()
	d.settings(&cfg)
	return cfg, d.Err()
}
