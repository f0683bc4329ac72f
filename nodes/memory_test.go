package nodes

import (
	"context"
	"strings"
	"testing"
	"time"
)

// What does not fit is refused at once by the nodes that would take it, with both numbers; the next run goes on.
func TestTooLargeIsRefused(t *testing.T) {
	h := newHost(t, tinyFolder)
	h.env.MaxMemory = 4 << 30 // whatever the machine has
	l := h.load("tiny", catsAndDog)
	for name, inputs := range map[string]map[string]any{
		"an image":  {"width": 16384, "height": 16384, "batch_size": 1},
		"a batch":   {"width": 2048, "height": 2048, "batch_size": 4096},
		"all of it": {"width": 16384, "height": 16384, "batch_size": 4096},
	} {
		size := h.run("EmptyLatentImage", inputs).Values[0]
		start := time.Now()
		_, sampling := h.try(context.Background(), "KSampler", h.sampling(l, map[string]any{"latent_image": size}))
		_, decoding := h.try(context.Background(), "VAEDecode", map[string]any{"samples": size, "vae": l.vae})
		for node, err := range map[string]error{"KSampler": sampling, "VAEDecode": decoding} {
			if err == nil || !strings.Contains(err.Error(), "of memory and") {
				t.Errorf("%s, %s: %v", name, node, err)
			}
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: it took %v", name, took)
		}
	}
	h.env.MaxMemory = 1 << 20
	if _, err := h.try(context.Background(), "CheckpointLoaderSimple", map[string]any{"ckpt_name": "tiny"}); err == nil || !strings.Contains(err.Error(), "the model's weights") {
		t.Errorf("a model within 1 MiB: %v", err)
	}
}
