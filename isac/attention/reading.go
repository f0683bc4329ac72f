package attention

import (
	"errors"
	"fmt"
)

// Reading is the taps of one evaluation, checked.
type Reading struct {
	Taps []Tap
	// Top is H×W, the highest resolution among all taps.
	Top Grid
	// Tokens is L, the number of text tokens, the same in all taps that have any.
	Tokens int
	// Half says that the model computes in float16, through which gradients underflow or overflow without a scale of the loss.
	Half bool
}

// Read checks taps and reports everything that is wrong with them, all at once.
func Read(taps []Tap) (Reading, error) {
	var r Reading
	var errs []error
	for _, t := range taps {
		if err := r.add(t); err != nil {
			errs = append(errs, fmt.Errorf("attention: tap %q: %w", t.Name, err))
		}
	}
	return r, errors.Join(errs...)
}

// Only is the reading of those taps that keep holds of, with the highest resolution among them. Tokens stays.
func (r Reading) Only(keep func(Tap) bool) Reading {
	out := Reading{Tokens: r.Tokens}
	for _, t := range r.Taps {
		if keep(t) {
			out.take(t)
		}
	}
	return out
}

// Online tells that maps were made while the model was evaluated (see Online): they are there once.
func (r Reading) Online() bool { return onlineOf(r.Taps) != nil }

func (r *Reading) take(t Tap) {
	r.Taps = append(r.Taps, t)
	if t.Grid().Pixels() > r.Top.Pixels() {
		r.Top = t.Grid()
	}
	r.Half = r.Half || t.half()
}

// add checks one tap and takes it in.
func (r *Reading) add(t Tap) error {
	if t.left != nil { // its maps could not have been made otherwise
		if text := t.Length(Text); text > 0 {
			r.Tokens = text
		}
		r.take(t)
		return nil
	}
	if !t.Q.Defined() || !t.K.Defined() {
		return errors.New("queries or keys are undefined")
	}
	q, k := t.Q.Shape(), t.K.Shape()
	if len(q) != 4 || len(k) != 4 {
		return fmt.Errorf("queries have shape %v and keys %v, both must be [1, heads, positions, d]", q, k)
	}
	g := t.Grid()
	switch {
	case q[0] != 1 || k[0] != 1:
		return fmt.Errorf("the batch is %d and %d, it must be 1: guide each image on its own", q[0], k[0])
	case q[1] != k[1] || q[3] != k[3]:
		return fmt.Errorf("queries have shape %v and keys %v, heads and d must be equal", q, k)
	case g.Height < 1 || g.Width < 1 || q[2] != int64(g.Pixels()):
		return fmt.Errorf("there are %d queries, the grid %s has %d", q[2], g, g.Pixels())
	case !(t.Scale > 0):
		return fmt.Errorf("scale is %v, it must be above 0", t.Scale)
	case !t.Q.DType().Floating() || t.Q.DType() != t.K.DType():
		return fmt.Errorf("queries are %s and keys %s, both must be of the same floating type", t.Q.DType(), t.K.DType())
	}
	if err := r.addKeys(t, int(k[2])); err != nil {
		return err
	}
	r.take(t)
	return nil
}

// addKeys checks the segments and the mask of n keys.
func (r *Reading) addKeys(t Tap, n int) error {
	image, text := t.Length(Image), t.Length(Text)
	for _, s := range t.Keys {
		if s.Kind != Image && s.Kind != Text || s.Length < 1 {
			return fmt.Errorf("a segment of %d %s keys: it must be of at least one image or text key", s.Length, s.Kind)
		}
	}
	switch g := t.Grid(); {
	case image+text != n:
		return fmt.Errorf("the segments have %d keys, there are %d", image+text, n)
	case image != 0 && image != g.Pixels():
		return fmt.Errorf("there are %d image keys, the grid %s has %d", image, g, g.Pixels())
	case t.Mask != nil && len(t.Mask) != n:
		return fmt.Errorf("the mask is for %d keys, there are %d", len(t.Mask), n)
	case text != 0 && r.Tokens != 0 && text != r.Tokens:
		return fmt.Errorf("there are %d tokens, other layers have %d", text, r.Tokens)
	}
	if text != 0 {
		r.Tokens = text
	}
	return nil
}
