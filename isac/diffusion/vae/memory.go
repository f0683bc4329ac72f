package vae

import "github.com/isac-guidance/isac/isac/diffusion/weights"

// Outline is a model without weights, which tells its memory, its type and its device, and can do nothing else. Nothing is read.
func Outline(p *weights.Params, cfg Config) *Model { return &Model{Config: cfg, params: p} }

// work is how many times the channels that come in and go out a residual block takes, with its convolutions' own memory.
const work = 8.0

// DecodeMemory is the memory in bytes that Decode of one latent of height×width takes beside weights, an estimate that is rather too
// large: that of the level that takes most, which is the finest or the one before.
func (m *Model) DecodeMemory(height, width int64) float64 {
	levels := m.Config.Levels
	most, channels := 0.0, levels[len(levels)-1].Channels
	pixels := float64(height) * float64(width)
	for i := len(levels) - 1; i >= 0; i-- {
		l := levels[i]
		most = max(most, work*float64(channels+l.Channels)*pixels)
		if channels = l.Channels; i > 0 {
			pixels *= 4
		}
	}
	return most * float64(m.DType().Bytes())
}
