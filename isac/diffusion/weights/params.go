package weights

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/isac-guidance/isac/isac/torch"
)

// Params loads a model's weights by layer path and remembers what went wrong, so that a model builder reads as a list of layers and
// all mistakes of one checkpoint are reported together:
//
//	p := weights.NewParams(src, torch.Float32, torch.CPU)
//	conv := p.Sub("conv_in").Tensor("weight", -1, 4, 3, 3)
//	if err := p.Err(); err != nil { p.Close(); return err }
//
// Every tensor is a copy in the wanted element type on the wanted device, taken out of all scopes, and freed by Close. The source's
// file may be closed once the model is built.
type Params struct {
	path string
	root *params
}

type params struct {
	src    Source
	dtype  torch.DType
	device torch.Device
	names  []string // of src, sorted
	loaded map[string]torch.Tensor
	order  []torch.Tensor // to be closed
	errs   Mistakes
	seen   map[string]bool
	closed bool

	residence
	changed *changed           // nil where the tensors are src's own
	low     map[string]LowRank // that layers add, see Weight
}

// NewParams loads from src. Floating point tensors are converted to dtype, tensors of whole numbers keep their type.
func NewParams(src Source, dtype torch.DType, device torch.Device) *Params {
	return &Params{root: &params{src: src, dtype: dtype, device: device, names: src.Names(), loaded: map[string]torch.Tensor{}, seen: map[string]bool{}, residence: residence{lock: &sync.Mutex{}}}}
}

// Sub gives the parameters below path: Sub("down_blocks.0").Tensor("weight") is down_blocks.0.weight. Subs share one record of errors and
// tensors with the Params that they come from.
func (p *Params) Sub(path string) *Params { return &Params{path: p.name(path), root: p.root} }

// Path is where p stands in the tree of layers, "" at its root.
func (p *Params) Path() string { return p.path }

// DType is the element type that floating point weights are converted to.
func (p *Params) DType() torch.DType { return p.root.dtype }

// Device is where the weights go.
func (p *Params) Device() torch.Device { return p.root.device }

func (p *Params) name(name string) string {
	if p.path == "" || name == "" {
		return p.path + name
	}
	return p.path + "." + name
}

// Has says whether there is a tensor of this name.
func (p *Params) Has(name string) bool { return p.root.src.Has(p.name(name)) }

// HasAny says whether any tensor lies below path: HasAny("attentions.0").
func (p *Params) HasAny(path string) bool {
	prefix := p.name(path) + "."
	names := p.root.names
	i, _ := slices.BinarySearch(names, prefix)
	return i < len(names) && strings.HasPrefix(names[i], prefix)
}

// Shape gives a tensor's shape without loading it, nil where there is no such tensor.
func (p *Params) Shape(name string) []int64 {
	shape, _ := p.root.src.Shape(p.name(name))
	return shape
}

// Tensor loads a tensor and checks its shape, in which -1 stands for any size; no shape at all means any shape. A mistake is recorded
// for Err, and an undefined tensor comes back. Asking twice gives the same tensor.
func (p *Params) Tensor(name string, shape ...int64) torch.Tensor {
	return p.root.required(p.name(name), shape, p.root.load)
}

// required is optional for a tensor that there has to be.
func (r *params) required(full string, shape []int64, load loader) torch.Tensor {
	if !r.src.Has(full) {
		r.fail(full, fmt.Errorf("%s: tensor %q: %w", r.src.Origin(full), full, ErrMissing))
		return torch.Tensor{}
	}
	return r.optional(full, shape, load)
}

// loader gives a tensor for a model to keep, and whether it is the model's to close.
type loader func(full string) (t torch.Tensor, owned bool, err error)

// Optional is Tensor for a weight that some models do not have: where it is absent, an undefined tensor and no error.
func (p *Params) Optional(name string, shape ...int64) torch.Tensor {
	return p.root.optional(p.name(name), shape, p.root.load)
}

func (r *params) optional(full string, shape []int64, load loader) torch.Tensor {
	got, ok := r.src.Shape(full)
	if !ok {
		return torch.Tensor{}
	}
	if len(shape) > 0 && !matches(got, shape) {
		r.fail(full, fmt.Errorf("%s: tensor %q has shape %v, expected %s: %w", r.src.Origin(full), full, got, pattern(shape), ErrShape))
		return torch.Tensor{}
	}
	if t, ok := r.loaded[full]; ok {
		return t
	}
	if r.seen[full] || r.closed {
		return torch.Tensor{}
	}
	t, owned, err := load(full)
	if err != nil {
		r.fail(full, err)
		return torch.Tensor{}
	}
	r.loaded[full] = t
	if owned {
		r.order = append(r.order, t)
	}
	return t
}

// load copies one tensor out of the source, or makes it of the one that it is a change of.
func (r *params) load(name string) (kept torch.Tensor, owned bool, err error) {
	if r.changed != nil {
		return r.merge(name)
	}
	kept, err = r.read(name)
	return kept, true, err
}

// read copies one tensor out of the source: nothing that it returns may share memory with the file.
func (r *params) read(name string) (kept torch.Tensor, err error) {
	dtype, _ := r.src.DType(name)
	err = torch.InScope(func() error {
		raw, err := r.src.Tensor(name)
		if err != nil {
			return err
		}
		t := raw
		if dtype.Float() {
			t = raw.To(r.dtype)
		}
		t = t.ToDevice(r.device)
		if t.Device() == torch.CPU && t.DType() == raw.DType() {
			t = raw.Contiguous().Clone() // neither To nor ToDevice copied
		}
		if dtype.Float() && !finite(t) {
			if finite(raw) {
				return fmt.Errorf("%s: tensor %q has values that are too large for %v: load the model in float32 or bfloat16: %w",
					r.src.Origin(name), name, r.dtype, ErrNotFinite)
			}
			return fmt.Errorf("%s: tensor %q holds NaN or infinite values: the file is damaged or badly merged, get it anew: %w",
				r.src.Origin(name), name, ErrNotFinite)
		}
		kept = r.placed(t).Keep()
		return nil
	})
	return kept, err
}

// placed has a weight on a GPU in the order that it is read in, or the GPU brings it into that order at each evaluation.
func (r *params) placed(t torch.Tensor) torch.Tensor {
	if t.Device() != torch.CPU && r.dtype.Bytes() == 2 && convolves(t.Shape()) {
		return t.ChannelsLast()
	}
	return t
}

// convolves tells of a shape whether it is that of a convolution's weights, but for one that is a matrix.
func convolves(shape []int64) bool { return len(shape) == 4 && shape[2]*shape[3] > 1 }

// finite looks at the largest and the smallest value, which NaN spreads to: two passes that make no tensor, a tenth of the time of
// testing every element.
func finite(t torch.Tensor) bool {
	if t.Numel() == 0 {
		return true
	}
	high, low := t.MaxAll().Item(), t.MinAll().Item()
	return !math.IsNaN(high) && !math.IsInf(high, 0) && !math.IsNaN(low) && !math.IsInf(low, 0)
}

func (r *params) fail(name string, err error) {
	if !r.seen[name] {
		r.seen[name] = true
		r.errs = append(r.errs, err)
	}
}

// Fail records a mistake that the model builder found itself, to be reported with the others.
func (p *Params) Fail(err error) { p.root.errs = append(p.root.errs, err) }

// Err gives all mistakes so far as one Mistakes, nil where there is none. errors.Is finds ErrMissing, ErrShape and the like in it.
func (p *Params) Err() error { return p.root.errs.err() }

// Unused lists the tensors that nobody has asked for, sorted: a sign that the model is of another kind than it was built as.
func (p *Params) Unused() []string {
	var unused []string
	for _, name := range p.root.names {
		if _, ok := p.root.loaded[name]; !ok && !p.root.seen[name] {
			unused = append(unused, name)
		}
	}
	return unused
}

// Close frees every tensor that was loaded, in reverse order, also those that Park moved. Later loads give undefined tensors. Closing twice is
// allowed. Nobody else may use p meanwhile.
func (p *Params) Close() {
	r := p.root
	if r.away != nil {
		_ = unmapMemory(r.away.memory)
		r.away = nil
	}
	for i := len(r.order) - 1; i >= 0; i-- {
		r.order[i].Close()
	}
	r.order, r.loaded, r.low, r.closed = nil, map[string]torch.Tensor{}, nil, true
}

func matches(shape, want []int64) bool {
	if len(shape) != len(want) {
		return false
	}
	for i, n := range want {
		if n >= 0 && n != shape[i] {
			return false
		}
	}
	return true
}

// pattern prints an expected shape with * for any size.
func pattern(shape []int64) string {
	parts := make([]string, len(shape))
	for i, n := range shape {
		parts[i] = "*"
		if n >= 0 {
			parts[i] = fmt.Sprint(n)
		}
	}
	return "[" + strings.Join(parts, " ") + "]"
}
