package family

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/lora"
	"github.com/isac-guidance/isac/isac/diffusion/text/clip"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// WithLoRA gives the model with a LoRA, at a strength for the denoiser and one for the text encoders. Networks whose strength is 0, and all
// weights that the LoRA leaves alone, are shared with m, which is to be closed later. Notes name what the file holds and the model has no
// layer for. A LoRA of another model is weights.ErrShape or weights.ErrUnsupported, with what it is for. fits, which may be nil, is asked
// whether there is room for so many bytes before anything is made.
func (m *Model) WithLoRA(f *lora.File, denoiser, text float64, fits func(bytes float64) error) (other *Model, notes []string, err error) {
	changes, notes, err := m.changes(f, denoiser, text)
	if err == nil && fits != nil {
		err = fits(m.loraBytes(f, changes))
	}
	if err != nil {
		return nil, nil, err
	}
	made := *m
	made.own, made.Text, made.params.text = nil, slices.Clone(m.Text), slices.Clone(m.params.text)
	other = &made
	var errs []error
	if c := changes[denoiserNetwork]; len(c) > 0 {
		p := m.params.denoiser.Changed(c)
		network, _, err := m.Family.Network(p, m.files.Denoiser, m.files.Config.Denoiser)
		if err != nil {
			errs = append(errs, err)
		} else {
			other.Denoiser, other.params.denoiser = network, p
			other.own = append(other.own, network.Close)
		}
	}
	for i := range m.Text {
		if c := changes[i]; len(c) > 0 {
			network, p, err := m.changedText(i, c)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", m.Family.Text[i].What, err))
				continue
			}
			other.Text[i].Model, other.params.text[i] = network, p
			other.own = append(other.own, network.Close)
		}
	}
	if len(errs) > 0 {
		other.Close()
		return nil, nil, errors.Join(errs...)
	}
	return other, notes, nil
}

// changedText builds text encoder i with changes, over its weights, which come back where they were parked.
func (m *Model) changedText(i int, changes map[string][]weights.Change) (*clip.TextModel, *weights.Params, error) {
	release, err := m.Text[i].Model.Borrow()
	if err != nil {
		return nil, nil, err
	}
	defer release()
	p := m.params.text[i].Changed(changes)
	network, err := clip.NewTextModel(p, m.Text[i].Model.Config)
	return network, p, err
}

// loraBytes is what the changes take: of low rank, no more than the file's elements; else a copy of each tensor, and one in float32
// while it is made.
func (m *Model) loraBytes(f *lora.File, changes map[int]map[string][]weights.Change) float64 {
	width := float64(m.dtype().Bytes())
	elements := func(shape []int64) float64 {
		n := 1.0
		for _, d := range shape {
			n *= float64(d)
		}
		return n
	}
	bytes, largest := 0.0, 0.0
	for _, name := range f.Source().Names() {
		shape, _ := f.Source().Shape(name)
		bytes += width * elements(shape)
	}
	for network, tensors := range changes {
		for name, all := range tensors {
			for _, c := range all {
				if _, low := c.(weights.LowRankChange); low {
					continue
				}
				shape, _ := m.tensors(network).Shape(name)
				bytes, largest = bytes+width*elements(shape), max(largest, 4*elements(shape))
				break
			}
		}
	}
	return bytes + largest
}

// dtype is what the networks compute in.
func (m *Model) dtype() torch.DType {
	if m.params.denoiser != nil {
		return m.params.denoiser.DType()
	}
	return m.params.text[0].DType()
}

// tensors are those of a network, under its own names.
func (m *Model) tensors(network int) weights.Source {
	if network == denoiserNetwork {
		return m.files.Denoiser
	}
	return clip.TextRoot(m.files.Text[network])
}

// changes gives what the file changes in each network, by the tensors' names there, without what has strength 0.
func (m *Model) changes(f *lora.File, denoiser, text float64) (map[int]map[string][]weights.Change, []string, error) {
	out := map[int]map[string][]weights.Change{}
	var unread []string
	var misfits weights.Mistakes
	unread = append(unread, f.Rest()...)
	matched, layers := 0, m.loraLayers()
	for _, name := range f.Layers() {
		places := layers[name]
		if len(places) == 0 && m.elsewhere(name) {
			continue
		}
		if len(places) == 0 {
			unread = append(unread, f.Tensors(name)...)
			continue
		}
		var wrong error
		made := make([]map[string]weights.Change, len(places))
		for i, at := range places {
			strength := text
			if at.network == denoiserNetwork {
				strength = denoiser
			}
			changes, err := m.changesAt(f, name, at, strength)
			if wrong = errors.Join(wrong, err); strength != 0 {
				made[i] = changes
			}
		}
		switch {
		case errors.Is(wrong, weights.ErrUnsupported), errors.Is(wrong, weights.ErrMissing):
			unread = append(unread, f.Tensors(name)...)
		case wrong != nil:
			misfits = append(misfits, wrong)
			unread = append(unread, f.Tensors(name)...)
		default:
			matched++
			for i, at := range places {
				for tensor, c := range made[i] {
					if out[at.network] == nil {
						out[at.network] = map[string][]weights.Change{}
					}
					out[at.network][tensor] = append(out[at.network][tensor], c)
				}
			}
		}
	}
	if matched == 0 && len(misfits) == 0 && m.Denoiser == nil { // what the file is for is said where the denoiser is
		return out, nil, nil
	}
	if matched == 0 && len(misfits) == 0 {
		return nil, nil, fmt.Errorf("it changes no layer of %s: it is for %s (its first layer is %q): %w", m.Family.Title, kindOfLoRA(f), f.Layers()[0], weights.ErrUnsupported)
	}
	if len(misfits) >= matched { // the names are those of a relative, the shapes are not
		return nil, nil, fmt.Errorf("it is for %s and not for this model, which is %s: %d of its %d layers fit; %w",
			kindOfLoRA(f), m.Family.Title, matched, len(f.Layers()), misfits[0])
	}
	notes := unreadNotes(unread, len(f.Source().Names()))
	if unscaled := f.Unscaled(); unscaled != "" {
		notes = append(notes, unscaled)
	}
	return out, notes, nil
}

// elsewhere tells of a layer of a network that the model was loaded without, and another value of the graph has.
func (m *Model) elsewhere(layer string) bool {
	text := strings.HasPrefix(layer, "lora_te") || strings.HasPrefix(layer, "text_encoder")
	return text && len(m.Text) == 0 || !text && m.Denoiser == nil
}

// changesAt gives the changes of weight and bias of one place.
func (m *Model) changesAt(f *lora.File, name string, at place, strength float64) (map[string]weights.Change, error) {
	src := m.tensors(at.network)
	out := map[string]weights.Change{}
	var errs []error
	for _, one := range []struct {
		tensor string
		make   func(string, []int64, weights.Piece, float64) (weights.Change, error)
	}{{at.layer + ".weight", f.Weight}, {at.layer + ".bias", f.Bias}} {
		shape, ok := src.Shape(one.tensor)
		if !ok {
			continue
		}
		c, err := one.make(name, shape, at.piece, strength)
		if errs = append(errs, err); c != nil && err == nil {
			out[one.tensor] = c
		}
	}
	return out, errors.Join(errs...)
}

// mostNamed is how many tensors a note names.
const mostNamed = 3

func unreadNotes(unread []string, all int) []string {
	if len(unread) == 0 {
		return nil
	}
	slices.Sort(unread)
	var first []string
	for _, name := range unread[:min(mostNamed, len(unread))] {
		first = append(first, fmt.Sprintf("%q", name))
	}
	more := ""
	if rest := len(unread) - len(first); rest > 0 {
		more = fmt.Sprintf(" and %d more", rest)
	}
	return []string{fmt.Sprintf("%d of its %d tensors were not read, for the model has no such layer or one of another shape, or they are of a kind that is not computed: %s%s",
		len(unread), all, strings.Join(first, ", "), more)}
}
