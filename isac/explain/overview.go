package explain

import (
	"fmt"
	"image"

	"github.com/isac-guidance/isac/isac/guidance"
)

// most is how many steps the overview has room for.
const most = 6

// Overview draws one sheet of both runs: their images, the losses over all steps, and below, for some of the steps shown, a row for
// each kind of map, plain on the left and guided on the right. It is at most 1600 pixels wide. It fails where Check does and where
// self-attention is not finite.
func Overview(c *Comparison) (*image.RGBA, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	shown := spread(c.Shown, most)
	var steps [2][]*Step
	for run, r := range c.runs() {
		for _, i := range shown {
			steps[run] = append(steps[run], &r.Steps[i])
		}
	}
	all := append(append([]*Step{}, steps[0]...), steps[1]...)
	t := newTable(len(shown), max(144, 480/len(shown)), pictureSize(all))
	p := &page{width: max(t.width(), 1200)}
	p.space(margin)
	p.text(heading, "What guidance sees, and does", 1)
	p.text(lead, quoted(c.Prompt), 2)
	p.text(remark, c.Settings, 2)
	p.space(rowGap)
	var err error
	addImages(p, c, &err)
	p.space(rowGap)

	rows, wrong := overviewRows(c, steps)
	if wrong != nil {
		return nil, wrong
	}
	p.add(sideName[0].line(), func(dst *image.RGBA, y int) {
		for run, name := range names {
			sideName[run].draw(dst, t.left(run), y, name)
		}
	})
	p.add(caption.line()+2, func(dst *image.RGBA, y int) {
		for run := range names {
			for k, i := range shown {
				box := t.box(run, k, y)
				caption.centred(dst, image.Rect(box.Min.X, y, box.Max.X, y+caption.line()), fmt.Sprintf("step %d", i))
			}
		}
	})
	for _, r := range rows {
		t.add(p, r)
	}
	p.text(faint, overviewLegend, 3)
	for run, name := range names {
		if why := reasons(steps[run]); why != "" {
			p.text(faint, fmt.Sprintf("Maps that the %s run lacks: %s.", name, why), 3)
		}
	}
	p.space(margin)
	img := p.image()
	return img, err
}

const overviewLegend = "A row has one colour scale for both runs and all steps, so that brighter is more. A green frame marks the pixel of largest overlap. " +
	"Self-attention: its first three principal components as red, green and blue; the two runs of a step share them."

// addImages lays the two images and, beside them, the losses.
func addImages(p *page, c *Comparison, err *error) {
	const side = 300
	width, height := side, side
	if c.Plain.Image != nil {
		if b := c.Plain.Image.Bounds(); b.Dy() < b.Dx() {
			height = max(1, side*b.Dy()/b.Dx())
		} else {
			width = max(1, side*b.Dx()/b.Dy())
		}
	}
	p.add(sideName[0].line()+max(height, 240), func(dst *image.RGBA, y int) {
		x := margin
		for run, r := range c.runs() {
			sideName[run].draw(dst, x, y, names[run])
			t := tile{picture: r.Image, note: "no image"}
			top := y + sideName[run].line()
			t.draw(dst, image.Rect(x, top, x+width, top+height))
			x += width + 16
		}
		*err = drawLosses(dst, image.Rect(x+24, y, p.width-margin, y+sideName[0].line()+max(height, 240)), c)
	})
}

// overviewRows are the overview's rows: a tile for each step.
func overviewRows(c *Comparison, steps [2][]*Step) ([]row, error) {
	all := append(append([]*Step{}, steps[0]...), steps[1]...)
	scale := scalesOf(len(c.Target.Classes), all)
	self := row{label: "self-attention", remarks: []string{"PCA colours"}}
	for k := range steps[0] {
		pictures, err := selfMaps([]*guidance.Maps{&steps[0][k].Maps, &steps[1][k].Maps})
		if err != nil {
			return nil, err
		}
		for run := range steps {
			self.tiles[run] = append(self.tiles[run], selfTile(steps[run][k], pictures[run], ""))
		}
	}
	line := func(label string, of func(*Step) tile, remarks ...string) row {
		r := row{label: label, remarks: remarks}
		for run := range steps {
			for _, s := range steps[run] {
				r.tiles[run] = append(r.tiles[run], of(s))
			}
		}
		return r
	}
	rows := []row{line("preview", func(s *Step) tile { return preview(s, "") }, "denoised image")}
	for j, class := range c.Target.Classes {
		rows = append(rows, line(quoted(class.Name), func(s *Step) tile { return crossTile(s, j, scale.cross[j], "") }, "cross-attention", scale.cross[j].ends()))
	}
	rows = append(rows, self,
		line("foreground", func(s *Step) tile { return foregroundTile(s, "") }),
		line("clusters", func(s *Step) tile { return clusterTile(s, "") }),
		line("instance masks", masksTile, "each to its peak"),
	)
	if c.Target.Instances() > 1 {
		rows = append(rows, line("overlap", func(s *Step) tile { return instanceOverlap(s, scale.instances, "loss") }, "of instances"))
	}
	if len(c.Target.Classes) > 1 {
		rows = append(rows, line("overlap", func(s *Step) tile { return classOverlap(s, scale.classes, "loss") }, "of classes"))
	}
	return drawn(rows), nil
}

// spread chooses at most n of some steps, evenly, with the first and the last.
func spread(shown []int, n int) []int {
	if len(shown) <= n {
		return shown
	}
	var out []int
	for i := range n {
		out = append(out, shown[(i*(len(shown)-1)+(n-1)/2)/(n-1)])
	}
	return out
}
