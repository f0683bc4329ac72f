package nodes

import (
	"bytes"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/torch"
)

// TestTextEncodersLeaveForAnothersRun has text encoders that were loaded alone, and with a LoRA, leave before the run of a diffusion model
// that was loaded alone; the picture is the one without.
func TestTextEncodersLeaveForAnothersRun(t *testing.T) {
	h := separateHost(t)
	picture := func() []byte {
		v := h.run("CLIPLoader", map[string]any{"clip_name": "l.safetensors", "type": "stable_diffusion", "device": "default"}).Values[0]
		l := loaded{model: h.unet("one.safetensors"), clip: h.run("LoraLoader", map[string]any{
			"model": h.unet("one.safetensors"), "clip": v, "lora_name": "kohya.safetensors", "strength_model": 1, "strength_clip": 1}).Values[1]}
		encode := func(text string) any {
			return h.run("CLIPTextEncode", map[string]any{"text": text, "clip": l.clip}).Values[0]
		}
		l.positive, l.negative = encode(catsAndDog), encode("")
		latent := h.run("EmptyLatentImage", map[string]any{"width": 64, "height": 64, "batch_size": 1}).Values[0]
		whole := h.run("CheckpointLoaderSimple", map[string]any{"ckpt_name": "tiny"}).Values[2]
		return h.pngs(h.run("KSampler", h.sampling(l, map[string]any{"latent_image": latent})).Values[0], whole)[0]
	}
	want := picture()
	h.release()
	var pool diffusion.Encoders
	h.env.TextOffload, h.env.Encoders = diffusion.TextOffloadAlways, &pool
	for run := range 2 {
		if !bytes.Equal(picture(), want) {
			t.Errorf("run %d: another picture where the text encoders left", run)
		}
		if here, away := pool.Held(torch.CPU); here != 0 || away == 0 {
			t.Errorf("run %d: %d bytes of text encoders stay, %d are away", run, here, away)
		}
	}
	h.release()
	if here, away := pool.Held(torch.CPU); here != 0 || away != 0 {
		t.Errorf("models that nobody holds have %d and %d bytes of text encoders", here, away)
	}
}
