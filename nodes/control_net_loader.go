package nodes

import (
	"context"
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/nodes/schema"
	"github.com/isac-guidance/isac/plugin/modelfolder"
)

type controlNetInput struct {
	Name string `mapstructure:"control_net_name" combo:"@nets" tooltip:"The control net to load: a file of a folder controlnet, for the kind of model that it is to control."`
}

// controlNetLoader loads a control net.
func controlNetLoader() Node {
	return Define(Meta{
		Class: "ControlNetLoader", DisplayName: "Load ControlNet Model", Category: "loaders",
		Description: "Loads a control net of a model with a UNet (Stable Diffusion 1.x, 2.x and XL), under diffusers' or the first release's names.",
		Outputs:     []Output{{Type: "CONTROL_NET", Name: "CONTROL_NET", Tooltip: "The control net."}},
		Lists:       func(env *Env) schema.Lists { return schema.Lists{"nets": modelNames(env, modelfolder.ControlNets)} },
	}, func(_ context.Context, env *Env, in *controlNetInput) (Result, error) {
		key := keyOf(env, modelfolder.New(env.ModelPaths).Paths(modelfolder.ControlNets)[in.Name])
		net, err := diffusion.LoadControlNet(key.path, diffusion.LoadOptions{Device: key.device, DType: key.dtype, MaxMemory: key.memory, TextOffload: key.textOffload, Encoders: key.encoders})
		if err != nil {
			return Result{}, fmt.Errorf("control net %q: %w", in.Name, err)
		}
		return Result{Values: []any{newControlNet(net)}}, nil
	})
}
