package lora

import (
	"regexp"
	"strings"
)

// role is what a tensor is in the change of its layer.
type role string

const (
	up      role = "up"
	down    role = "down"
	mid     role = "mid"
	alpha   role = "alpha"
	dora    role = "dora_scale"
	diff    role = "diff"
	diffB   role = "diff_b"
	w1      role = "w1"
	w1a     role = "w1_a"
	w1b     role = "w1_b"
	w2      role = "w2"
	w2a     role = "w2_a"
	w2b     role = "w2_b"
	t1      role = "t1"
	t2      role = "t2"
	unknown role = "unknown" // a part of a change that this package does not compute
)

// ending is what the name of a tensor ends with behind its layer's.
type ending struct {
	text string
	role role
	kind kind
}

// kind is the way in which a layer's change is computed.
type kind string

const (
	anyKind    kind = ""
	lowRank    kind = "LoRA"
	hadamard   kind = "LoHa"
	kronecker  kind = "LoKr"
	difference kind = "difference"
)

// endings are those of all trainers, longer ones before those that they end with.
var endings = []ending{
	{".lora_up.weight", up, lowRank}, {".lora_down.weight", down, lowRank}, {".lora_mid.weight", mid, lowRank}, // kohya
	{".lora_linear_layer.up.weight", up, lowRank}, {".lora_linear_layer.down.weight", down, lowRank}, // diffusers, oldest first
	{"_lora.up.weight", up, lowRank}, {"_lora.down.weight", down, lowRank},
	{".lora.up.weight", up, lowRank}, {".lora.down.weight", down, lowRank},
	{".lora_B", up, lowRank}, {".lora_A", down, lowRank},
	{".alpha", alpha, anyKind}, {".dora_scale", dora, anyKind},
	{".hada_w1_a", w1a, hadamard}, {".hada_w1_b", w1b, hadamard}, {".hada_w2_a", w2a, hadamard}, {".hada_w2_b", w2b, hadamard},
	{".hada_t1", t1, hadamard}, {".hada_t2", t2, hadamard},
	{".lokr_w1", w1, kronecker}, {".lokr_w1_a", w1a, kronecker}, {".lokr_w1_b", w1b, kronecker},
	{".lokr_w2", w2, kronecker}, {".lokr_w2_a", w2a, kronecker}, {".lokr_w2_b", w2b, kronecker}, {".lokr_t2", t2, kronecker},
	{".diff", diff, difference}, {".diff_b", diffB, difference}, {".w_norm", diff, difference}, {".b_norm", diffB, difference},
}

// foreign are endings of changes that are not computed; a layer that has one is left out whole, because the rest of it means something
// else without.
var foreign = regexp.MustCompile(`(\.lora_magnitude_vector(\.\w+)*|\.lora_[AB](\.\w+)?\.bias|\.set_weight|\.reshape_weight|\.oft_\w+|\.rescale|\.glora_\w+|\.[ab][12]\.weight|\.on_input|\.lora_embedding_[AB](\.\w+)?)$`)

// peft are the endings of PEFT, which may have an adapter's name in them.
var peft = regexp.MustCompile(`\.lora_([AB])(\.\w+)?\.weight$`)

// split divides a tensor's name into its layer's and what it is there.
func split(name string) (layer string, e ending, ok bool) {
	if m := foreign.FindStringIndex(name); m != nil {
		return name[:m[0]], ending{name[m[0]:], unknown, anyKind}, true
	}
	if m := peft.FindStringSubmatchIndex(name); m != nil {
		e := ending{name[m[0]:], down, lowRank}
		if name[m[2]:m[3]] == "B" {
			e.role = up
		}
		return name[:m[0]], e, true
	}
	for _, e := range endings {
		if layer, ok := strings.CutSuffix(name, e.text); ok && layer != "" {
			return layer, e, true
		}
	}
	return "", ending{}, false
}
