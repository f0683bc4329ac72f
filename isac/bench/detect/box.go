package detect

import "cmp"

// Width is the box's width in pixels; 0 where the corners are swapped.
func (b Box) Width() float64 { return max(0, b.X1-b.X0) }

// Height is the box's height in pixels; 0 where the corners are swapped.
func (b Box) Height() float64 { return max(0, b.Y1-b.Y0) }

// Area is in square pixels.
func (b Box) Area() float64 { return b.Width() * b.Height() }

// Intersect is what both boxes cover. It is Empty where they do not meet.
func (b Box) Intersect(o Box) Box {
	return Box{X0: max(b.X0, o.X0), Y0: max(b.Y0, o.Y0), X1: min(b.X1, o.X1), Y1: min(b.Y1, o.Y1)}
}

// Empty tells whether the box covers nothing.
func (b Box) Empty() bool { return b.Area() == 0 }

// IoU is the area that both boxes cover over the area that either covers, 0..1; 0 where both are empty.
func (b Box) IoU(o Box) float64 {
	shared := b.Intersect(o).Area()
	union := b.Area() + o.Area() - shared
	if union <= 0 {
		return 0
	}
	return shared / union
}

// compare gives boxes an order, for results that do not depend on the order in which detectors report.
func (b Box) compare(o Box) int {
	return cmp.Or(cmp.Compare(b.X0, o.X0), cmp.Compare(b.Y0, o.Y0), cmp.Compare(b.X1, o.X1), cmp.Compare(b.Y1, o.Y1))
}

// compare puts the more certain detection first, and leaves no two different ones equal.
func (d Detection) compare(o Detection) int {
	return cmp.Or(cmp.Compare(o.Score, d.Score), cmp.Compare(d.Class, o.Class), d.Box.compare(o.Box))
}
