package nodes

import (
	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/diffusion/sampling"
)

// Model is the value of type MODEL: a checkpoint's denoiser, and how it is guided.
type Model struct {
	held
	checkpoint *checkpoint
	// guidance is nil where sampling is plain.
	guidance *aim
	// noise is nil where it is the checkpoint's own.
	noise sampling.Noise
}

// ComfyType is "MODEL".
func (*Model) ComfyType() string { return "MODEL" }

// Pipeline is what the checkpoint was loaded into, with the model's own noise. It lives as long as any value of the checkpoint.
func (m *Model) Pipeline() *diffusion.Pipeline {
	if m.noise != nil {
		return m.checkpoint.pipeline.WithNoise(m.noise)
	}
	return m.checkpoint.pipeline
}

// newModel takes one share of c over.
func newModel(c *checkpoint) *Model {
	m := &Model{checkpoint: c}
	m.held.free = c.release
	return m
}

// clone gives the same model as a value of its own, to be changed before anybody else sees it.
func (m *Model) clone() *Model {
	return m.on(m.checkpoint.share())
}

// on gives the same model with other weights, and takes one share of c over.
func (m *Model) on(checkpoint *checkpoint) *Model {
	c := newModel(checkpoint)
	c.guidance, c.noise = m.guidance, m.noise
	return c
}

// Clip is the value of type CLIP: a checkpoint's text encoder and tokenizer.
type Clip struct {
	held
	checkpoint *checkpoint
	// stopAt is the layer that is read, see diffusion.PromptOptions.
	stopAt int
}

// ComfyType is "CLIP".
func (*Clip) ComfyType() string { return "CLIP" }

// Pipeline is what the text encoder's checkpoint was loaded into. It lives as long as any value of the checkpoint.
func (c *Clip) Pipeline() *diffusion.Pipeline { return c.checkpoint.pipeline }

// Notes are things that the user should know of the LoRAs that were added to the model.
func (m *Model) Notes() []string { return m.checkpoint.notes }

// options say how the text encoder reads prompts.
func (c *Clip) options(env *Env) diffusion.PromptOptions {
	o := PromptOptions(env)
	o.StopAt = c.stopAt
	return o
}

// on gives the same text encoder with other weights, and takes one share of checkpoint over.
func (c *Clip) on(checkpoint *checkpoint) *Clip {
	made := newClip(checkpoint)
	made.stopAt = c.stopAt
	return made
}

func newClip(c *checkpoint) *Clip {
	v := &Clip{checkpoint: c}
	v.held.free = c.release
	return v
}

// VAE is the value of type VAE: a checkpoint's autoencoder, or one of its own.
type VAE struct {
	held
	autoencoder *diffusion.Autoencoder
}

// ComfyType is "VAE".
func (*VAE) ComfyType() string { return "VAE" }

func newVAE(c *checkpoint) *VAE {
	v := &VAE{autoencoder: c.pipeline.Autoencoder}
	v.held.free = c.release
	return v
}
