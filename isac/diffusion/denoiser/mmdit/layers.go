package mmdit

import "github.com/isac-guidance/isac/isac/attention"

// Layers lists the taps of an evaluation on a latent of height×width under a text of so many tokens. See denoiser.Denoiser.
func (m *Model) Layers(height, width, tokens int) []attention.Tap {
	at := m.placeOf(height, width, tokens)
	var all []attention.Tap
	for _, b := range m.blocks {
		all = append(all, attention.Tap{Name: b.attn.name, Height: at.rows, Width: at.columns, Keys: append(attention.Self(at.rows, at.columns), at.text...)})
		if b.attn2 != nil {
			all = append(all, attention.Tap{Name: b.attn2.name, Height: at.rows, Width: at.columns, Keys: attention.Self(at.rows, at.columns), Auxiliary: true})
		}
	}
	return all
}

// taps is how many layers an evaluation records.
func (m *Model) taps() int {
	n := len(m.blocks)
	for _, b := range m.blocks {
		if b.attn2 != nil {
			n++
		}
	}
	return n
}
