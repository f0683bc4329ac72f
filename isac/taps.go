package isac

import (
	"errors"
	"fmt"

	"github.com/isac-guidance/isac/isac/torch"
)

// grid is the size of an attention map's image side.
type grid struct{ height, width int64 }

func (g grid) pixels() int64  { return g.height * g.width }
func (g grid) String() string { return fmt.Sprintf("%dx%d", g.height, g.width) }

// reading is the taps of one evaluation, checked and sorted by kind.
type reading struct {
	self, cross []Tap
	top         grid  // H×W, the highest resolution among all taps
	tokens      int64 // L
	half        bool  // some tap is float16, whose gradients underflow without a loss scale
}

// read checks taps and reports everything that is wrong with them, all at once.
func read(taps []Tap, target Target) (reading, error) {
	var r reading
	var errs []error
	for _, t := range taps {
		if err := r.add(t); err != nil {
			errs = append(errs, fmt.Errorf("isac: %s tap %q: %w", t.Kind, t.Name, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return r, err
	}
	if len(r.self) == 0 || len(r.cross) == 0 {
		return r, fmt.Errorf("isac: the model has %d self-attention and %d cross-attention taps: at least one of each is needed", len(r.self), len(r.cross))
	}
	for _, c := range target.Classes {
		for _, p := range c.Tokens {
			if int64(p) >= r.tokens {
				errs = append(errs, fmt.Errorf("isac: %s: token position %d is outside the model's sequence of %d tokens: shorten the prompt or name the class earlier", c.Name, p, r.tokens))
			}
		}
	}
	return r, errors.Join(errs...)
}

// add checks one tap and sorts it in.
func (r *reading) add(t Tap) error {
	if !t.Q.Defined() || !t.K.Defined() {
		return errors.New("queries or keys are undefined")
	}
	q, k := t.Q.Shape(), t.K.Shape()
	if len(q) != 4 || len(k) != 4 {
		return fmt.Errorf("queries have shape %v and keys %v, both must be [1, heads, positions, d]", q, k)
	}
	g := grid{int64(t.Height), int64(t.Width)}
	switch {
	case q[0] != 1 || k[0] != 1:
		return fmt.Errorf("the batch is %d and %d, it must be 1: guide each image on its own", q[0], k[0])
	case q[1] != k[1] || q[3] != k[3]:
		return fmt.Errorf("queries have shape %v and keys %v, heads and d must be equal", q, k)
	case g.height < 1 || g.width < 1 || q[2] != g.pixels():
		return fmt.Errorf("there are %d queries, the grid %s has %d", q[2], g, g.pixels())
	case !(t.Scale > 0):
		return fmt.Errorf("scale is %v, it must be above 0", t.Scale)
	case !t.Q.DType().Floating() || t.Q.DType() != t.K.DType():
		return fmt.Errorf("queries are %s and keys %s, both must be of the same floating type", t.Q.DType(), t.K.DType())
	}
	switch t.Kind {
	case SelfAttention:
		if k[2] != g.pixels() {
			return fmt.Errorf("there are %d keys, the grid %s has %d", k[2], g, g.pixels())
		}
		r.self = append(r.self, t)
	case CrossAttention:
		if r.tokens != 0 && k[2] != r.tokens {
			return fmt.Errorf("there are %d tokens, other layers have %d", k[2], r.tokens)
		}
		r.tokens = k[2]
		r.cross = append(r.cross, t)
	default:
		return errors.New("the kind is neither self-attention nor cross-attention")
	}
	if g.pixels() > r.top.pixels() {
		r.top = g
	}
	r.half = r.half || t.Q.DType() == torch.Float16
	return nil
}
