package guidance

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/nodes"
	"github.com/isac-guidance/isac/nodes/schema"
	"github.com/isac-guidance/isac/plugin"
	"github.com/isac-guidance/isac/plugin/isacpb"
)

// loader is the node that loads checkpoints.
const loader = "CheckpointLoaderSimple"

// load gives the model and the text encoders of a checkpoint, loading it if nobody holds it. The node is what knows the names and keeps what is loaded, so a
// model is loaded once for nodes and sessions together. Both are the caller's to close.
func (s *Service) load(ctx context.Context, r *isacpb.GuidanceOpen) (*nodes.Model, *nodes.Clip, error) {
	node, ok := s.host.Registry.Get(loader)
	if !ok {
		return nil, nil, &plugin.Error{Kind: plugin.KindInvalidInput, Message: "this plugin loads no checkpoints", Inputs: []string{"checkpoint"}}
	}
	env := *s.host.Env()
	env.Shared = sharedWeights(r, cmp.Or(env.Device, torch.CPU), torch.OpenShared)
	result, err := node.Run(ctx, &env, map[string]any{"ckpt_name": r.Checkpoint})
	if err != nil {
		if mistakes := (schema.Mistakes)(nil); errors.As(err, &mistakes) {
			return nil, nil, &plugin.Error{Kind: plugin.KindInvalidInput, Message: fmt.Sprintf("checkpoint: %v", err), Inputs: []string{"checkpoint"}}
		}
		return nil, nil, err
	}
	var model *nodes.Model
	var clip *nodes.Clip
	var rest nodes.Result
	for _, value := range result.Values {
		switch v := value.(type) {
		case *nodes.Model:
			model = v
		case *nodes.Clip:
			clip = v
		default:
			rest.Values = append(rest.Values, value)
		}
	}
	rest.Close()
	if model == nil || clip == nil {
		result.Close()
		return nil, nil, &plugin.Error{Kind: plugin.KindInternal, Message: loader + " gave no model, or no text encoder"}
	}
	return model, clip, nil
}
