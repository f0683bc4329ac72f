package unet

import "github.com/isac-guidance/isac/isac/attention"

// Layers lists the taps of an evaluation on a latent of height×width under a text of so many tokens. See denoiser.Denoiser.
func (m *Model) Layers(height, width, tokens int) []attention.Tap {
	grids := make([]attention.Grid, len(m.Config.Levels))
	for i := range grids {
		grids[i] = attention.Grid{Height: height, Width: width}
		height, width = (height+1)/2, (width+1)/2 // as layer.Downsample
	}
	var all []attention.Tap
	m.transformers(func(t *transformer, level int) {
		g := grids[level]
		for _, b := range t.blocks {
			for _, a := range []multiHead{b.self, b.cross} {
				keys := attention.Cross(tokens)
				if a.kind == attention.Image {
					keys = attention.Self(g.Height, g.Width)
				}
				all = append(all, attention.Tap{Name: a.name, Height: g.Height, Width: g.Width, Keys: keys})
			}
		}
	})
	return all
}

// transformers visits all attention in the order of an evaluation, with its level, 0 for the finest.
func (m *Model) transformers(visit func(t *transformer, level int)) {
	n := len(m.Config.Levels)
	at := func(t *transformer, level int) {
		if t != nil {
			visit(t, level)
		}
	}
	for i, d := range m.down {
		for _, s := range d.stages {
			at(s.attention, i)
		}
	}
	for _, s := range m.mid {
		at(s.attention, n-1)
	}
	for i, u := range m.up {
		for _, s := range u.stages {
			at(s.attention, n-1-i)
		}
	}
}

// taps is how many layers an evaluation records.
func (m *Model) taps() int {
	n := 0
	m.transformers(func(t *transformer, _ int) { n += 2 * len(t.blocks) })
	return n
}
