package family

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// denoiserPrefix begins the names of a denoiser's tensors in single files.
const denoiserPrefix = "model.diffusion_model."

// OpenDenoiser opens a denoiser: a file that holds nothing else, under the first release's names (with and without their prefix) or under
// diffusers', or one of a whole checkpoint, whose other parts are left alone. Beside a file of its own its config.json may lie, of the same
// name with the ending .json. The files of text encoders and autoencoder are not there. Any other file is weights.ErrUnsupported, with what
// it is.
func OpenDenoiser(path string) (*Files, error) {
	f, err := weights.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open diffusion model: %w", err)
	}
	m := &Files{Path: path, Layout: SingleFile, Metadata: f.Metadata(), files: []*weights.File{f}}
	if err = m.takeDenoiser(f); err == nil {
		if beside := strings.TrimSuffix(path, filepath.Ext(path)) + ".json"; exists(beside) {
			m.Config.Denoiser, err = weights.ReadJSON(beside)
		}
	}
	if err != nil {
		m.Close()
		return nil, fmt.Errorf("open diffusion model: %s: %w", path, err)
	}
	return m, nil
}

// takeDenoiser finds the denoiser in a file and what family it is of.
func (m *Files) takeDenoiser(f weights.Source) error {
	names := f.Names()
	switch {
	case hasPrefix(names, denoiserPrefix):
		m.Raw = f
	case f.Has("input_blocks.0.0.weight") || hasPrefix(names, "joint_blocks."):
		m.Raw = beneath(f, nil)
	case f.Has("conv_in.weight") && hasPrefix(names, "down_blocks.") && hasPrefix(names, "up_blocks."):
		m.Raw = beneath(f, releasedUNet(f))
	case hasPrefix(names, "transformer_blocks.") && hasPrefix(names, "pos_embed.") && hasPrefix(names, "context_embedder."):
		m.Family, m.Denoiser = sd3, f
		return nil
	default:
		kind := foreign(names)
		if kind == "" {
			kind = piece(names)
		}
		if kind == "" && isInversion(f) {
			kind = inversion
		}
		if kind == "" {
			return fmt.Errorf("it has %d tensors such as %q and holds no diffusion model: %w", len(names), first(names), weights.ErrUnsupported)
		}
		return unsupported(kind)
	}
	family, err := recognise(m.Raw) // told by its denoiser, where there is no text encoder
	if err != nil {
		return err
	}
	m.Family = family
	if f.Has("conv_in.weight") && m.Raw != f {
		m.Denoiser = f
	} else {
		m.Denoiser = named(weights.Prefix(m.Raw, denoiserPrefix), family.Denoiser.Single)
	}
	return nil
}

// beneath shows a denoiser's tensors as single files have them, below denoiserPrefix, and by their own names. released are the names that
// a file of diffusers' has in such files, nil where they are its own.
func beneath(f weights.Source, released map[string]weights.Piece) weights.Source {
	to := map[string]string{}
	for _, name := range f.Names() {
		below := name
		if released != nil {
			below = released[name].Name
		} else {
			to[name] = name
		}
		if below != "" {
			to[denoiserPrefix+below] = name
		}
	}
	return weights.Renamed(f, to)
}
