package synth

import (
	"fmt"
	"math"
)

// builder collects tensors under one prefix. Its methods are layers: each knows how its weights are to be distributed so that
// activations stay about as large as they came in.
type builder struct {
	prefix string
	to     map[string]tensor
}

func (b builder) sub(format string, a ...any) builder {
	return builder{b.prefix + fmt.Sprintf(format, a...), b.to}
}

func (b builder) add(name string, v values, shape ...int64) {
	if b.to[b.prefix+name].name != "" {
		panic("synth: " + b.prefix + name + " is there twice")
	}
	b.to[b.prefix+name] = tensor{b.prefix + name, shape, v}
}

const (
	normDeviates = 0.05 // of a norm's scale, around 1
	biasDeviates = 0.02
)

func (b builder) bias(name string, n int64) { b.add(name, values{deviation: biasDeviates}, n) }

// norm is a group or layer norm over n channels.
func (b builder) norm(name string, n int64) {
	b.rms(name, n)
	b.bias(name+".bias", n)
}

// rms is a norm without a bias.
func (b builder) rms(name string, n int64) {
	b.add(name+".weight", values{mean: 1, deviation: normDeviates}, n)
}

// matrix is a weight [out, in, …] whose outputs are gain times as large as its inputs.
func (b builder) matrix(name string, gain float64, shape ...int64) {
	fan := 1.0
	for _, n := range shape[1:] {
		fan *= float64(n)
	}
	b.add(name, values{deviation: gain / math.Sqrt(fan)}, shape...)
}

func (b builder) linear(name string, out, in int64) { b.scaled(name, 1, out, in) }

// scaled is a linear layer with a gain.
func (b builder) scaled(name string, gain float64, out, in int64) {
	b.matrix(name+".weight", gain, out, in)
	b.bias(name+".bias", out)
}

// conv is a convolution of side×side.
func (b builder) conv(name string, out, in, side int64) {
	b.matrix(name+".weight", 1, out, in, side, side)
	b.bias(name+".bias", out)
}
