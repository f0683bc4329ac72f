package nodes

import (
	"context"
	"strings"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/nodes/schema"
	"github.com/isac-guidance/isac/plugin/modelfolder"
)

type clipInput struct {
	Name   string `mapstructure:"clip_name" combo:"@clips" tooltip:"The text encoder: a file of a folder text_encoders or clip."`
	Type   string `mapstructure:"type" combo:"stable_diffusion,stable_cascade,sd3,stable_audio,mochi,ltxv,pixart,cosmos,lumina2,wan,hidream,chroma,ace,omnigen2,qwen_image,hunyuan_image" tooltip:"What it is for. stable_diffusion is for Stable Diffusion 1.x and 2.x, which the file tells; the others are refused by name."`
	Device string `mapstructure:"device" combo:"default,cpu" optional:"true" advanced:"true" tooltip:"Where it computes: with the model, or on the CPU."`
}

func clipLists(env *Env) schema.Lists {
	return schema.Lists{"clips": modelNames(env, modelfolder.TextEncoders)}
}

// clipLoader loads the one text encoder of a model.
func clipLoader(cache *checkpoints) Node {
	return Define(Meta{
		Class: "CLIPLoader", DisplayName: "Load CLIP", Category: "advanced/loaders",
		Description: "Loads the text encoder of Stable Diffusion 1.x or 2.x from a file of its own.",
		Outputs:     []Output{{Type: "CLIP", Name: "CLIP", Tooltip: "The text encoder."}},
		Lists:       clipLists,
	}, func(_ context.Context, env *Env, in *clipInput) (Result, error) {
		return cache.clip(env, in.Type, in.Device, in.Name)
	})
}

type dualCLIPInput struct {
	First  string `mapstructure:"clip_name1" combo:"@clips" tooltip:"One text encoder: a file of a folder text_encoders or clip."`
	Second string `mapstructure:"clip_name2" combo:"@clips" tooltip:"The other one. Their order has no meaning."`
	Type   string `mapstructure:"type" combo:"sdxl,sd3,flux,hunyuan_video,hidream,hunyuan_image" tooltip:"What they are for. Those that are not sdxl or sd3 are refused by name."`
	Device string `mapstructure:"device" combo:"default,cpu" optional:"true" advanced:"true" tooltip:"Where they compute: with the model, or on the CPU."`
}

// dualCLIPLoader loads the two CLIP text encoders of a model.
func dualCLIPLoader(cache *checkpoints) Node {
	return Define(Meta{
		Class: "DualCLIPLoader", DisplayName: "DualCLIPLoader", Category: "advanced/loaders",
		Description: "Loads the text encoders CLIP-L and OpenCLIP-bigG of Stable Diffusion XL or 3, each from a file of its own.",
		Outputs:     []Output{{Type: "CLIP", Name: "CLIP", Tooltip: "Both text encoders."}},
		Lists:       clipLists,
	}, func(_ context.Context, env *Env, in *dualCLIPInput) (Result, error) {
		return cache.clip(env, in.Type, in.Device, in.First, in.Second)
	})
}

type tripleCLIPInput struct {
	First  string `mapstructure:"clip_name1" combo:"@clips" tooltip:"One text encoder: a file of a folder text_encoders or clip."`
	Second string `mapstructure:"clip_name2" combo:"@clips" tooltip:"Another one."`
	Third  string `mapstructure:"clip_name3" combo:"@clips" tooltip:"The third one. Their order has no meaning; T5 is not read."`
}

// tripleCLIPLoader loads the text encoders of Stable Diffusion 3, as far as they are read.
func tripleCLIPLoader(cache *checkpoints) Node {
	return Define(Meta{
		Class: "TripleCLIPLoader", DisplayName: "TripleCLIPLoader", Category: "advanced/loaders",
		Description: "Loads the text encoders of Stable Diffusion 3, each from a file of its own: CLIP-L and OpenCLIP-bigG. T5 is not read, which the sampler's notes say.",
		Outputs:     []Output{{Type: "CLIP", Name: "CLIP", Tooltip: "The text encoders."}},
		Lists:       clipLists,
	}, func(_ context.Context, env *Env, in *tripleCLIPInput) (Result, error) {
		return cache.clip(env, "sd3", "", in.First, in.Second, in.Third)
	})
}

// clip loads text encoders of env's folders for a kind of model.
func (cs *checkpoints) clip(env *Env, kind, device string, names ...string) (Result, error) {
	known := modelfolder.New(env.ModelPaths).Paths(modelfolder.TextEncoders)
	paths := make([]string, len(names))
	for i, name := range names {
		paths[i] = known[name]
	}
	key := keyOf(env, strings.Join(paths, pathsJoin))
	key.part = kind
	if device == "cpu" && key.device != torch.CPU {
		key.device, key.dtype, key.memory = torch.CPU, torch.Float32, 0
	}
	c, err := cs.acquire(key, strings.Join(names, " and "), nil)
	if err != nil {
		return Result{}, err
	}
	return Result{Values: []any{newClip(c)}}, nil
}
