package nodes

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
)

// loraFolder holds the LoRAs of the tests of package diffusion.
var loraFolder = filepath.Join("..", "isac", "diffusion", "testdata", "lora")

func TestListLoRAs(t *testing.T) {
	root := tree(t,
		"checkpoint.safetensors", "loras/a.safetensors", "loras/style/b.SafeTensors", "sd/LoRA/c.safetensors", "loras/notes.txt",
		"loras/.hidden.safetensors", "folder/model_index.json", "folder/loras/part.safetensors", "loras/lora/d.safetensors",
		"ComfyUI/checkpoints/model.safetensors", "ComfyUI/loras/e.safetensors",
	)
	extra := tree(t, "a.safetensors", "deep/f.safetensors")
	names := func(loras, models []string) []string { return slices.Sorted(maps.Keys(LoRAs(loras, models))) }
	for _, c := range []struct {
		loras, models, want []string
	}{
		{nil, []string{root}, []string{"a.safetensors", "c.safetensors", "e.safetensors", "lora/d.safetensors", "style/b.SafeTensors"}},
		{nil, []string{filepath.Join(root, "ComfyUI", "checkpoints")}, []string{"e.safetensors"}},
		{[]string{extra}, nil, []string{"a.safetensors", "deep/f.safetensors"}},
		{[]string{extra, ""}, []string{"", filepath.Join(root, "ComfyUI")}, []string{"a.safetensors", "deep/f.safetensors", "e.safetensors"}},
		{[]string{filepath.Join(root, "nothing")}, nil, nil},
	} {
		if got := names(c.loras, c.models); !slices.Equal(got, c.want) {
			t.Errorf("in %q and %q: found %q, want %q", c.loras, c.models, got, c.want)
		}
	}
	if got := LoRAs([]string{extra}, []string{root})["a.safetensors"]; got != filepath.Join(extra, "a.safetensors") {
		t.Errorf("of two with one name %s was taken, want the first folder's", got)
	}
	if got := slices.Sorted(maps.Keys(Checkpoints([]string{root}))); !slices.Equal(got, []string{"ComfyUI/checkpoints/model.safetensors", "checkpoint.safetensors", "folder"}) {
		t.Errorf("checkpoints are %q", got)
	}
}

// withLoRAs is a host of the tiny model and of the LoRAs of package diffusion's tests.
func withLoRAs(t *testing.T) *host {
	h := newHost(t, tinyFolder)
	h.env.LoRAPaths = []string{loraFolder}
	return h
}

// TestLoRANodes adds LoRAs to a model and its text encoder: pictures change with each strength of its own, come back without, and
// models of one checkpoint with and without stand side by side, in whatever order they are closed.
func TestLoRANodes(t *testing.T) {
	h := withLoRAs(t)
	l := h.load("tiny", catsAndDog)
	picture := func(l loaded) []byte { return h.pngs(h.run("KSampler", h.sampling(l, nil)).Values[0], l.vae)[0] }
	add := func(l loaded, name string, model, clip float64) loaded {
		v := h.run("LoraLoader", map[string]any{"model": l.model, "clip": l.clip, "lora_name": name, "strength_model": model, "strength_clip": clip}).Values
		l.model, l.clip = v[0], v[1]
		l.positive = h.run("CLIPTextEncode", map[string]any{"text": catsAndDog, "clip": l.clip}).Values[0]
		return l
	}
	plain := picture(l)
	seen := map[string]string{string(plain): "none"}
	for name, with := range map[string]loaded{
		"both": add(l, "tiny-kohya.safetensors", 1, 1), "the model's": add(l, "tiny-kohya.safetensors", 1, 0), "the text's": add(l, "tiny-kohya.safetensors", 0, 1),
		"weak": add(l, "tiny-kohya.safetensors", 0.5, 1), "two": add(add(l, "tiny-kohya.safetensors", 1, 1), "tiny-lycoris.safetensors", 1, 1),
	} {
		got := string(picture(with))
		if other, twice := seen[got]; twice {
			t.Errorf("%s is the picture of %s", name, other)
		}
		seen[got] = name
	}
	if !bytes.Equal(picture(add(l, "tiny-kohya.safetensors", 0, 0)), plain) || !bytes.Equal(picture(l), plain) {
		t.Error("strengths of 0, or the model beside those with LoRAs, make another picture")
	}
	for range 20 { // more than there are values of the checkpoint: none of them gives back what is the checkpoint's
		h.run("LoraLoaderModelOnly", map[string]any{"model": l.model, "lora_name": "tiny-kohya.safetensors", "strength_model": 1.0}).Close()
	}
	if !bytes.Equal(picture(l), plain) {
		t.Error("after models with LoRAs were closed the model makes another picture")
	}
	only := l
	only.model = h.run("LoraLoaderModelOnly", map[string]any{"model": l.model, "lora_name": "tiny-kohya.safetensors", "strength_model": 1.0}).Values[0]
	if seen[string(picture(only))] != "the model's" {
		t.Error("LoraLoaderModelOnly makes another picture than LoraLoader without the text's")
	}
	guided := only
	guided.model = h.guided(only.model, map[string]any{"eta": 0.2, "end": 1.0})
	for _, v := range []any{l.model, l.clip, only.model} { // what the LoRA was added to goes first
		v.(Value).Close()
	}
	if bytes.Equal(picture(guided), picture(add(guided, "tiny-kohya.safetensors", -1, 0))) {
		t.Error("taking the LoRA away from a guided model changed nothing")
	}
}

// TestLoRAsAreClosed leaves nothing behind, whichever value is closed last, and nothing where a LoRA does not fit.
func TestLoRAsAreClosed(t *testing.T) {
	h := withLoRAs(t)
	before := torch.LiveHandles()
	for order := range 2 {
		l := h.load("tiny", "")
		both := map[string]any{"model": l.model, "clip": l.clip, "lora_name": "tiny-lycoris.safetensors", "strength_model": 1.0, "strength_clip": 1.0}
		h.run("LoraLoader", both)
		for _, name := range []string{"tiny-sdxl-released.safetensors", "fixture.safetensors"} {
			wrong := maps.Clone(both)
			wrong["lora_name"] = name
			_, err := h.try(context.Background(), "LoraLoader", wrong)
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: error %v", name, err)
			}
		}
		if order == 1 {
			slices.Reverse(h.results)
		}
		h.release()
		if left := torch.LiveHandles() - before; left != 0 {
			t.Errorf("%d tensors are left", left)
		}
	}
}

// TestLoRANotesAreShown: what of a file was not read stands in the sampler's text.
func TestLoRANotesAreShown(t *testing.T) {
	h := newHost(t, tinyFolder)
	h.env.LoRAPaths = []string{loraFolder}
	l := h.load("tiny", "")
	model := l.model.(*Model)
	model.checkpoint.notes = []string{`LoRA "x": 2 of its 4 tensors were not read`}
	next := h.run("LoraLoaderModelOnly", map[string]any{"model": model, "lora_name": "tiny-kohya.safetensors", "strength_model": json.Number("1")}).Values[0].(*Model)
	l.model = next
	text, _ := h.run("KSampler", h.sampling(l, nil)).UI["text"].([]string)
	if !slices.Contains(text, `LoRA "x": 2 of its 4 tensors were not read`) {
		t.Errorf("shown is %q", text)
	}
	_, err := h.try(context.Background(), "LoraLoaderModelOnly", map[string]any{"model": next, "lora_name": "../tiny-kohya.safetensors", "strength_model": 1.0})
	if err == nil || !strings.Contains(err.Error(), "lora_name") {
		t.Errorf("a path out of the folders: %v", err)
	}
}
