package guidance

import (
	"context"
	"errors"
	"fmt"

	"github.com/isac-guidance/isac/nodes"
	"github.com/isac-guidance/isac/nodes/schema"
	"github.com/isac-guidance/isac/plugin"
)

// loader is the node that loads checkpoints.
const loader = "CheckpointLoaderSimple"

// load gives the model of a checkpoint, loading it if nobody holds it. The node is what knows the names and keeps what is loaded, so a
// model is loaded once for nodes and sessions together. The model is the caller's to close.
func (s *Service) load(ctx context.Context, name string) (*nodes.Model, error) {
	node, ok := s.host.Registry.Get(loader)
	if !ok {
		return nil, &plugin.Error{Kind: plugin.KindInvalidInput, Message: "this plugin loads no checkpoints", Inputs: []string{"checkpoint"}}
	}
	result, err := node.Run(ctx, s.host.Env(), map[string]any{"ckpt_name": name})
	if err != nil {
		if mistakes := (schema.Mistakes)(nil); errors.As(err, &mistakes) {
			return nil, &plugin.Error{Kind: plugin.KindInvalidInput, Message: fmt.Sprintf("checkpoint: %v", err), Inputs: []string{"checkpoint"}}
		}
		return nil, err
	}
	var model *nodes.Model
	var rest nodes.Result
	for _, value := range result.Values {
		if m, ok := value.(*nodes.Model); ok && model == nil {
			model = m
			continue
		}
		rest.Values = append(rest.Values, value)
	}
	rest.Close()
	if model == nil {
		return nil, &plugin.Error{Kind: plugin.KindInternal, Message: loader + " gave no model"}
	}
	return model, nil
}
