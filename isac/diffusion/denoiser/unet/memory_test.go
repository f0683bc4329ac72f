package unet

import (
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/denoiser"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
)

// What is foretold of Stable Diffusion 1.5's size is what isac/bench/step measured with libtorch 1.13.0 on the CPU in float32 (see
// docs/performance.md), to 15 %. A guided run is a guided step and an unguided one.
func TestMemoryOfStableDiffusionSize(t *testing.T) {
	cfg, err := ConfigFromWeights(fixture.ReadShapes(t, "sd15-unet"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		side                           int64
		unguided, guided, checkpointed float64 // MiB
	}{{32, 129, 303, 143}, {64, 202, 1075, 341}} {
		e := denoiser.Evaluation{Batch: 2, Height: c.side, Width: c.side, Tokens: 77, Reorders: true}
		unguided := cfg.Memory(e, 4)
		e.Batch, e.Gradient, e.Streamed, e.Online = 1, true, true, true
		guided := max(unguided, cfg.Memory(e, 4))
		e.Checkpoint = true
		checkpointed := max(unguided, cfg.Memory(e, 4))
		for what, pair := range map[string][2]float64{"unguided": {unguided, c.unguided}, "guided": {guided, c.guided}, "with checkpoints": {checkpointed, c.checkpointed}} {
			said := pair[0] / (1 << 20)
			t.Logf("latents of %d, %s: %.0f MiB foretold, %.0f measured", c.side, what, said, pair[1])
			if said < 0.85*pair[1] || said > 1.15*pair[1] {
				t.Errorf("latents of %d, %s: %.0f MiB foretold, %.0f measured", c.side, what, said, pair[1])
			}
		}
	}
}

// TestMapsOnlineAreOfOneImage holds that several images are foretold with their queries and keys, whatever the method can do.
func TestMapsOnlineAreOfOneImage(t *testing.T) {
	cfg, err := ConfigFromWeights(fixture.ReadShapes(t, "sd15-unet"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for batch, differ := range map[int64]bool{1: true, 2: false} {
		e := denoiser.Evaluation{Batch: batch, Height: 64, Width: 64, Tokens: 77, Gradient: true, Streamed: true, Checkpoint: true}
		taps := cfg.Memory(e, 4)
		e.Online = true
		if online := cfg.Memory(e, 4); online > taps || (online < taps) != differ {
			t.Errorf("%d images: %.0f bytes with queries and keys, %.0f with maps made online", batch, taps, online)
		}
	}
}
