package guidance_test

import (
	"bytes"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
	"github.com/isac-guidance/isac/nodes"
	"github.com/isac-guidance/isac/plugin"
	"github.com/isac-guidance/isac/plugin/server"
)

// withLoRAs is a host of models and of the LoRAs of package diffusion's tests.
func withLoRAs(t *testing.T, models ...string) host {
	t.Helper()
	var folders []string
	for _, name := range models {
		folders = append(folders, folder(name))
	}
	return serve(t, server.Options{Registry: nodes.Standard(), ModelPaths: folders, LoRAPaths: []string{folder("lora")}})
}

// TestSessionsHaveLoRAs guides with a LoRA in the denoiser, in the text encoder, in both and in neither, of one checkpoint at once: each
// moves the latent in its own way.
func TestSessionsHaveLoRAs(t *testing.T) {
	h := withLoRAs(t, "tiny")
	guide := func(loras ...plugin.GuidanceLoRA) []byte {
		t.Helper()
		config := simple()
		config.Checkpoint, config.LoRAs = "tiny", loras
		s := h.open(t, config)
		if len(s.Info.Notes) > 0 {
			t.Errorf("notes %q", s.Info.Notes)
		}
		result, err := s.Guide(t.Context(), at(10, nil))
		if err != nil || result.Reports[0].Moves != 1 {
			t.Fatalf("%+v, %v", result.Reports, err)
		}
		return result.Latents.Data
	}
	const kohya = "tiny-kohya.safetensors"
	plain := guide()
	seen := map[string]int{}
	for i, loras := range [][]plugin.GuidanceLoRA{
		nil, {{Name: kohya, Model: 1}}, {{Name: kohya, Clip: 1}}, {{Name: kohya, Model: 1, Clip: 1}},
		{{Name: kohya, Model: 1, Clip: 1}, {Name: "tiny-lycoris.safetensors", Model: 0.5}},
	} {
		latents := string(guide(loras...))
		if other, twice := seen[latents]; twice {
			t.Errorf("%+v moves the latent as number %d does", loras, other)
		}
		seen[latents] = i
	}
	if !bytes.Equal(plain, guide()) || !bytes.Equal(plain, guide(plugin.GuidanceLoRA{Name: kohya})) {
		t.Error("a session without a LoRA, or with one of strength 0, moves otherwise than before")
	}
}

// TestMalformedLoRAs refuses each open with a sentence that names the LoRA.
func TestMalformedLoRAs(t *testing.T) {
	h := withLoRAs(t, "tiny", "tiny-sd2")
	for name, c := range map[string]struct {
		checkpoint string
		loras      []plugin.GuidanceLoRA
		says       string
	}{
		"unknown":       {"tiny", []plugin.GuidanceLoRA{{Name: "none.safetensors", Model: 1}}, `"none.safetensors" is no LoRA here: LoraLoader offers fixture.safetensors, tiny-kohya.safetensors`},
		"a path":        {"tiny", []plugin.GuidanceLoRA{{Name: "../lora/tiny-kohya.safetensors", Model: 1}}, "no LoRA here"},
		"no LoRA":       {"tiny", []plugin.GuidanceLoRA{{Name: "fixture.safetensors", Model: 1}}, "none of its"},
		"another model": {"tiny-sd2", []plugin.GuidanceLoRA{{Name: "tiny-sd3-fused.safetensors", Model: 1}}, "it is for Stable Diffusion 3"},
		"no number":     {"tiny", []plugin.GuidanceLoRA{{Name: "tiny-kohya.safetensors", Model: math.NaN()}}, "strength NaN"},
		"too strong":    {"tiny", []plugin.GuidanceLoRA{{Name: "tiny-kohya.safetensors", Clip: -101}}, "expected -100 to 100"},
	} {
		t.Run(name, func(t *testing.T) {
			config := simple()
			config.Checkpoint, config.LoRAs = c.checkpoint, c.loras
			s, err := h.Guidance.Open(t.Context(), config)
			if err == nil {
				s.Close()
				t.Fatal("opened")
			}
			refused(t, err, plugin.KindInvalidInput, c.says, "loras")
			if !strings.Contains(err.Error(), c.loras[0].Name) {
				t.Errorf("%v does not name it", err)
			}
		})
	}
	h.idle(t)
	bare := connect(t, "tiny")
	config := simple()
	config.Checkpoint, config.LoRAs = "tiny", []plugin.GuidanceLoRA{{Name: "tiny-kohya.safetensors", Model: 1}}
	_, err := bare.Guidance.Open(t.Context(), config)
	refused(t, err, plugin.KindInvalidInput, "offers none (see ISAC_LORAS)", "loras")
}

// TestLoRANotesAreOpened: what of a LoRA was not read is told when the session opens.
func TestLoRANotesAreOpened(t *testing.T) {
	torchtest.Require(t)
	dir := t.TempDir()
	ones := func(name string, shape ...int64) weights.Entry {
		return weights.FromTensor(name, torch.Full(shape, 0.1, torch.Float32, torch.CPU))
	}
	const layer = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q"
	err := torch.InScope(func() error {
		return weights.Write(filepath.Join(dir, "partly.safetensors"), []weights.Entry{
			ones(layer+".lora_up.weight", 16, 1), ones(layer+".lora_down.weight", 1, 16), ones("lora_te3_encoder.lora_up.weight", 4, 1),
		}, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	h := serve(t, server.Options{Registry: nodes.Standard(), ModelPaths: []string{folder("tiny")}, LoRAPaths: []string{dir}})
	config := simple()
	config.Checkpoint, config.LoRAs = "tiny", []plugin.GuidanceLoRA{{Name: "partly.safetensors", Model: 1}}
	notes := h.open(t, config).Info.Notes
	if len(notes) != 1 || !strings.HasPrefix(notes[0], `LoRA "partly.safetensors": 1 of its 3 tensors were not read`) || !strings.Contains(notes[0], "lora_te3_encoder") {
		t.Errorf("notes %q", notes)
	}
}

// TestSessionsComputeAsAsked: the type that a process computes in, chosen or by itself, is the sessions'.
func TestSessionsComputeAsAsked(t *testing.T) {
	for want, options := range map[string]server.Options{
		"bfloat16": {DType: torch.BFloat16}, "float32": {AutoDType: true, AutoCheckpoint: true},
	} {
		t.Run(want, func(t *testing.T) {
			options.Registry, options.ModelPaths = nodes.Standard(), []string{folder("tiny")}
			h := serve(t, options)
			config := simple()
			config.Checkpoint = "tiny"
			s := h.open(t, config)
			if s.Info.DType != want {
				t.Errorf("computes in %s, want %s", s.Info.DType, want)
			}
			if result, err := s.Guide(t.Context(), at(10, nil)); err != nil || result.Reports[0].Moves != 1 {
				t.Errorf("%s: %+v, %v", want, result.Reports, err)
			}
		})
	}
}
