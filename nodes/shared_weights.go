package nodes

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/torch"
)

// SharedWeights are tensors of a host's model that a checkpoint is loaded with: see diffusion.LoadOptions.Shared.
type SharedWeights struct {
	// Key is another for other memory: a model is loaded once for each.
	Key string
	// Open gives the tensors by the names of the checkpoint's file, in the current scope.
	Open func() (map[string]torch.Tensor, error)
}

// load reads a checkpoint, with tensors of a host where there are any. What the host shares and cannot be used is loaded from the file, and
// the notes say so.
func (s *SharedWeights) load(
	read func(string, diffusion.LoadOptions) (*diffusion.Pipeline, error), path string, options diffusion.LoadOptions,
) (pipeline *diffusion.Pipeline, notes []string, err error) {
	if s == nil {
		pipeline, err = read(path, options)
		return pipeline, nil, err
	}
	err = torch.InScope(func() error {
		given, err := s.Open()
		if err != nil {
			notes = append(notes, fmt.Sprintf("the host's weights are not shared, the checkpoint is loaded beside them: %v", err))
		}
		options.Shared = given
		pipeline, err = read(path, options)
		return err
	})
	if err == nil && len(options.Shared) > pipeline.Shared {
		notes = append(notes, fmt.Sprintf("%d of the %d weights that the host shares are used where they are; the others have another type, another shape or another device, and are copied or loaded",
			pipeline.Shared, len(options.Shared)))
	}
	return pipeline, notes, err
}
