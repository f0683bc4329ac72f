package family

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// ReleasedWeight reads a tensor of the denoiser by its name in a checkpoint of one file, "model.diffusion_model.out.2.weight", from a folder as well:
// there it is put together of diffusers' tensors. It is as stored, and owned by the current scope; ErrMissing where there is none.
func (f *Files) ReleasedWeight(name string) (torch.Tensor, error) {
	if f.Layout == SingleFile {
		return f.Raw.Tensor(name)
	}
	type part struct {
		ours string
		weights.Piece
	}
	var parts []part
	if below, ok := strings.CutPrefix(name, f.Family.Denoiser.Prefixes[0]); ok {
		for ours, p := range f.Family.Denoiser.Released(f.Denoiser) {
			if p.Name == below {
				parts = append(parts, part{ours, p})
			}
		}
	}
	if len(parts) == 0 || len(parts) != max(parts[0].Parts, 1) {
		return torch.Tensor{}, fmt.Errorf("%s: tensor %q: %w", f.Path, name, weights.ErrMissing)
	}
	slices.SortFunc(parts, func(a, b part) int { return cmp.Compare(a.Part, b.Part) })
	var all []torch.Tensor
	for _, p := range parts {
		t, err := f.Denoiser.Tensor(p.ours)
		if err == nil { // two halves that are exchanged twice are as they were
			t, err = weights.Piece{SwapHalves: p.SwapHalves}.Of(t)
		}
		if err != nil {
			return torch.Tensor{}, err
		}
		all = append(all, t)
	}
	if len(all) == 1 {
		return all[0], nil
	}
	var out torch.Tensor
	err := torch.Try(func() error { out = torch.Cat(all, 0); return nil })
	return out, err
}
