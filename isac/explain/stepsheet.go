package explain

import (
	"fmt"
	"image"
	"strings"

	"github.com/isac-guidance/isac/isac/guidance"
)

// StepSheet draws everything that was seen at step i, which counts from 0: the plain run on the left, the guided one on the
// right. It is at most 1600 pixels wide. It fails where Check does, where there is no step i, and where self-attention is not
// finite.
func StepSheet(c *Comparison, i int) (*image.RGBA, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := checkShown([]int{i}, len(c.Plain.Steps)); err != nil {
		return nil, fmt.Errorf("explain: %w", err)
	}
	steps := []*Step{&c.Plain.Steps[i], &c.Guided.Steps[i]}
	self, err := selfMaps([]*guidance.Maps{&steps[0].Maps, &steps[1].Maps})
	if err != nil {
		return nil, err
	}
	size := pictureSize(steps)
	t := newTable(min(max(4, len(c.Target.Classes), c.Target.Instances()), 5), 176, size)
	p := &page{width: t.width()}
	p.space(margin)
	p.text(heading, fmt.Sprintf("Step %d", i), 1)
	p.text(lead, quoted(c.Prompt), 2)
	p.text(remark, fmt.Sprintf("of steps 0 to %d · timestep %.0f · %s", len(c.Plain.Steps)-1, c.Plain.Steps[i].Report.Timestep, c.Settings), 2)
	p.space(rowGap)
	p.add(sideName[0].line(), func(dst *image.RGBA, y int) {
		for run, name := range names {
			sideName[run].draw(dst, t.left(run), y, name)
			at := t.left(run) + sideName[run].width(name) + 14
			remark.draw(dst, at, y+(sideName[run].line()-remark.line())/2+1, remark.cut(lossText(steps[run]), t.left(run)+t.run()-at))
		}
	})
	p.space(6)
	for _, r := range stepRows(c, steps, self) {
		t.add(p, r)
	}
	p.text(faint, stepLegend, 3)
	p.space(margin)
	return p.image(), nil
}

const stepLegend = "Both runs share each colour scale; its ends, black and white, are said on the left. A green frame marks the pixel of largest overlap. The line in " +
	"propagated attention is around what is above the class's mean; the foreground is the union of these. Preview: what the model believed the " +
	"image to be after this step; the maps were seen before it."

// stepRows are the rows of one step's sheet.
func stepRows(c *Comparison, steps []*Step, self []*image.NRGBA) []row {
	scale := scalesOf(len(c.Target.Classes), steps)
	view := row{label: "the step"}
	cross, prop := row{label: "cross-attention"}, row{label: "propagated", remarks: []string{"self · cross"}}
	for j, class := range c.Target.Classes {
		cross.remarks = append(cross.remarks, class.Name+" "+scale.cross[j].ends())
		prop.remarks = append(prop.remarks, class.Name+" "+scale.prop[j].ends())
	}
	masks := row{label: "instance masks", remarks: []string{scale.masks.ends()}}
	over := row{label: "overlap", remarks: []string{"largest product", "of two maps"}}
	for run, s := range steps {
		view.tiles[run] = []tile{preview(s, "preview"), selfTile(s, self[run], "self-attention, PCA"),
			foregroundTile(s, "foreground"), clusterTile(s, "clusters")}
		for j, class := range c.Target.Classes {
			cross.tiles[run] = append(cross.tiles[run], crossTile(s, j, scale.cross[j], "“"+class.Name+"”"))
			prop.tiles[run] = append(prop.tiles[run], propTile(s, j, scale.prop[j], "“"+class.Name+"”"))
		}
		for k := range c.Target.Instances() {
			masks.tiles[run] = append(masks.tiles[run], maskTile(s, k, scale.masks, fmt.Sprintf("instance %d", k+1)))
		}
		if c.Target.Instances() > 1 {
			over.tiles[run] = append(over.tiles[run], instanceOverlap(s, scale.instances, "instances"))
		}
		if len(c.Target.Classes) > 1 {
			over.tiles[run] = append(over.tiles[run], classOverlap(s, scale.classes, "classes"))
		}
	}
	return drawn([]row{view, cross, prop, masks, over}) // a row without tiles takes no place
}

// lossText says what a step's losses were and how far it was moved, or why it was not.
func lossText(s *Step) string {
	r := s.Report
	var parts []string
	if r.Skipped == "" || len(s.Masks) > 0 {
		for _, l := range r.Losses {
			parts = append(parts, l.Name+" loss "+short(l.Value))
		}
	}
	switch {
	case r.Skipped != "":
		parts = append(parts, reason(r))
	case r.StepNorm > 0:
		parts = append(parts, "moved by "+short(r.StepNorm))
	}
	return strings.Join(parts, " · ")
}

// quoted puts a prompt in quotes.
func quoted(prompt string) string {
	if prompt == "" {
		return ""
	}
	return "“" + prompt + "”"
}
