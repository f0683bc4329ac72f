package family

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// The names of single files are also those of LoRAs and of hosts that hold a model as a single file has it. Here they are made of diffusers'
// names, so that a model from a folder has them too; ldmUNet and sd3Transformer go the other way.

var unetBlock = regexp.MustCompile(`^(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.+)$`)

// releasedUNet gives, by diffusers' name, the tensor's name below model.diffusion_model.
func releasedUNet(src weights.Source) map[string]weights.Piece {
	names := src.Names()
	below := func(prefix string) bool { return hasPrefix(names, prefix) }
	// input_blocks and output_blocks are numbered in one row: where each level begins.
	first := func(format string, begin int, sampled string) []int {
		starts := []int{begin}
		for level := 0; below(fmt.Sprintf(format, level) + "."); level++ {
			n := starts[level]
			for r := 0; below(fmt.Sprintf(format+".resnets.%d.", level, r)); r++ {
				n++
			}
			if sampled != "" && below(fmt.Sprintf(format, level)+sampled) {
				n++
			}
			starts = append(starts, n)
		}
		return starts
	}
	ins, outs := first("down_blocks.%d", 1, ".downsamplers."), first("up_blocks.%d", 0, "")
	to := map[string]weights.Piece{}
	for _, name := range names {
		layer, weight := cutLast(name)
		if end, ok := unetEnds[layer]; ok {
			to[name] = weights.Piece{Name: end + "." + weight}
			continue
		}
		if rest, ok := strings.CutPrefix(name, "mid_block."); ok {
			if released := releasedMid(rest); released != "" {
				to[name] = weights.Piece{Name: released}
			}
			continue
		}
		m := unetBlock.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		level, _ := strconv.Atoi(m[2])
		i, _ := strconv.Atoi(m[4])
		starts, row := ins, "input_blocks"
		if m[1] == "up" {
			starts, row = outs, "output_blocks"
		}
		if level+1 >= len(starts) {
			continue
		}
		switch n, last := starts[level]+i, starts[level+1]-1; m[3] {
		case "resnets":
			to[name] = weights.Piece{Name: fmt.Sprintf("%s.%d.0.%s", row, n, releasedResnet(m[5]))}
		case "attentions":
			to[name] = weights.Piece{Name: fmt.Sprintf("%s.%d.1.%s", row, n, m[5])}
		case "downsamplers":
			to[name] = weights.Piece{Name: fmt.Sprintf("%s.%d.0.op.%s", row, last, strings.TrimPrefix(m[5], "conv."))}
		case "upsamplers": // after the attention, or the resnet where there is none
			at := 1
			if below(fmt.Sprintf("up_blocks.%d.attentions.%d.", level, last-starts[level])) {
				at = 2
			}
			to[name] = weights.Piece{Name: fmt.Sprintf("%s.%d.%d.%s", row, last, at, m[5])}
		}
	}
	return to
}

// releasedMid is the released name of what lies below mid_block, "" where there is none.
func releasedMid(rest string) string {
	part, rest, _ := strings.Cut(rest, ".")
	number, rest, _ := strings.Cut(rest, ".")
	switch i, err := strconv.Atoi(number); {
	case err != nil:
		return ""
	case part == "resnets":
		return fmt.Sprintf("middle_block.%d.%s", 2*i, releasedResnet(rest))
	case part == "attentions":
		return fmt.Sprintf("middle_block.%d.%s", 2*i+1, rest)
	}
	return ""
}

// releasedResnet is the released name of a resnet's tensor.
func releasedResnet(name string) string {
	layer, weight := cutLast(name)
	for old, ours := range resnetLayers {
		if ours == layer {
			return old + "." + weight
		}
	}
	return name
}

// releasedSD3 gives, by diffusers' name, of which tensor below model.diffusion_model. it is which piece.
func releasedSD3(src weights.Source) map[string]weights.Piece {
	names := src.Names()
	last := 0
	for hasPrefix(names, fmt.Sprintf("transformer_blocks.%d.", last+1)) {
		last++
	}
	to := map[string]weights.Piece{}
	for _, name := range names {
		if name == "pos_embed.pos_embed" {
			to[name] = weights.Piece{Name: "pos_embed"}
			continue
		}
		layer, weight := cutLast(name)
		for old, ours := range sd3Ends {
			if ours == layer {
				to[name] = weights.Piece{Name: old + "." + weight, SwapHalves: layer == "norm_out.linear"}
			}
		}
		rest, ok := strings.CutPrefix(layer, "transformer_blocks.")
		if !ok {
			continue
		}
		number, rest, _ := strings.Cut(rest, ".")
		for stream, layers := range sd3Layers {
			for old, ours := range layers {
				i := slices.Index(ours, rest)
				if i < 0 {
					continue
				}
				p := weights.Piece{Name: fmt.Sprintf("joint_blocks.%s.%s.%s.%s", number, stream, old, weight)}
				if len(ours) > 1 {
					p.Part, p.Parts = i, len(ours)
				}
				p.SwapHalves = rest == "norm1_context.linear" && number == strconv.Itoa(last)
				to[name] = p
			}
		}
	}
	return to
}
