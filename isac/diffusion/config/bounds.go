package config

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// What a model can be. Numbers of a file decide how much memory and time its reader takes before a single weight is looked at, so they are
// bounded: far above what models have, and far below what hurts.
const (
	// MaxTimesteps of a noise schedule; all known models have 1000.
	MaxTimesteps = 10_000
	// MaxLevels of a UNet or an autoencoder, each of half the resolution; 4 are usual.
	MaxLevels = 8
	// MaxLayers of one kind in a row: residual blocks of a level, transformer blocks, layers of a text encoder; 38 is the most known.
	MaxLayers = 256
	// MaxHeads of an attention layer, and channels of one head.
	MaxHeads = 1024
	// MaxSide of the latents that a model was trained on.
	MaxSide = 4096
	// MaxSize of one side of a weight: channels, widths, tokens of a vocabulary (250,000 are the most known).
	MaxSize = 1 << 20
)

// IntIn is Int for a number that has to be at least least and at most most.
func (r *Reader) IntIn(key string, otherwise, least, most int64) int64 {
	n := r.Int(key, otherwise)
	if n < least || n > most {
		if r.values[key] != nil { // else it was detected, and whoever did that has checked it
			r.Fail(key, weights.ErrConfig, "expected a whole number from %d to %d", least, most)
		}
		return otherwise
	}
	return n
}

// IntsIn is Ints for numbers that have to be at least least and at most most.
func (r *Reader) IntsIn(key string, n int, least, most int64) []int64 {
	list := r.Ints(key, n)
	for _, v := range list {
		if v < least || v > most {
			r.Fail(key, weights.ErrConfig, "expected whole numbers from %d to %d", least, most)
			return nil
		}
	}
	return list
}

// FloatIn is Float for a number that has to be at least least and at most most.
func (r *Reader) FloatIn(key string, otherwise, least, most float64) float64 {
	v := r.Float(key, otherwise)
	if !(v >= least && v <= most) {
		r.Fail(key, weights.ErrConfig, "expected a number from %g to %g", least, most)
		return otherwise
	}
	return v
}

// Size gives one side of a tensor that has to be there: tensor name of src, of dims dimensions, from 1 to MaxSize long. The error is
// weights.ErrMissing or weights.ErrShape.
func Size(src weights.Source, name string, dim, dims int) (int64, error) {
	shape, ok := src.Shape(name)
	switch {
	case !ok:
		return 0, fmt.Errorf("%s: tensor %q: %w", src.Origin(name), name, weights.ErrMissing)
	case len(shape) != dims:
		return 0, fmt.Errorf("%s: tensor %q has shape %v, expected %d dimensions: %w", src.Origin(name), name, shape, dims, weights.ErrShape)
	case shape[dim] < 1 || shape[dim] > MaxSize:
		return 0, fmt.Errorf("%s: tensor %q has shape %v, expected sides from 1 to %d: %w", src.Origin(name), name, shape, MaxSize, weights.ErrShape)
	}
	return shape[dim], nil
}

// Count gives how many layers there are that are numbered from 0 on, by asking has for each; what names them. More than most are an error,
// for which no more than that are counted.
func Count(what string, most int, has func(i int) bool) (int, error) {
	n := 0
	for has(n) {
		if n++; n > most {
			return most, fmt.Errorf("more than %d of %s, expected at most as many: this is no such model: %w", most, what, weights.ErrUnsupported)
		}
	}
	return n, nil
}
