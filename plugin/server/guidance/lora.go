package guidance

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/nodes"
	"github.com/isac-guidance/isac/nodes/schema"
	"github.com/isac-guidance/isac/plugin"
	"github.com/isac-guidance/isac/plugin/isacpb"
)

// loraNode adds a LoRA to a model and its text encoders.
const loraNode = "LoraLoader"

// maxStrength is LoraLoader's bound of a strength, either way.
const maxStrength = 100

// checkLoRAs says what is wrong with the LoRAs of a request, without the model.
func (s *Service) checkLoRAs(r *isacpb.GuidanceOpen, wrong *mistakes) {
	if len(r.Loras) == 0 {
		return
	}
	env := s.host.Env()
	offered := slices.Sorted(maps.Keys(nodes.LoRAs(env.LoRAPaths, env.ModelPaths)))
	for _, l := range r.Loras {
		if !slices.Contains(offered, l.Name) {
			wrong.add("loras", "%q is no LoRA here: %s offers %s", l.Name, loraNode, offer(offered))
		}
		for _, strength := range []float64{l.StrengthModel, l.StrengthClip} {
			if math.IsNaN(strength) || math.Abs(strength) > maxStrength {
				wrong.add("loras", "%q has strength %v: expected -%d to %d", l.Name, strength, maxStrength, maxStrength)
			}
		}
	}
}

func offer(names []string) string {
	if len(names) == 0 {
		return "none (see ISAC_LORAS)"
	}
	if len(names) > 10 {
		return strings.Join(names[:10], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}

// withLoRAs adds the LoRAs one after the other by the node that does so in a graph; to the text encoders where they are used. It closes model and
// clip, also when it fails.
func (s *Service) withLoRAs(ctx context.Context, model *nodes.Model, clip *nodes.Clip, r *isacpb.GuidanceOpen) (*nodes.Model, *nodes.Clip, error) {
	for _, l := range r.Loras {
		strengthClip := l.StrengthClip
		if r.Encoded != nil {
			strengthClip = 0
		}
		node, ok := s.host.Registry.Get(loraNode)
		if !ok {
			model.Close()
			clip.Close()
			return nil, nil, &plugin.Error{Kind: plugin.KindInvalidInput, Message: "this plugin loads no LoRAs", Inputs: []string{"loras"}}
		}
		result, err := node.Run(ctx, s.host.Env(), map[string]any{
			"model": model, "clip": clip, "lora_name": l.Name, "strength_model": l.StrengthModel, "strength_clip": strengthClip,
		})
		model.Close()
		clip.Close()
		if err != nil {
			return nil, nil, loraMistake(err)
		}
		model, clip = result.Values[0].(*nodes.Model), result.Values[1].(*nodes.Clip)
	}
	return model, clip, nil
}

// loraMistake is the request's mistake where a file is no LoRA for the model, else the error as it is.
func loraMistake(err error) error {
	for _, kind := range []error{weights.ErrUnsupported, weights.ErrShape, weights.ErrFormat, weights.ErrMissing, weights.ErrNotFinite} {
		if errors.Is(err, kind) {
			var wrong mistakes
			wrong.check("loras", err)
			return wrong.err()
		}
	}
	if mistakes := (schema.Mistakes)(nil); errors.As(err, &mistakes) {
		return &plugin.Error{Kind: plugin.KindInvalidInput, Message: "loras: " + err.Error(), Inputs: []string{"loras"}}
	}
	return err
}
