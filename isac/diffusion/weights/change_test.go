package weights

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// outer adds up·down, given as values of [2,1] and [1,2].
type outer struct{ up, down []float32 }

func (o outer) LowRank() (LowRank, error) {
	return LowRank{Up: torch.FromFloat32s(o.up, 2, 1), Down: torch.FromFloat32s(o.down, 1, 2)}, nil
}

func (o outer) Apply(w torch.Tensor) (torch.Tensor, error) {
	l, err := o.LowRank()
	return l.merged(w), err
}

// twice doubles a tensor.
type twice struct{}

func (twice) Apply(w torch.Tensor) (torch.Tensor, error) { return w.MulScalar(2), nil }

// TestChanged makes networks' parameters with changes of one another: shared where nothing changes, beside the weight where a layer adds a
// change of low rank, else in a copy. Closing one leaves the others.
func TestChanged(t *testing.T) {
	torchtest.Require(t)
	path := filepath.Join(t.TempDir(), "weights.safetensors")
	err := torch.InScope(func() error {
		return Write(path, []Entry{
			FromTensor("a.weight", torch.FromFloat32s([]float32{1, 2, 3, 4}, 2, 2)), FromTensor("b.weight", torch.FromFloat32s([]float32{1, 1, 1, 1}, 2, 2)),
		}, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	before := torch.LiveHandles()
	base := NewParams(f, torch.Float32, torch.CPU)
	a, none := base.Weight("a.weight", 2, 2)
	b := base.Tensor("b.weight")
	if err := errors.Join(base.Err(), f.Close()); err != nil || none.Any() {
		t.Fatal(err)
	}
	one := outer{[]float32{1, 0}, []float32{10, 20}}
	added := base.Changed(map[string][]Change{"a.weight": {one}, "b.weight": {one}})
	sameA, low := added.Weight("a.weight", 2, 2)
	merged := added.Tensor("b.weight")
	if !low.Any() || !slices.Equal(sameA.Float32s(), a.Float32s()) || torch.LiveHandles()-before != 5 {
		t.Errorf("a change of low rank copied the weight: %d tensors", torch.LiveHandles()-before)
	}
	if got := merged.Float32s(); !slices.Equal(got, []float32{11, 21, 1, 1}) || !slices.Equal(b.Float32s(), []float32{1, 1, 1, 1}) {
		t.Errorf("merged is %v", got)
	}
	more := added.Changed(map[string][]Change{"a.weight": {one, outer{[]float32{0, 1}, []float32{1, 1}}}})
	_, low = more.Weight("a.weight", 2, 2)
	if low.Up.Size(1) != 3 || low.Down.Size(0) != 3 {
		t.Errorf("three changes beside a weight have rank %d", low.Up.Size(1))
	}
	if got := more.Tensor("b.weight").Float32s(); !slices.Equal(got, []float32{11, 21, 1, 1}) {
		t.Errorf("a tensor that the second change leaves alone is %v", got)
	}
	doubled := added.Changed(map[string][]Change{"a.weight": {twice{}, one}})
	got, low := doubled.Weight("a.weight", 2, 2)
	if want := []float32{2*11 + 10, 2*22 + 20, 6, 8}; low.Any() || !slices.Equal(got.Float32s(), want) {
		t.Errorf("the change after one of low rank gives %v, want %v", got.Float32s(), want)
	}
	large := base.Changed(map[string][]Change{"a.weight": {outer{[]float32{1e38, 0}, []float32{1e38, 0}}}, "b.weight": {outer{[]float32{1e30, 0}, []float32{1e30, 0}}}})
	large.Weight("a.weight")
	large.Tensor("b.weight")
	if err := large.Err(); !errors.Is(err, ErrNotFinite) {
		t.Errorf("a product that is too large: %v", err)
	}
	for _, p := range []*Params{more, doubled, large, added} {
		p.Close()
		p.Close()
	}
	if !slices.Equal(a.Float32s(), []float32{1, 2, 3, 4}) {
		t.Error("closing what was made of it changed the network")
	}
	base.Close()
	if late := base.Changed(nil); late.Tensor("a.weight").Defined() || !errors.Is(late.Err(), ErrClosed) {
		t.Errorf("of a closed network: %v", late.Err())
	}
	if left := torch.LiveHandles() - before; left != 0 {
		t.Errorf("%d tensors are left", left)
	}
}
