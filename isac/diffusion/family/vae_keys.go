package family

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// ldmVAE shows an autoencoder's tensors under diffusers' names; src is what lies below first_stage_model.
func ldmVAE(src weights.Source) weights.Source {
	to := map[string]string{}
	ups := 0
	for _, old := range src.Names() {
		if m := ldmUp.FindStringSubmatch(old); m != nil {
			i, _ := strconv.Atoi(m[1])
			ups = max(ups, i+1)
		}
	}
	for _, old := range src.Names() {
		to[ldmVAEName(old, ups)] = old
	}
	return vaeNames(weights.Renamed(src, to))
}

var (
	ldmUp   = regexp.MustCompile(`^decoder\.up\.(\d+)\.`)
	ldmDown = regexp.MustCompile(`^encoder\.down\.(\d+)\.`)
	ldmMid  = regexp.MustCompile(`^((?:en|de)coder)\.mid\.(block_1|block_2|attn_1)\.`)
)

var ldmMidLayers = map[string]string{"block_1": "resnets.0", "block_2": "resnets.1", "attn_1": "attentions.0"}

var ldmVAELayers = strings.NewReplacer(
	".block.", ".resnets.", ".downsample.conv.", ".downsamplers.0.conv.", ".upsample.conv.", ".upsamplers.0.conv.",
	".nin_shortcut.", ".conv_shortcut.", ".norm_out.", ".conv_norm_out.",
)

// ldmVAEName maps one name. LDM counts the decoder's blocks from the image inwards, diffusers in the order in which they run.
func ldmVAEName(old string, ups int) string {
	name := ldmVAELayers.Replace(old)
	if m := ldmMid.FindStringSubmatch(name); m != nil {
		rest := name[len(m[0]):]
		if m[2] == "attn_1" {
			rest = ldmAttention.Replace("." + rest)[1:]
		}
		return m[1] + ".mid_block." + ldmMidLayers[m[2]] + "." + rest
	}
	if m := ldmDown.FindStringSubmatch(name); m != nil {
		return "encoder.down_blocks." + m[1] + "." + name[len(m[0]):]
	}
	if m := ldmUp.FindStringSubmatch(name); m != nil {
		i, _ := strconv.Atoi(m[1])
		return fmt.Sprintf("decoder.up_blocks.%d.%s", ups-1-i, name[len(m[0]):])
	}
	return name
}

var (
	ldmAttention = strings.NewReplacer(".norm.", ".group_norm.", ".q.", ".to_q.", ".k.", ".to_k.", ".v.", ".to_v.", ".proj_out.", ".to_out.0.")
	// oldAttention is how diffusers itself named the attention of autoencoders until 0.15; SD1.x folders on hubs still do.
	oldAttention = strings.NewReplacer(".query.", ".to_q.", ".key.", ".to_k.", ".value.", ".to_v.", ".proj_attn.", ".to_out.0.")
)

// vaeNames shows an autoencoder that has diffusers' block names under today's attention names, with the attention's 1×1 convolutions
// [C,C,1,1] as the linear layers [C,C] that diffusers makes of them.
func vaeNames(src weights.Source) weights.Source {
	to := map[string]string{}
	for _, old := range src.Names() {
		name := old
		if strings.Contains(old, ".attentions.") {
			name = oldAttention.Replace(old)
		}
		to[name] = old
	}
	return &flattened{weights.Renamed(src, to)}
}

// flattened drops the two trailing sizes of 1 of attention projections.
type flattened struct{ weights.Source }

// Below is the source with all sizes: names and bytes are the same (see weights.Locate).
func (f *flattened) Below() weights.Source { return f.Source }

func (f *flattened) conv1x1(name string) bool {
	if !strings.Contains(name, ".attentions.") || !strings.Contains(name, ".to_") {
		return false
	}
	shape, _ := f.Source.Shape(name)
	return len(shape) == 4 && slices.Equal(shape[2:], []int64{1, 1})
}

func (f *flattened) Shape(name string) ([]int64, bool) {
	shape, ok := f.Source.Shape(name)
	if f.conv1x1(name) {
		shape = shape[:2]
	}
	return shape, ok
}

func (f *flattened) Tensor(name string) (torch.Tensor, error) {
	t, err := f.Source.Tensor(name)
	if err != nil || !f.conv1x1(name) {
		return t, err
	}
	shape, _ := f.Shape(name)
	err = torch.Try(func() error { t = t.Reshape(shape...); return nil })
	return t, err
}
