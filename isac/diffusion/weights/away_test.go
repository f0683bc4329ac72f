package weights

import (
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// network is what layers would hold of three tensors.
type network struct {
	a    torch.Tensor
	low  LowRank
	b, c torch.Tensor
}

func (n *network) build(p *Params) {
	n.a, n.low = p.Weight("a.weight", 2, 2)
	n.b, n.c = p.Tensor("b.weight"), p.Optional("c.none")
}

// values are all numbers of the network.
func (n *network) values() []float32 {
	out := slices.Concat(n.a.Float32s(), n.b.Float32s(), n.c.Float32s())
	if n.low.Any() {
		out = slices.Concat(out, n.low.Up.Float32s(), n.low.Down.Float32s())
	}
	return out
}

// parkable gives a network, one with a change of it, and one with a change of that one.
func parkable(t *testing.T, dtype torch.DType) []*Params {
	t.Helper()
	path := filepath.Join(t.TempDir(), "weights.safetensors")
	err := torch.InScope(func() error {
		return Write(path, []Entry{
			FromTensor("a.weight", torch.FromFloat32s([]float32{1, 2, 3, 4}, 2, 2)), FromTensor("b.weight", torch.FromFloat32s([]float32{1, 1, 1, 1}, 2, 2)),
			FromTensor("c.none", torch.FromFloat32s(nil, 0, 3)),
		}, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	base := NewParams(f, dtype, torch.CPU)
	one := outer{[]float32{1, 0}, []float32{10, 20}}
	var networks network
	networks.build(base)
	added := base.Changed(map[string][]Change{"a.weight": {one}, "b.weight": {one}})
	networks.build(added)
	more := added.Changed(map[string][]Change{"b.weight": {twice{}}})
	networks.build(more)
	all := []*Params{base, added, more}
	t.Cleanup(func() {
		for _, p := range slices.Backward(all) {
			p.Close()
		}
	})
	return all
}

// TestParkedWeightsComeBack parks each of three networks that share weights, alone and with the others, and asks each of them again: it has what
// it had, to the bit, and libtorch counts nothing meanwhile.
func TestParkedWeightsComeBack(t *testing.T) {
	torchtest.Require(t)
	for _, dtype := range []torch.DType{torch.Float32, torch.BFloat16} {
		all := parkable(t, dtype)
		var want [][]float32
		for _, p := range all {
			var n network
			n.build(p)
			want = append(want, n.values())
		}
		handles := torch.LiveHandles()
		for which := 1; which < 8; which++ {
			for asked := range all {
				before, moved := torch.MemoryStats(torch.CPU).Tensors, int64(0)
				for i, p := range all {
					if which>>i&1 == 0 {
						continue
					}
					there, _ := p.Held()
					bytes, err := p.Park()
					if err != nil || bytes != there {
						t.Fatalf("%v: %d bytes left of %d: %v", dtype, bytes, there, err)
					}
					if here, away := p.Held(); here != 0 || away != bytes {
						t.Errorf("%v: %d bytes are on the device and %d away, of %d", dtype, here, away, bytes)
					}
					if again, err := p.Park(); again != 0 || err != nil {
						t.Errorf("%v: %d bytes left twice: %v", dtype, again, err)
					}
					moved += bytes
				}
				if fell := before - torch.MemoryStats(torch.CPU).Tensors; fell < moved {
					t.Errorf("%v: libtorch counts %d bytes less, %d left", dtype, fell, moved)
				}
				for i := range all { // the one that is asked first brings its bases back
					p := all[(asked+i)%len(all)]
					release, err := p.Borrow()
					if err != nil {
						t.Fatal(err)
					}
					var n network
					n.build(p)
					if got := n.values(); p.Err() != nil || !slices.Equal(got, want[(asked+i)%len(all)]) {
						t.Errorf("%v: parked %03b, asked %d: %v, want %v, %v", dtype, which, (asked+i)%len(all), got, want[(asked+i)%len(all)], p.Err())
					}
					release()
				}
				if left := torch.LiveHandles() - handles; left != 0 {
					t.Fatalf("%v: %d tensors more", dtype, left)
				}
			}
		}
	}
}

// TestBorrowedWeightsStay holds that weights are not moved while somebody borrows them, also by way of a change, and that closing frees
// those that are away.
func TestBorrowedWeightsStay(t *testing.T) {
	torchtest.Require(t)
	all := parkable(t, torch.Float32)
	release, err := all[2].Borrow()
	if err != nil {
		t.Fatal(err)
	}
	if bytes, err := all[0].Park(); bytes != 0 || err != nil {
		t.Errorf("%d bytes left while they were borrowed: %v", bytes, err)
	}
	release()
	for _, p := range slices.Backward(all) {
		if _, err := p.Park(); err != nil {
			t.Fatal(err)
		}
		p.Close()
		if here, away := p.Held(); here != 0 || away != 0 {
			t.Errorf("a closed network holds %d and %d bytes", here, away)
		}
		if bytes, err := p.Park(); bytes != 0 || err != nil {
			t.Errorf("%d bytes left a closed network: %v", bytes, err)
		}
	}
}

// TestWeightsAreMovedByAnybody parks and borrows in several goroutines at once.
func TestWeightsAreMovedByAnybody(t *testing.T) {
	torchtest.Require(t)
	all := parkable(t, torch.Float32)
	var want [3][]float32
	for i, p := range all {
		var n network
		n.build(p)
		want[i] = n.values()
	}
	var group sync.WaitGroup
	for i, p := range all {
		group.Go(func() {
			for range 100 {
				release, err := p.Borrow()
				if err != nil {
					t.Error(err)
					return
				}
				var n network
				n.build(p)
				if got := n.values(); !slices.Equal(got, want[i]) {
					t.Errorf("network %d is %v, want %v", i, got, want[i])
				}
				release()
			}
		})
		group.Go(func() {
			for range 100 {
				if _, err := p.Park(); err != nil {
					t.Error(err)
				}
				p.Held()
			}
		})
	}
	group.Wait()
}
