package upscale

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// wraps are what training programs put before all names.
var wraps = []string{"", "params_ema.", "params-ema.", "params.", "model_state_dict.", "state_dict.", "module.", "netG.", "net.", "params_ema.module.", "params.module."}

// kinds of networks.
type kind int

const (
	unknown kind = iota
	dense        // RRDBNet
	compact      // SRVGG
)

// recognise finds a network that is known, and shows its tensors under the names that this package has: for dense those of Real-ESRGAN.
func recognise(src weights.Source) (weights.Source, kind) {
	for _, wrap := range wraps {
		in := src
		if wrap != "" {
			in = weights.Prefix(src, wrap)
		}
		switch {
		case in.Has("conv_first.weight") && (in.Has("body.0.rdb1.conv1.weight") || in.Has("RRDB_trunk.0.RDB1.conv1.weight")):
			return renamed(in, newName), dense
		case in.Has("model.0.weight") && in.Has("model.1.sub.0.RDB1.conv1.0.weight"):
			return renamed(in, oldNames(in)), dense
		case in.Has("body.0.weight") && in.Has("body.1.weight") && !in.Has("conv_first.weight"):
			return in, compact
		}
	}
	return src, unknown
}

// renamed shows tensors under the names that fn gives; what it has no name for stays as it is, so that the network reports it.
func renamed(src weights.Source, fn func(name string) string) weights.Source {
	to := map[string]string{}
	for _, name := range src.Names() {
		ours := fn(name)
		if ours == "" {
			ours = name
		}
		to[ours] = name
	}
	return weights.Renamed(src, to)
}

// ends are names of ESRGAN's second release for what Real-ESRGAN calls otherwise.
var ends = map[string]string{
	"trunk_conv": "conv_body", "HRconv": "conv_hr", "upconv1": "conv_up1", "upconv2": "conv_up2", "upconv3": "conv_up3", "upconv4": "conv_up4",
}

var trunk = regexp.MustCompile(`^RRDB_trunk\.(\d+)\.RDB(\d)\.(.+)$`)

// newName maps the names of ESRGAN's second release.
func newName(name string) string {
	if m := trunk.FindStringSubmatch(name); m != nil {
		return fmt.Sprintf("body.%s.rdb%s.%s", m[1], m[2], m[3])
	}
	layer, weight, _ := cutLast(name)
	if ours, ok := ends[layer]; ok {
		return ours + "." + weight
	}
	return name
}

var (
	oldBlock = regexp.MustCompile(`^model\.1\.sub\.(\d+)\.RDB(\d)\.(conv\d)\.0\.(weight|bias)$`)
	oldThin  = regexp.MustCompile(`^model\.1\.sub\.(\d+)\.RDB(\d)\.(conv1x1)\.(weight|bias)$`)
	oldBody  = regexp.MustCompile(`^model\.1\.sub\.\d+\.(weight|bias)$`)
	oldLayer = regexp.MustCompile(`^model\.(\d+)\.(weight|bias)$`)
)

// oldNames maps the names of ESRGAN's first release: layers of the outer sequence are numbered, after each doubling of the picture every
// third has weights, and the last two.
func oldNames(src weights.Source) func(name string) string {
	last := 0
	for _, name := range src.Names() {
		if m := oldLayer.FindStringSubmatch(name); m != nil {
			n, _ := strconv.Atoi(m[1])
			last = max(last, n)
		}
	}
	return func(name string) string {
		for _, pattern := range []*regexp.Regexp{oldBlock, oldThin} {
			if m := pattern.FindStringSubmatch(name); m != nil {
				return fmt.Sprintf("body.%s.rdb%s.%s.%s", m[1], m[2], m[3], m[4])
			}
		}
		if m := oldBody.FindStringSubmatch(name); m != nil {
			return "conv_body." + m[1]
		}
		m := oldLayer.FindStringSubmatch(name)
		if m == nil {
			return ""
		}
		switch n, _ := strconv.Atoi(m[1]); {
		case n == 0:
			return "conv_first." + m[2]
		case n == last:
			return "conv_last." + m[2]
		case n == last-2:
			return "conv_hr." + m[2]
		case n%3 == 0:
			return fmt.Sprintf("conv_up%d.%s", n/3, m[2])
		}
		return ""
	}
}

func cutLast(name string) (layer, weight string, ok bool) {
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return "", name, false
	}
	return name[:i], name[i+1:], true
}

// others tell networks that are not read by the beginning of a name.
var others = []struct{ prefix, kind string }{
	{"layers.0.residual_group.", "SwinIR, Swin2SR or HAT"},
	{"layers.0.blocks.", "a network of the transformer kind (DAT, RGT)"},
	{"conv_first.", "a network that begins as ESRGAN does and goes on otherwise (HAT, DAT, DRCT)"},
	{"block_1.", "SPAN"},
	{"feats.", "PLKSR"},
	{"fc1.", "OmniSR"},
	{"to_feat.", "SAFMN"},
	{"unet1.", "RealCUGAN"},
	{"decoder.", "an autoencoder"},
	{"model.diffusion_model.", "a checkpoint of a diffusion model"},
}

// describe says what a file that is no upscaler of a known form is.
func describe(src weights.Source) string {
	names := src.Names()
	for _, o := range others {
		for _, wrap := range wraps {
			if slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, wrap+o.prefix) }) {
				return "this is " + o.kind
			}
		}
	}
	if len(names) == 0 {
		return "it holds no tensor"
	}
	return fmt.Sprintf("it has %d tensors such as %q", len(names), names[0])
}
