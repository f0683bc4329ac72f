package attention

import (
	"errors"

	"github.com/isac-guidance/isac/isac/torch"
)

// Online makes maps while the model is evaluated, in the place of queries and keys, where gradient checkpoints run parts of it twice: SA is
// added up over layers, without gradient, and of each layer no more stays than its part of CA, and rows that the gradient of SA's comes back
// through. A checkpointed evaluation then keeps what comes into its parts, and nothing of what is in them; queries and keys alone are a gigabyte at
// 1024×1024 pixels.
//
// It serves one evaluation of one image, of which Accumulate and then Rows are asked once, with the same options.
type Online struct {
	opt   Options
	reads []bool
	self  []*group // the sum over heads for each grid, until it is taken
	taken bool
	dtype torch.DType // of maps
	on    torch.Device
}

// OnlineRows is how many queries of a layer Rows can ask for: a gradient of so many rows waits for each layer. It takes ten or so, unless SA's
// smallest or largest value, where it is min-maxed, stands at many places.
const OnlineRows = 64

// ErrManyRows says that Rows was asked for more than Online has room for: evaluate once more without it.
var ErrManyRows = errors.New("attention: more rows of self-attention are wanted than are provided for")

// NewOnline makes room, in the caller's scope, for maps as Accumulate has them with opt, which detaches SA, of those of a model's layers that reads
// holds true of, nil for all. layers need no queries and keys; model is what the model computes in.
func NewOnline(opt Options, layers []Tap, reads []bool, model torch.DType, dev torch.Device) *Online {
	o := &Online{opt: opt, reads: reads, dtype: torch.Float32, on: dev}
	if model == torch.Float64 {
		o.dtype = model
	}
	for i, t := range layers {
		if t.Has(Image) && o.wants(i) && o.of(t.Grid()) == nil {
			n := int64(t.Grid().Pixels())
			o.self = append(o.self, &group{grid: t.Grid(), heads: 1, sum: torch.Zeros([]int64{n, n}, o.dtype, dev)})
		}
	}
	return o
}

func (o *Online) wants(layer int) bool {
	return o.reads == nil || layer < len(o.reads) && o.reads[layer]
}

func (o *Online) of(g Grid) *group {
	for _, one := range o.self {
		if one.grid == g {
			return one
		}
	}
	return nil
}

// remnant is what is left of a layer.
type remnant struct {
	of    *Online
	heads int
	// text is the layer's part of CA, [N,L], with gradient; undefined where it has none or is not read.
	text torch.Tensor
	// rows has zeros for values, and for gradient that of the layer's SA at queries: [OnlineRows,N]. Undefined as text is.
	rows    torch.Tensor
	queries []int64 // as Rows has them, in backward
}

// keeper says what a checkpoint whose first layer has a number keeps of the layers that it records: first, in the run without gradient, and then in
// those with it.
func (o *Online) keeper(first int) func(taps []Tap) []Tap {
	var left []Tap
	return func(taps []Tap) []Tap {
		if left == nil {
			for i, t := range taps {
				left = append(left, o.take(t, first+i))
			}
			return left
		}
		again := make([]Tap, len(left))
		for i, t := range taps {
			again[i].left = left[i].left.again(t)
		}
		return again
	}
}

// take adds a layer's maps up and gives its tap without queries and keys.
func (o *Online) take(t Tap, layer int) Tap {
	m := &remnant{of: o, heads: t.Heads()}
	if o.wants(layer) {
		for _, part := range parts(t, o.opt.Renormalise) {
			for _, text := range torch.WithScope(func() []torch.Tensor { return o.add(part) }) {
				m.text = text
			}
		}
		if t.Has(Image) {
			o.of(t.Grid()).means += m.heads
			m.rows = o.blank(OnlineRows, t.Length(Image))
		}
	}
	t.Half = t.half()
	t.Q, t.K, t.left = torch.Tensor{}, torch.Tensor{}, m
	return t
}

// add adds the image's part of a softmax up and gives the text's, if it has one.
func (o *Online) add(part Tap) []torch.Tensor {
	mean := part.Mean()
	text := columns(mean, 1, part.Keys, Text)
	if text.Defined() && text != mean {
		text = text.Clone() // or the whole would stay
	}
	if image := columns(mean, 1, part.Keys, Image); image.Defined() {
		o.of(part.Grid()).sum.AddInPlace(image.MulInPlaceScalar(float64(part.Heads())))
	}
	if text.Defined() {
		return []torch.Tensor{text}
	}
	return nil
}

// blank are rows of zeros, which take no memory.
func (o *Online) blank(rows, keys int) torch.Tensor {
	return torch.Zeros([]int64{1, 1}, o.dtype, o.on).Expand(int64(rows), int64(keys))
}

// again gives of the layer t, run again with gradient, what m is without.
func (m *remnant) again(t Tap) *remnant {
	out := &remnant{}
	for _, part := range parts(t, m.of.opt.Renormalise) {
		if m.text.Defined() && part.Has(Text) {
			out.text = part.textGradient()
		}
		if m.rows.Defined() && part.Has(Image) {
			out.rows = m.rowsOf(part)
		}
	}
	return out
}

// rowsOf makes the rows that are asked for.
func (m *remnant) rowsOf(part Tap) torch.Tensor {
	n, keys := len(m.queries), part.Length(Image)
	if n == 0 {
		return m.of.blank(OnlineRows, keys)
	}
	part.Q = part.Q.IndexSelect(2, torch.FromInt64s(m.queries, int64(n)).ToDevice(part.Q.Device()))
	rows := columns(part.Mean(), 1, part.Keys, Image)
	if n == OnlineRows {
		return rows
	}
	return torch.Cat([]torch.Tensor{rows, m.of.blank(OnlineRows-n, keys)}, 0)
}

// onlineOf is the Online that taps were evaluated with, nil if none was.
func onlineOf(taps []Tap) *Online {
	for _, t := range taps {
		if t.left != nil {
			return t.left.of
		}
	}
	return nil
}

// take hands the sums on, which are the caller's from here on.
func (s *sums) take(o *Online) {
	if o == nil {
		return
	}
	if o.taken {
		panic("attention: maps that were added up online are there once")
	}
	o.taken = true
	for _, g := range o.self {
		if g.means > 0 {
			s.groups = append(s.groups, &group{grid: g.grid, heads: g.heads, means: g.means, sum: g.sum})
		}
	}
}
