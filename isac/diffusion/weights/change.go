package weights

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/torch"
)

// Change is what an adapter, such as a LoRA, does to one tensor of a network.
type Change interface {
	// Apply gives the changed tensor of w, which is float32. It is owned by the current scope.
	Apply(w torch.Tensor) (torch.Tensor, error)
}

// LowRankChange is a Change that a layer can add without a changed copy of its weight.
type LowRankChange interface {
	Change
	// LowRank gives the change in float32 on the CPU, owned by the current scope.
	LowRank() (LowRank, error)
}

// LowRank is a change of low rank: Up·Down is added to a weight [out,...]. The zero value adds nothing.
type LowRank struct {
	Down torch.Tensor // [r,n], n being the product of the weight's dimensions but the first
	Up   torch.Tensor // [out,r]
}

// Any says whether there is something to add.
func (l LowRank) Any() bool { return l.Down.Defined() }

// merged is w [out,...] with the change.
func (l LowRank) merged(w torch.Tensor) torch.Tensor {
	up, down := l.Up.To(w.DType()).ToDevice(w.Device()), l.Down.To(w.DType()).ToDevice(w.Device())
	return w.Add(up.Matmul(down).Reshape(w.Shape()...))
}

// changed is what a Params knows that was made of another by changes.
type changed struct {
	base    *params
	changes map[string][]Change
	moves   int // of base, when its tensors were taken
}

// Changed gives the parameters of a network with changes of some tensors, for the network to be built again by its constructor. A tensor that
// is not changed is shared with p's, which has to be closed later, and borrowed while the network is built. A change of low rank is left to layers that add it (see Weight); any other
// is applied to a copy of its tensor. The network that p belongs to stays as it is.
func (p *Params) Changed(changes map[string][]Change) *Params {
	base := p.root
	return &Params{path: p.path, root: &params{
		src: base.src, dtype: base.dtype, device: base.device, names: base.names,
		loaded: map[string]torch.Tensor{}, seen: map[string]bool{}, low: map[string]LowRank{},
		changed:   &changed{base: base, changes: changes, moves: base.moved()},
		residence: residence{lock: base.lock},
	}}
}

// Weight is Tensor for a layer that adds a change of low rank itself.
//
// A LoRA is not merged into copies of the weights: they would be most of a second network, and a checkpoint is shared by values with
// a LoRA and without. W·x + Up·(Down·x) takes the memory of two small matrices, has the gradient of the merged weight, and leaves W as it
// is to the bit. What is of no low rank (LoHa, LoKr, DoRA) costs a copy of the tensors that it changes.
func (p *Params) Weight(name string, shape ...int64) (torch.Tensor, LowRank) {
	r, full := p.root, p.name(name)
	if r.changed == nil || !lowRankOnly(r.changed.changes[full]) {
		return p.Tensor(name, shape...), LowRank{}
	}
	w := r.required(full, shape, r.share)
	low, known := r.low[full]
	if !known && w.Defined() {
		var err error
		if low, err = r.beside(full); err != nil {
			r.fail(full, err)
		}
		r.low[full] = low
	}
	return w, low
}

func lowRankOnly(changes []Change) bool {
	for _, c := range changes {
		if _, ok := c.(LowRankChange); !ok {
			return false
		}
	}
	return true
}

// share gives the tensor that the network before the changes has.
func (r *params) share(name string) (t torch.Tensor, owned bool, err error) {
	t, ok := r.changed.base.loaded[name]
	if !ok {
		err = fmt.Errorf("%s: tensor %q: %w", r.src.Origin(name), name, ErrClosed)
	}
	return t, false, err
}

// merge gives a tensor with all its changes in it.
func (r *params) merge(name string) (t torch.Tensor, owned bool, err error) {
	old, _, err := r.share(name)
	changes := r.changed.changes[name]
	before := r.changed.base.low[name]
	if err != nil || len(changes) == 0 && !before.Any() {
		return old, false, err
	}
	err = torch.InScope(func() (err error) {
		torch.NoGrad(func() {
			w := old.To(torch.Float32)
			if before.Any() {
				w = before.merged(w)
			}
			for _, c := range changes {
				if w, err = c.Apply(w); err != nil {
					return
				}
			}
			t, err = r.keep(name, w)
		})
		return err
	})
	return t, true, err
}

// beside gives the changes of low rank of a tensor as one, in the type and place of the network.
func (r *params) beside(name string) (low LowRank, err error) {
	before, changes := r.changed.base.low[name], r.changed.changes[name]
	if len(changes) == 0 {
		return before, nil
	}
	err = torch.InScope(func() (err error) {
		var ups, downs []torch.Tensor
		if before.Any() {
			ups, downs = []torch.Tensor{before.Up.To(torch.Float32)}, []torch.Tensor{before.Down.To(torch.Float32)}
		}
		for _, c := range changes {
			l, err := c.(LowRankChange).LowRank()
			if err != nil {
				return err
			}
			ups, downs = append(ups, l.Up.ToDevice(r.device)), append(downs, l.Down.ToDevice(r.device))
		}
		up, err := r.keep(name, torch.Cat(ups, 1))
		if err != nil {
			return err
		}
		r.order = append(r.order, up)
		down, err := r.keep(name, torch.Cat(downs, 0))
		if err != nil {
			return err
		}
		r.order = append(r.order, down)
		low = LowRank{Up: up, Down: down}
		return nil
	})
	return low, err
}

// keep takes a tensor out of all scopes, in the network's type and place.
func (r *params) keep(name string, t torch.Tensor) (torch.Tensor, error) {
	made := t.To(r.dtype).ToDevice(r.device)
	if !finite(made) {
		return torch.Tensor{}, fmt.Errorf("tensor %q changed by a LoRA has values that are no numbers or too large for %v: lower its strength, or load the model in float32: %w",
			name, r.dtype, ErrNotFinite)
	}
	return made.Contiguous().Clone().Keep(), nil
}
