package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// Detector reads a network's configuration off the shapes of its tensors, and off its config file what they cannot tell. It collects
// what is wrong with both.
type Detector struct {
	weights.Source
	Settings *Reader

	network string
	names   []string
	errs    []error
}

// NewDetector reads the tensors of src. network stands before its mistakes ("unet"), file names the config file in those of settings,
// whose values are as for New.
func NewDetector(network string, src weights.Source, file string, settings map[string]any) *Detector {
	return &Detector{Source: src, Settings: New(file, settings), network: network, names: src.Names()}
}

// Names are those of all tensors, sorted.
func (d *Detector) Names() []string { return d.names }

// Err gives all mistakes so far as one error, nil where there is none. errors.Is finds weights.ErrMissing, ErrShape, ErrConfig and
// ErrUnsupported in it.
func (d *Detector) Err() error {
	return errors.Join(append(slices.Clone(d.errs), d.Settings.Err())...)
}

// Fail records a mistake about tensors.
func (d *Detector) Fail(format string, a ...any) {
	d.errs = append(d.errs, fmt.Errorf(d.network+": "+format, a...))
}

// Size gives one dimension of a tensor that every network of the kind has, and records a mistake where it is absent, has not as many
// dimensions as it should, or is longer than any network's.
func (d *Detector) Size(name string, dim, dims int) int64 {
	n, err := Size(d.Source, name, dim, dims)
	if err != nil {
		d.Fail("%w", err)
	}
	return n
}

// Below says whether any tensor lies below path.
func (d *Detector) Below(path string) bool {
	i, _ := slices.BinarySearch(d.names, path+".")
	return i < len(d.names) && strings.HasPrefix(d.names[i], path+".")
}

// Count gives how many layers there are of a name with a number in it, counted from 0: Count("down_blocks.%d", MaxLevels). It records a
// mistake where there are more than most.
func (d *Detector) Count(format string, most int) int {
	n, err := Count(format, most, func(i int) bool { return d.Below(fmt.Sprintf(format, i)) })
	if err != nil {
		d.Fail("%s: %w", d.Origin(""), err)
	}
	return n
}
