package family

import (
	"fmt"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// denoiserNetwork is the denoiser among a model's networks; a text encoder is its number.
const denoiserNetwork = -1

// place is a layer that a name of a LoRA file means, or a part of it.
type place struct {
	network int
	layer   string        // without ".weight"
	piece   weights.Piece // of the layer that the name means
}

// loraLayers gives the places of every name that LoRA files have for a layer of the model: those of diffusers and PEFT, of kohya's and
// other trainers (with underscores, in diffusers' or the first release's names), and of ComfyUI. A name of a fused layer has several.
func (m *Model) loraLayers() map[string][]place {
	all := map[string][]place{}
	add := func(p place, names ...string) {
		for _, name := range names {
			all[name] = append(all[name], p)
		}
	}
	if m.Denoiser != nil {
		m.denoiserLayers(add)
	}
	for i := range m.Text {
		m.textLayers(i, add)
	}
	return all
}

func (m *Model) denoiserLayers(add func(p place, names ...string)) {
	src := m.files.Denoiser
	released := m.Family.Denoiser.Released(src)
	for _, name := range src.Names() {
		layer, weight := cutLast(name)
		if weight != "weight" {
			continue
		}
		ours := place{network: denoiserNetwork, layer: layer}
		flat, short := underscored(layer), strings.TrimSuffix(layer, ".0")
		add(ours, layer, "lora_unet_"+flat, "lycoris_"+flat, "lora_transformer_"+flat)
		bare := []string{layer}
		if strings.HasSuffix(layer, ".to_out.0") {
			bare = append(bare, short)
			add(ours, short)
		}
		for _, b := range bare {
			add(ours, "base_model.model."+b)
			for _, prefix := range []string{"unet.", "transformer."} {
				add(ours, prefix+b, prefix+"base_model.model."+b)
			}
		}
		// diffusers' first attention LoRAs hang on processors.
		if old := strings.Replace(short, ".to_", ".processor.to_", 1); old != short {
			add(ours, old, "unet."+old)
		}
		if p, ok := released[name]; ok {
			theirs, _ := cutLast(p.Name)
			ours.piece = weights.Piece{Part: p.Part, Parts: p.Parts, SwapHalves: p.SwapHalves}
			if theirs != layer {
				add(ours, "lora_unet_"+underscored(theirs))
			}
			add(ours, "diffusion_model."+theirs, "model.diffusion_model."+theirs)
		}
	}
}

// textNicknames are what ComfyUI calls text encoders.
var textNicknames = map[string][]string{"sd1": {"clip_l"}, "sd2": {"clip_h"}, "sdxl": {"clip_l", "clip_g"}, "sd3": {"clip_l", "clip_g"}}

func (m *Model) textLayers(i int, add func(p place, names ...string)) {
	for _, name := range m.files.Text[i].Names() {
		layer, weight := cutLast(name)
		if weight != "weight" {
			continue
		}
		ours := place{network: i, layer: strings.TrimPrefix(layer, "text_model.")}
		flat := underscored(layer)
		if i == 0 { // a file for one encoder does not number it
			add(ours, "lora_te_"+flat, "base_model.model."+layer)
		}
		folder := m.Family.Text[i].Folder
		add(ours, fmt.Sprintf("lora_te%d_%s", i+1, flat), folder+"."+layer, folder+".base_model.model."+layer)
		if short := strings.TrimPrefix(layer, "text_model."); short != layer { // transformers since version 5
			add(ours, folder+"."+short, folder+".base_model.model."+short)
		}
		if nicknames := textNicknames[m.Family.Name]; i < len(nicknames) {
			add(ours, "text_encoders."+nicknames[i]+".transformer."+layer)
		}
	}
}

func underscored(layer string) string { return strings.ReplaceAll(layer, ".", "_") }
