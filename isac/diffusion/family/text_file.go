package family

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/text/clip"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// textFile is a file of a text encoder alone.
type textFile struct {
	path   string
	file   *weights.File
	source weights.Source // under transformers' names; nil of an encoder that is not read
	config map[string]any
	shape  clip.TextConfig
}

// t5 begins names of T5's encoder.
const t5 = "encoder.block."

// layersOfH is the number of layers of OpenCLIP-H as it was trained; diffusers leaves the last one out.
const layersOfH = 24

// textTypes are what ComfyUI's loaders of text encoders call the models that encoders are for, and the families that read them.
var textTypes = map[string][]*Family{"stable_diffusion": {sd1, sd2}, "sdxl": {sdxl}, "sd3": {sd3}}

// OpenTexts opens the text encoders of a model, each in a file of its own, in any order: under transformers' names (with and without
// "text_model.") or OpenCLIP's. kind is what they are for, as ComfyUI's loaders have it: stable_diffusion (1.x and 2.x, which the encoder tells),
// sdxl or sd3. Beside each file its config.json may lie, of the same name with the ending .json, and the folders of its tokenizer as
// beside a whole checkpoint. Denoiser and autoencoder are not there. What is of another kind is weights.ErrUnsupported, with what it is.
func OpenTexts(kind string, paths ...string) (*Files, error) {
	families := textTypes[kind]
	if families == nil {
		return nil, fmt.Errorf("text encoders of type %s are not supported: expected stable_diffusion, sdxl or sd3: %w", kind, weights.ErrUnsupported)
	}
	m := &Files{Path: strings.Join(paths, " and "), Layout: SingleFile}
	var mistakes weights.Mistakes
	var found []textFile
	for _, path := range paths {
		one, err := m.openText(path)
		switch {
		case err != nil:
			mistakes = append(mistakes, fmt.Errorf("open text encoder: %w", err))
		case one.source != nil:
			found = append(found, one)
		case kind != "sd3":
			mistakes = append(mistakes, fmt.Errorf("open text encoder: %s: this is a T5 text encoder, which models of type %s do not read: %w", path, kind, weights.ErrUnsupported))
		default:
			m.Notes = append(m.Notes, sd3.Foreign[0].What)
		}
	}
	var err error = mistakes
	if len(mistakes) == 0 {
		err = m.takeTexts(families, found)
	}
	if err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// openText opens one file.
func (m *Files) openText(path string) (textFile, error) {
	f, err := weights.Open(path)
	if err != nil {
		return textFile{}, err
	}
	m.files = append(m.files, f)
	one := textFile{path: path, file: f}
	names := f.Names()
	switch {
	case hasPrefix(names, "text_model.encoder.layers."):
		one.source = textModel(f)
	case hasPrefix(names, "encoder.layers.") && hasPrefix(names, "embeddings.token_embedding."):
		one.source = textNames(f)
	case hasPrefix(names, "transformer.resblocks."):
		one.source = openCLIPText(f)
	case hasPrefix(names, t5):
		return one, nil
	default:
		kind := ""
		if whole, err := recognise(f); err == nil {
			kind = "a whole checkpoint of " + whole.Title + ", which CheckpointLoaderSimple loads"
		} else if kind = foreign(names); kind == "" {
			if kind = piece(names); kind == "" && isInversion(f) {
				kind = inversion
			}
		}
		if kind == "" {
			kind = fmt.Sprintf("no text encoder that is known: it has %d tensors such as %q", len(names), first(names))
		}
		return one, fmt.Errorf("%s: this is %s; expected a CLIP text encoder: %w", path, kind, weights.ErrUnsupported)
	}
	if beside := strings.TrimSuffix(path, filepath.Ext(path)) + ".json"; exists(beside) {
		if one.config, err = weights.ReadJSON(beside); err != nil {
			return one, err
		}
	}
	one.shape, err = clip.TextConfigFromWeights(clip.TextRoot(one.source), one.config)
	return one, err
}

// textModel shows what of a file is the text encoder's: a whole CLIP has a picture encoder beside it, and older files have the projection as
// OpenCLIP has it.
func textModel(src weights.Source) weights.Source {
	to := map[string]weights.Piece{}
	for _, name := range src.Names() {
		if strings.HasPrefix(name, "text_model.") || strings.HasPrefix(name, "text_projection.") {
			to[name] = weights.Piece{Name: name}
		}
	}
	if src.Has("text_projection") {
		to["text_projection.weight"] = weights.Piece{Name: "text_projection", Transposed: true}
	}
	return weights.Derive(src, to)
}

// takeTexts puts the encoders in their family's order and reads their tokenizers.
func (m *Files) takeTexts(families []*Family, found []textFile) error {
	m.Family = families[0]
	if want, have := len(m.Family.Text), len(found); want != have {
		return fmt.Errorf("%d CLIP text encoders were given, %s has %d: %s: %w", have, m.Family.Title, want, howToGive(m.Family), weights.ErrMissing)
	}
	slices.SortStableFunc(found, func(a, b textFile) int { return int(a.shape.Width - b.shape.Width) }) // CLIP-L is the narrower of two
	switch kind := encoderKind(found[0].shape); {
	case len(families) > 1 && kind == "OpenCLIP-bigG":
		return fmt.Errorf("%s: this is OpenCLIP-bigG, the second text encoder of Stable Diffusion XL: give both, with DualCLIPLoader: %w", found[0].path, weights.ErrUnsupported)
	case len(families) > 1 && kind == "OpenCLIP-H":
		m.Family = sd2
		if found[0].shape.Layers < layersOfH {
			m.Layout = Diffusers
		}
	case len(found) == 2 && kind == encoderKind(found[1].shape) && kind != "":
		return fmt.Errorf("%s and %s are both %s, %s has CLIP-L and OpenCLIP-bigG: %w", found[0].path, found[1].path, kind, m.Family.Title, weights.ErrUnsupported)
	}
	var errs []error
	for i, one := range found {
		m.Text, m.Config.Text = append(m.Text, one.source), append(m.Config.Text, one.config)
		tokenizer, err := weights.ReadTokenizer(filepath.Join(filepath.Dir(one.path), m.Family.Text[i].Tokenizer))
		errs = append(errs, err)
		m.Tokenizers = append(m.Tokenizers, tokenizer)
	}
	return errors.Join(errs...)
}

// howToGive says which node takes the encoders of a family.
func howToGive(f *Family) string {
	if len(f.Text) == 1 {
		return "give one file, with CLIPLoader"
	}
	return "give CLIP-L and OpenCLIP-bigG, with DualCLIPLoader"
}

// encoderKind names a CLIP text encoder by its width, "" for one of another.
func encoderKind(c clip.TextConfig) string {
	return map[int64]string{768: "CLIP-L", 1024: "OpenCLIP-H", 1280: "OpenCLIP-bigG"}[c.Width]
}
