package weights

import (
	"fmt"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/isac-guidance/isac/isac/torch"
)

// alignment is where tensors begin in memory that they are moved to: no vector unit wants more.
const alignment = 64

// away are the tensors of a network while they lie in the machine's memory. It is mapped from the system, and neither Go's nor libtorch's:
// it goes back to the system at once, and no allocator's count has it.
type away struct {
	memory []byte
	bytes  int64          // of all tensors
	spots  []spot         // of params.order
	loaded map[string]int // what params.loaded had, by its place in params.order
	low    map[string]lowSpot
}

// spot is one tensor.
type spot struct {
	at    int
	dtype torch.DType
	shape []int64
}

// lowSpot is where a change of low rank lies in params.order.
type lowSpot struct{ up, down int }

func (s spot) bytes() int {
	n := s.dtype.Bytes()
	for _, d := range s.shape {
		n *= int(d)
	}
	return n
}

// tensor is the spot as libtorch sees it, for as long as the memory is there.
func (a *away) tensor(s spot) torch.Tensor {
	return torch.FromBlob(unsafe.Pointer(&a.memory[s.at]), s.dtype, s.shape...)
}

// Park moves the tensors that p loaded or made off the device, into the machine's memory, and tells how many bytes left. Those that it shares
// with the network that it is a change of stay: they are that one's to park. Layers that were built from p, or from a change of it, must be
// built again after the next Borrow. While somebody borrows them nothing is moved, and 0 comes back; so it does where all are away.
// After an error all of them are where they were.
func (p *Params) Park() (bytes int64, err error) {
	if !p.root.lock.TryLock() {
		return 0, nil
	}
	defer p.root.lock.Unlock()
	return p.root.park()
}

func (r *params) park() (bytes int64, err error) {
	if r.away != nil || r.closed || len(r.order) == 0 {
		return 0, nil
	}
	a, place, size := &away{loaded: map[string]int{}, low: map[string]lowSpot{}}, map[torch.Tensor]int{}, 0
	for i, t := range r.order {
		s := spot{at: size, dtype: t.DType(), shape: t.Shape()}
		a.spots, place[t] = append(a.spots, s), i
		bytes += int64(s.bytes())
		size += (s.bytes() + alignment - 1) / alignment * alignment
	}
	if a.memory, err = mapMemory(max(size, 1)); err != nil {
		return 0, fmt.Errorf("%d bytes to move weights to: %w", size, err)
	}
	err = torch.InScope(func() error {
		torch.NoGrad(func() {
			for i, t := range r.order {
				if a.spots[i].bytes() > 0 {
					a.tensor(a.spots[i]).CopyFrom(t)
				}
			}
		})
		return nil
	})
	if err != nil {
		_ = unmapMemory(a.memory)
		return 0, fmt.Errorf("move weights off %s: %w", r.device, err)
	}
	for name, t := range r.loaded {
		if i, owned := place[t]; owned {
			a.loaded[name] = i
		}
	}
	for name, l := range r.low {
		if i, owned := place[l.Up]; owned {
			a.low[name] = lowSpot{up: i, down: place[l.Down]}
		}
	}
	for _, t := range r.order {
		t.Close()
	}
	a.bytes = bytes
	r.away, r.order = a, nil
	return bytes, nil
}

// Borrow brings back what Park moved, of p and of what it is a change of, and keeps it from being moved until release is called. A second
// Borrow waits for that, also one of a change. It fails where the device has no room, and everything stays away.
func (p *Params) Borrow() (release func(), err error) {
	p.root.lock.Lock()
	if err := p.root.fetch(); err != nil {
		p.root.lock.Unlock()
		return nil, err
	}
	return p.root.lock.Unlock, nil
}

// fetch brings back what is away, of the base first.
func (r *params) fetch() error {
	if r.changed != nil {
		if err := r.changed.base.fetch(); err != nil {
			return err
		}
	}
	if r.away != nil {
		if err := r.unpark(); err != nil {
			return err
		}
	}
	if r.changed != nil && r.changed.moves != r.changed.base.moved() {
		r.changed.moves = r.changed.base.moved()
		r.refresh()
	}
	return nil
}

func (r *params) unpark() error {
	var back []torch.Tensor
	err := torch.InScope(func() error {
		torch.NoGrad(func() {
			for _, s := range r.away.spots {
				var t torch.Tensor
				if s.bytes() == 0 {
					t = torch.Zeros(s.shape, s.dtype, r.device)
				} else if t = r.away.tensor(s); r.device == torch.CPU {
					t = t.Clone() // ToDevice would not copy
				} else {
					t = r.placed(t.ToDevice(r.device))
				}
				back = append(back, t)
			}
		})
		if r.device != torch.CPU {
			torch.Synchronize(r.device) // the memory that is read from is freed below
		}
		for _, t := range back {
			t.Keep()
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("move weights back to %s: %w", r.device, err)
	}
	r.order = back
	for name, i := range r.away.loaded {
		r.loaded[name] = back[i]
	}
	for name, l := range r.away.low {
		r.low[name] = LowRank{Up: back[l.up], Down: back[l.down]}
	}
	r.moves++
	memory := r.away.memory
	r.away = nil
	return unmapMemory(memory)
}

// refresh takes what is shared with the base, whose tensors are others now.
func (r *params) refresh() {
	owned, base := make(map[torch.Tensor]bool, len(r.order)), r.changed.base
	for _, t := range r.order {
		owned[t] = true
	}
	for name, t := range r.loaded {
		if !owned[t] {
			r.loaded[name] = base.loaded[name]
		}
	}
	for name, l := range r.low {
		if !owned[l.Up] {
			r.low[name] = base.low[name]
		}
	}
}

// Moves counts how often tensors that p hands out came back as others. Layers hold those of the count at which they were built.
func (p *Params) Moves() int { return p.root.moved() }

func (r *params) moved() int {
	if r.changed != nil {
		return r.moves + r.changed.base.moved()
	}
	return r.moves
}

// Held is how many bytes of p's own tensors lie on the device, and how many are away. It waits for nobody: while they are borrowed or moved
// it gives what it gave before.
func (p *Params) Held() (device, gone int64) {
	r := p.root
	if r.lock.TryLock() {
		if r.away != nil {
			r.there.Store(0)
			r.gone.Store(r.away.bytes)
		} else if r.counted != len(r.order) || r.gone.Load() != 0 {
			r.there.Store(r.count())
			r.gone.Store(0)
		}
		r.lock.Unlock()
	}
	return r.there.Load(), r.gone.Load()
}

// count asks each tensor for its size.
func (r *params) count() (bytes int64) {
	for _, t := range r.order {
		bytes += t.Numel() * int64(t.DType().Bytes())
	}
	r.counted = len(r.order)
	return bytes
}

// residence is where the tensors of a network are. Networks that share tensors share the lock.
type residence struct {
	lock  *sync.Mutex
	away  *away // nil while they are on the device
	moves int   // how often they came back
	// counted is how many tensors there and gone are of, which Held gave last.
	counted     int
	there, gone atomic.Int64
}
