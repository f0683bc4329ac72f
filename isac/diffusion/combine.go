package diffusion

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/isac-guidance/isac/isac/torch"
)

// all are the conditioning itself and those beside it.
func (c Conditioning) all() []Conditioning {
	first := c
	first.More = nil
	return append([]Conditioning{first}, c.More...)
}

// plain tells of one conditioning for the whole picture, without control nets.
func (c Conditioning) plain() bool {
	return c.Region == nil && len(c.More) == 0 && len(c.Controls) == 0
}

// Clone gives an equal conditioning that is closed on its own.
func (c Conditioning) Clone() Conditioning {
	for _, t := range []*torch.Tensor{&c.Hidden, &c.Pooled} {
		if t.Defined() {
			*t = t.Clone().Keep()
		}
	}
	c.Region, c.Notes, c.Controls = c.Region.clone(), slices.Clone(c.Notes), slices.Clone(c.Controls)
	for i, control := range c.Controls {
		c.Controls[i] = control.clone()
	}
	more := c.More
	c.More = nil
	for _, m := range more {
		c.More = append(c.More, m.Clone())
	}
	return c
}

// Combine gives conditionings that hold beside each other: where several reach, the model's answers are averaged. The result is closed on
// its own.
func Combine(a, b Conditioning) Conditioning {
	made := a.Clone()
	made.More = append(made.More, b.Clone().all()...)
	return made
}

// Concat gives a with b's states behind it, [1,La+Lb,D], for a and for each that stands beside it; b's first counts. Words of a stand where they
// stood; those of b are no part of the prompt that guidance reads. The result is closed on its own.
func Concat(a, b Conditioning) (Conditioning, error) {
	made := a.Clone()
	for _, c := range append([]*Conditioning{&made}, pointers(made.More)...) {
		if c.Hidden.Dim() != 3 || b.Hidden.Dim() != 3 || c.Hidden.Size(2) != b.Hidden.Size(2) || c.Hidden.Size(0) != b.Hidden.Size(0) {
			err := fmt.Errorf("conditionings of shape %v and %v: expected two of one model, [1 L D]", c.Hidden.Shape(), b.Hidden.Shape())
			made.Close()
			return Conditioning{}, err
		}
		old := c.Hidden
		c.Hidden = torch.Cat([]torch.Tensor{old, b.Hidden}, 1).Keep()
		old.Close()
	}
	return made, nil
}

func pointers(cs []Conditioning) []*Conditioning {
	out := make([]*Conditioning, len(cs))
	for i := range cs {
		out[i] = &cs[i]
	}
	return out
}

// InRegions gives c with the region of each of its conditionings changed. The result is closed on its own.
func (c Conditioning) InRegions(change func(*Region)) Conditioning {
	made := c.Clone()
	for _, one := range append([]*Conditioning{&made}, pointers(made.More)...) {
		if one.Region == nil {
			one.Region = &Region{Strength: 1, MaskStrength: 1}
		}
		change(one.Region)
	}
	return made
}

// Whole is the first of the conditionings that stands for the whole picture, which is the one that guidance reads: an area has no
// attention maps of the picture. Where all are for areas or behind masks it is the first. note says so where there is a choice.
func (c Conditioning) Whole() (one Conditioning, note string) {
	all := c.all()
	at := slices.IndexFunc(all, func(o Conditioning) bool { return o.Region == nil || o.Region.Area == nil && !o.Region.Mask.Defined() })
	switch {
	case len(all) == 1 && at == 0:
		return c, ""
	case at >= 0:
		return all[at], fmt.Sprintf("of %d conditionings guidance reads the first for the whole picture: %q", len(all), all[at].Prompt)
	}
	return all[0], fmt.Sprintf("none of %d conditionings is for the whole picture: guidance reads the first, %q, and its classes are looked for everywhere", len(all), all[0].Prompt)
}

// guided is the conditioning that guidance reads.
func (r *SampleRequest) guided() Conditioning {
	one, _ := r.Positive.Whole()
	return one
}

// check says what is wrong with a region.
func (r *Region) check() error {
	if r == nil {
		return nil
	}
	var errs []error
	for _, n := range []struct {
		name  string
		value float64
	}{{"strength", r.Strength}, {"mask strength", r.MaskStrength}} {
		if math.IsNaN(n.value) || math.IsInf(n.value, 0) {
			errs = append(errs, fmt.Errorf("the %s of an area is %v, expected a number", n.name, n.value))
		}
	}
	if a := r.Area; a != nil && (a.Height < 0 || a.Width < 0 || a.Top < 0 || a.Left < 0) {
		errs = append(errs, fmt.Errorf("an area is %g×%g at %g, %g: expected no negative number", a.Width, a.Height, a.Left, a.Top))
	}
	if m := r.Mask; m.Defined() && (m.Dim() < 2 || m.Numel() == 0) {
		errs = append(errs, fmt.Errorf("the mask of a conditioning has shape %v, expected [M H W]", m.Shape()))
	}
	return errors.Join(errs...)
}
