package family

import (
	"fmt"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// The first Stable Diffusion release numbers the UNet's layers in one row ("LDM keys"): input_blocks.0 is the first convolution, every
// further input block is a resnet with or without attention, or a downsampler, and output blocks mirror them. diffusers nests them by
// resolution. Where one resolution ends and the next begins is read from where the down- and upsamplers stand, so that other depths than
// SD1.x's are mapped too.

// resnetLayers maps a resnet's layers from LDM to diffusers.
var resnetLayers = map[string]string{
	"in_layers.0": "norm1", "in_layers.2": "conv1", "emb_layers.1": "time_emb_proj",
	"out_layers.0": "norm2", "out_layers.3": "conv2", "skip_connection": "conv_shortcut",
}

// unetEnds maps the layers outside of blocks from diffusers to LDM.
var unetEnds = map[string]string{
	"time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2",
	"add_embedding.linear_1": "label_emb.0.0", "add_embedding.linear_2": "label_emb.0.2",
	"conv_in": "input_blocks.0.0", "conv_norm_out": "out.0", "conv_out": "out.2",
}

// ldmUNet shows a UNet's tensors under diffusers' names; src is what lies below model.diffusion_model.
func ldmUNet(src weights.Source) weights.Source { return weights.Renamed(src, ldmUNetNames(src)) }

// ldmUNetNames maps diffusers' names to those of src.
func ldmUNetNames(src weights.Source) map[string]string {
	to := map[string]string{}
	for name, old := range unetEnds {
		mapBelow(src, to, old, name)
	}
	mapResnet(src, to, "middle_block.0", "mid_block.resnets.0")
	mapBelow(src, to, "middle_block.1", "mid_block.attentions.0")
	mapResnet(src, to, "middle_block.2", "mid_block.resnets.1")
	mapInputs(src, to)
	mapOutputs(src, to)
	return to
}

func mapInputs(src weights.Source, to map[string]string) {
	block, resnet := 0, 0
	for i := 1; ; i++ {
		at := fmt.Sprintf("input_blocks.%d", i)
		switch {
		case src.Has(at + ".0.op.weight"):
			mapBelow(src, to, at+".0.op", fmt.Sprintf("down_blocks.%d.downsamplers.0.conv", block))
			block, resnet = block+1, 0
		case src.Has(at + ".0.in_layers.0.weight"):
			mapResnet(src, to, at+".0", fmt.Sprintf("down_blocks.%d.resnets.%d", block, resnet))
			mapBelow(src, to, at+".1", fmt.Sprintf("down_blocks.%d.attentions.%d", block, resnet))
			resnet++
		default:
			return
		}
	}
}

func mapOutputs(src weights.Source, to map[string]string) {
	block, resnet := 0, 0
	for i := 0; src.Has(fmt.Sprintf("output_blocks.%d.0.in_layers.0.weight", i)); i++ {
		at := fmt.Sprintf("output_blocks.%d", i)
		mapResnet(src, to, at+".0", fmt.Sprintf("up_blocks.%d.resnets.%d", block, resnet))
		up := ".1" // the upsampler follows the attention, or the resnet where there is none
		if src.Has(at + ".1.norm.weight") {
			mapBelow(src, to, at+".1", fmt.Sprintf("up_blocks.%d.attentions.%d", block, resnet))
			up = ".2"
		}
		resnet++
		if src.Has(at + up + ".conv.weight") {
			mapBelow(src, to, at+up+".conv", fmt.Sprintf("up_blocks.%d.upsamplers.0.conv", block))
			block, resnet = block+1, 0
		}
	}
}

func mapResnet(src weights.Source, to map[string]string, from, name string) {
	for old, layer := range resnetLayers {
		mapBelow(src, to, from+"."+old, name+"."+layer)
	}
}

// mapBelow maps every tensor below one path to the same place below another.
func mapBelow(src weights.Source, to map[string]string, from, name string) {
	names := src.Names()
	i, _ := slices.BinarySearch(names, from+".")
	for ; i < len(names) && strings.HasPrefix(names[i], from+"."); i++ {
		to[name+names[i][len(from):]] = names[i]
	}
}

// cutLast splits a name at its last dot: layer and weight.
func cutLast(name string) (layer, weight string) {
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return "", name
	}
	return name[:i], name[i+1:]
}
