package explain

import (
	"fmt"
	"image"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/guidance"
)

// missing is what stands where a step has no map; reasons says why.
func missing(s *Step) tile {
	if s.Report.Height == 0 {
		return tile{note: "not looked at"}
	}
	return tile{note: "no map"}
}

// drawn leaves out the rows without any picture: of maps that the method does not make.
func drawn(rows []row) []row {
	return slices.DeleteFunc(rows, func(r row) bool {
		return !slices.ContainsFunc(slices.Concat(r.tiles[0], r.tiles[1]), func(t tile) bool { return t.picture != nil })
	})
}

// reasons says, for those of some steps that have no masks, why.
func reasons(steps []*Step) string {
	var parts []string
	for _, s := range steps {
		if len(s.Masks) == 0 && s.Report.Skipped != "" {
			parts = append(parts, reason(s.Report))
		}
	}
	return strings.Join(slices.Compact(parts), "; ")
}

// reason is why a step was skipped. Reports count steps from 1 and sheets from 0, so the step's number is left out.
func reason(r guidance.Report) string {
	const outside = "outside the guided steps"
	if strings.Contains(r.Skipped, outside) {
		return outside
	}
	return r.Skipped
}

// preview is the denoised image.
func preview(s *Step, caption string) tile {
	if s.Denoised == nil {
		return tile{note: "no image", caption: caption}
	}
	return tile{picture: s.Denoised, caption: caption}
}

// mapOr is a map's tile, or why there is none.
func mapOr(s *Step, there bool, caption string, draw func() image.Image) tile {
	if !there {
		t := missing(s)
		t.caption = caption
		return t
	}
	return mapTile(&s.Maps, draw(), caption)
}

func selfTile(s *Step, picture *image.NRGBA, caption string) tile {
	return mapOr(s, picture != nil, caption, func() image.Image { return picture })
}

func foregroundTile(s *Step, caption string) tile {
	return mapOr(s, s.Foreground != nil, caption, func() image.Image { return foregroundMap(&s.Maps) })
}

func clusterTile(s *Step, caption string) tile {
	return mapOr(s, s.Labels != nil, caption, func() image.Image { return clusterMap(&s.Maps) })
}

func masksTile(s *Step) tile {
	return mapOr(s, len(s.Masks) > 0 && s.Labels != nil, "", func() image.Image { return masksMap(&s.Maps) })
}

func maskTile(s *Step, i int, scale span, caption string) tile {
	return mapOr(s, i < len(s.Masks), caption, func() image.Image { return maskMap(&s.Maps, i, scale) })
}

func crossTile(s *Step, class int, scale span, caption string) tile {
	return mapOr(s, class < len(s.Cross), caption, func() image.Image { return heatMap(&s.Maps, s.Cross[class], scale) })
}

// propTile shows CA^prop with a line around what is above its mean, the foreground of the class (9).
func propTile(s *Step, class int, scale span, caption string) tile {
	t := mapOr(s, class < len(s.Prop), caption, func() image.Image { return heatMap(&s.Maps, s.Prop[class], scale) })
	if class < len(s.Prop) && class < len(s.ClassForeground) {
		t.outline = s.ClassForeground[class]
	}
	return t
}

// overlapTile shows where planes overlap and marks the peak, with the loss below.
func overlapTile(s *Step, planes [][]float32, peak *guidance.Peak, scale span, loss float64, caption string) tile {
	values := overlap(planes)
	t := mapOr(s, values != nil, "", func() image.Image { return heatMap(&s.Maps, values, scale) })
	if values != nil {
		t.peak, t.strong, t.caption = peak, true, fmt.Sprintf("%s %s", caption, short(loss))
	}
	return t
}

func lossOf(s *Step, name string) float64 {
	l, _ := s.Report.Named(name)
	return l.Value
}

func instanceOverlap(s *Step, scale span, caption string) tile {
	return overlapTile(s, s.Masks, s.InstancePeak, scale, lossOf(s, isac.LossInstance), caption)
}

func classOverlap(s *Step, scale span, caption string) tile {
	return overlapTile(s, s.Prop, s.ClassPeak, scale, lossOf(s, isac.LossClass), caption)
}

// scales are what colours stand for: one scale for a kind of map in all the steps that a sheet compares; classes, which may
// differ in strength by far, have one each.
type scales struct {
	cross, prop               []span
	masks, instances, classes span
}

func scalesOf(classes int, steps []*Step) scales {
	var s scales // masks and products begin at 0
	for range classes {
		s.cross, s.prop = append(s.cross, emptySpan()), append(s.prop, emptySpan())
	}
	for _, step := range steps {
		for j, plane := range part(step.Cross, 0, classes) {
			s.cross[j].over(plane)
		}
		for j, plane := range part(step.Prop, 0, classes) {
			s.prop[j].over(plane)
		}
		for _, plane := range step.Masks {
			s.masks.over(plane)
		}
		s.instances.over(overlap(step.Masks))
		s.classes.over(overlap(step.Prop))
	}
	return s
}

// ends says what the ends of a scale are; an empty one has none.
func (s span) ends() string {
	if s.low > s.high {
		return "none"
	}
	return fmt.Sprintf("%.2g to %.2g", s.low, s.high)
}

// pictureSize is the size of what the tiles of some steps show: of their grid, else of their images.
func pictureSize(steps []*Step) image.Point {
	var size image.Point
	for _, s := range steps {
		if s.Width > 0 && s.Height > 0 {
			return image.Pt(s.Width, s.Height)
		}
		if s.Denoised != nil {
			size = s.Denoised.Bounds().Size()
		}
	}
	return size
}
