package nodes

import (
	"context"
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/upscale"
	"github.com/isac-guidance/isac/nodes/schema"
	"github.com/isac-guidance/isac/plugin/modelfolder"
)

// UpscaleModel is the value of type UPSCALE_MODEL.
type UpscaleModel struct {
	held
	model *upscale.Model
}

// ComfyType is "UPSCALE_MODEL".
func (*UpscaleModel) ComfyType() string { return "UPSCALE_MODEL" }

type upscaleModelInput struct {
	Name string `mapstructure:"model_name" combo:"@upscalers" tooltip:"The network to load: a file of a folder upscale_models."`
}

// upscaleModelLoader loads a network that makes pictures larger.
func upscaleModelLoader() Node {
	return Define(Meta{
		Class: "UpscaleModelLoader", DisplayName: "Load Upscale Model", Category: "loaders",
		Description: "Loads a network that makes pictures larger: ESRGAN, Real-ESRGAN, BSRGAN and what has their form (RRDBNet), or Real-ESRGAN's compact form (SRVGG).",
		Outputs:     []Output{{Type: "UPSCALE_MODEL", Name: "UPSCALE_MODEL", Tooltip: "The network."}},
		Lists: func(env *Env) schema.Lists {
			return schema.Lists{"upscalers": modelNames(env, modelfolder.UpscaleModels)}
		},
	}, func(_ context.Context, env *Env, in *upscaleModelInput) (Result, error) {
		key := keyOf(env, modelfolder.New(env.ModelPaths).Paths(modelfolder.UpscaleModels)[in.Name])
		m, err := upscale.Load(key.path, key.device)
		if err != nil {
			return Result{}, fmt.Errorf("upscale model %q: %w", in.Name, err)
		}
		v := &UpscaleModel{model: m}
		v.held.free = m.Close
		return Result{Values: []any{v}}, nil
	})
}

type imageUpscaleInput struct {
	Model *UpscaleModel `mapstructure:"upscale_model" tooltip:"The network."`
	Image *Image        `mapstructure:"image" tooltip:"The images to make larger."`
}

// imageUpscaleWithModel makes images larger with a network.
func imageUpscaleWithModel() Node {
	return Define(Meta{
		Class: "ImageUpscaleWithModel", DisplayName: "Upscale Image (using Model)", Category: "image/upscaling",
		Description: "Makes images larger with a network, by as much as it was trained to, in tiles.",
		Outputs:     []Output{{Type: "IMAGE", Name: "IMAGE", Tooltip: "The larger images."}},
	}, func(ctx context.Context, env *Env, in *imageUpscaleInput) (Result, error) {
		x := in.Image.Pixels.Permute(0, 3, 1, 2)
		host, device := in.Model.model.Memory(x.Shape())
		if env == nil || env.Device == "" || env.Device == "cpu" {
			host += device
		}
		what := fmt.Sprintf("pictures made %d times larger", in.Model.model.Scale())
		if err := diffusion.CheckMemory(what, host, env.maxMemory()); err != nil {
			return Result{}, err
		}
		out, err := in.Model.model.Upscale(ctx, x, env.progress)
		if err != nil {
			return Result{}, err
		}
		return Result{Values: []any{newImage(out.Permute(0, 2, 3, 1).Contiguous())}}, nil
	})
}
