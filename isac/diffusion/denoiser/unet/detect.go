package unet

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/config"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// detector reads a configuration off tensor shapes and config.json, and collects what is wrong with them.
type detector struct {
	src   weights.Source
	names []string
	json  *config.Reader
	errs  []error
}

func newDetector(src weights.Source, json map[string]any) *detector {
	return &detector{src: src, names: src.Names(), json: config.New("unet/config.json", json)}
}

func (d *detector) err() error {
	errs := append(slices.Clone(d.errs), d.json.Err())
	return errors.Join(errs...)
}

func (d *detector) fail(format string, a ...any) {
	d.errs = append(d.errs, fmt.Errorf("unet: "+format, a...))
}

// size gives one dimension of a tensor that every UNet has.
func (d *detector) size(name string, dim, dims int) int64 {
	shape, ok := d.src.Shape(name)
	switch {
	case !ok:
		d.fail("%s: tensor %q: %w", d.src.Origin(name), name, weights.ErrMissing)
	case len(shape) != dims:
		d.fail("%s: tensor %q has shape %v, expected %d dimensions: %w", d.src.Origin(name), name, shape, dims, weights.ErrShape)
	default:
		return shape[dim]
	}
	return 0
}

// count gives how many layers there are of a name with a number in it: count("down_blocks.%d.resnets.0").
func (d *detector) count(format string) int {
	n := 0
	for d.has(fmt.Sprintf(format, n)) {
		n++
	}
	return n
}

// has says whether any tensor lies below path.
func (d *detector) has(path string) bool {
	i, _ := slices.BinarySearch(d.names, path+".")
	return i < len(d.names) && strings.HasPrefix(d.names[i], path+".")
}

func (d *detector) shapes() Config {
	cfg := Config{
		InChannels:  d.size("conv_in.weight", 1, 4),
		OutChannels: d.size("conv_out.weight", 0, 4),
		TimeWidth:   d.size("time_embedding.linear_1.weight", 0, 2),
		MidResnets:  d.count("mid_block.resnets.%d"),
		MidDepth:    d.count("mid_block.attentions.0.transformer_blocks.%d"),
	}
	levels, ups := d.count("down_blocks.%d"), d.count("up_blocks.%d")
	if levels == 0 || levels != ups {
		d.fail("%s: %d down_blocks and %d up_blocks, expected as many of the one as of the other: %w", d.src.Origin(""), levels, ups, weights.ErrMissing)
	}
	for i := range levels {
		down, up := fmt.Sprintf("down_blocks.%d", i), fmt.Sprintf("up_blocks.%d", levels-1-i)
		cfg.Levels = append(cfg.Levels, Level{
			Channels:  d.size(down+".resnets.0.conv1.weight", 0, 4),
			Layers:    d.count(down + ".resnets.%d"),
			DownDepth: d.count(down + ".attentions.0.transformer_blocks.%d"),
			UpDepth:   d.count(up + ".attentions.0.transformer_blocks.%d"),
		})
	}
	for _, name := range d.names {
		if strings.HasSuffix(name, ".attn2.to_k.weight") {
			cfg.Context = d.size(name, 1, 2)
			break
		}
	}
	for _, name := range d.names {
		if strings.HasSuffix(name, ".proj_in.weight") {
			shape, _ := d.src.Shape(name)
			cfg.Linear = len(shape) == 2
			break
		}
	}
	return cfg
}

// settings reads what shapes cannot tell. diffusers' attention_head_dim is the number of heads in every UNet of this family, whatever
// its name says (diffusers issue 2011).
func (d *detector) settings(cfg *Config) {
	n := len(cfg.Levels)
	heads := d.json.Ints("num_attention_heads", n)
	if heads == nil {
		heads = d.json.Ints("attention_head_dim", n)
	}
	for i := range cfg.Levels {
		l := &cfg.Levels[i]
		switch {
		case heads != nil:
			l.Heads = heads[i]
		case cfg.Linear: // Stable Diffusion 2.x: 64 channels a head
			l.Heads = max(l.Channels/64, 1)
		default: // Stable Diffusion 1.x
			l.Heads = 8
		}
		attends := l.DownDepth > 0 || l.UpDepth > 0 || i == n-1 && cfg.MidDepth > 0
		if attends && (l.Heads < 1 || l.Channels%l.Heads != 0) {
			d.fail("level %d has %d channels, which %d attention heads do not divide: correct attention_head_dim in config.json (in diffusers it is the number of heads)",
				i, l.Channels, l.Heads)
		}
	}
	cfg.Groups = d.json.Int("norm_num_groups", 32)
	cfg.Eps = d.json.Float("norm_eps", 1e-5)
	cfg.CosineFirst = d.json.Bool("flip_sin_to_cos", true)
	cfg.FreqShift = d.json.Float("freq_shift", 0)
}

// foreign are the tensors by which other kinds of UNet are known, and their names.
var foreign = []struct{ path, kind string }{
	{"add_embedding", "SDXL (added size and pooled text conditioning)"},
	{"class_embedding", "a class-conditioned UNet"},
	{"encoder_hid_proj", "a UNet with projected image conditioning (IP-Adapter, Kandinsky)"},
	{"time_embedding.cond_proj", "a guidance-distilled UNet (LCM)"},
	{"position_net", "GLIGEN"},
	{"down_blocks.0.motion_modules", "AnimateDiff"},
}

// refuse reports UNets whose tensors or settings ask for arithmetic that this package does not have: wrong images would be worse.
func (d *detector) refuse() {
	for _, f := range foreign {
		if d.has(f.path) {
			d.fail("%s: tensors below %q: this is %s: %w", d.src.Origin(""), f.path, f.kind, weights.ErrUnsupported)
		}
	}
	for _, only := range [][2]string{
		{"resnet_time_scale_shift", "default"}, {"time_embedding_type", "positional"}, {"attention_type", "default"},
		{"time_embedding_act_fn", ""}, {"timestep_post_act", ""},
	} {
		if got := d.json.String(only[0], only[1]); got != only[1] {
			d.json.Fail(only[0], weights.ErrUnsupported, "expected %q", only[1])
		}
	}
	if act := d.json.String("act_fn", "silu"); act != "silu" && act != "swish" {
		d.json.Fail("act_fn", weights.ErrUnsupported, "expected silu")
	}
	for _, key := range []string{"center_input_sample", "dual_cross_attention", "only_cross_attention", "mid_block_only_cross_attention", "resnet_skip_time_act"} {
		if d.json.Bool(key, false) {
			d.json.Fail(key, weights.ErrUnsupported, "expected false")
		}
	}
	for _, key := range []string{"mid_block_scale_factor", "resnet_out_scale_factor", "downsample_padding"} {
		if d.json.Float(key, 1) != 1 {
			d.json.Fail(key, weights.ErrUnsupported, "expected 1")
		}
	}
}
