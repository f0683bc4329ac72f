package nodes

import (
	"context"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/nodes/schema"
)

type loraInput struct {
	Model         *Model  `mapstructure:"model" tooltip:"The model that the LoRA is added to."`
	Clip          *Clip   `mapstructure:"clip" tooltip:"The text encoder that the LoRA is added to."`
	Name          string  `mapstructure:"lora_name" combo:"@loras" tooltip:"The LoRA: a .safetensors file of a folder loras."`
	StrengthModel float64 `mapstructure:"strength_model" default:"1.0" min:"-100.0" max:"100.0" step:"0.01" tooltip:"How strongly the model is changed. It may be negative."`
	StrengthClip  float64 `mapstructure:"strength_clip" default:"1.0" min:"-100.0" max:"100.0" step:"0.01" tooltip:"How strongly the text encoder is changed. It may be negative."`
}

type loraModelInput struct {
	Model         *Model  `mapstructure:"model" tooltip:"The model that the LoRA is added to."`
	Name          string  `mapstructure:"lora_name" combo:"@loras" tooltip:"The LoRA: a .safetensors file of a folder loras."`
	StrengthModel float64 `mapstructure:"strength_model" default:"1.0" min:"-100.0" max:"100.0" step:"0.01" tooltip:"How strongly the model is changed. It may be negative."`
}

func loraLists(env *Env) schema.Lists { return schema.Lists{"loras": loraNames(env)} }

// loraLoader adds a LoRA to a model and a text encoder.
func loraLoader() Node {
	return Define(Meta{
		Class: "LoraLoader", DisplayName: "Load LoRA", Category: "loaders",
		Description: "Adds a LoRA to a model and its text encoder. Several can be added one after the other; the checkpoint stays as it is for others.",
		Outputs: []Output{
			{Type: "MODEL", Name: "MODEL", Tooltip: "The model with the LoRA."},
			{Type: "CLIP", Name: "CLIP", Tooltip: "The text encoder with the LoRA."},
		},
		Lists: loraLists,
	}, func(_ context.Context, env *Env, in *loraInput) (Result, error) {
		model, err := in.Model.withLoRA(env, in.Name, in.StrengthModel)
		if err != nil {
			return Result{}, err
		}
		clip, err := in.Clip.withLoRA(env, in.Name, in.StrengthClip)
		if err != nil {
			model.Close()
			return Result{}, err
		}
		return Result{Values: []any{model, clip}}, nil
	})
}

// loraLoaderModelOnly adds a LoRA to a model.
func loraLoaderModelOnly() Node {
	return Define(Meta{
		Class: "LoraLoaderModelOnly", DisplayName: "LoraLoaderModelOnly", Category: "loaders",
		Description: "Adds a LoRA to a model and leaves the text encoder as it is.",
		Outputs:     []Output{{Type: "MODEL", Name: "MODEL", Tooltip: "The model with the LoRA."}},
		Lists:       loraLists,
	}, func(_ context.Context, env *Env, in *loraModelInput) (Result, error) {
		model, err := in.Model.withLoRA(env, in.Name, in.StrengthModel)
		if err != nil {
			return Result{}, err
		}
		return Result{Values: []any{model}}, nil
	})
}

// withLoRA is the model with a LoRA of env's folders. Strength 0 gives the same weights.
func (m *Model) withLoRA(env *Env, name string, strength float64) (*Model, error) {
	if strength == 0 {
		return m.clone(), nil
	}
	c, err := m.checkpoint.with(diffusion.LoRA{Path: LoRAs(env.LoRAPaths, env.ModelPaths)[name], Denoiser: strength}, name)
	if err != nil {
		return nil, err
	}
	return m.on(c), nil
}

// withLoRA is the text encoder with a LoRA of env's folders. Strength 0 gives the same weights.
func (c *Clip) withLoRA(env *Env, name string, strength float64) (*Clip, error) {
	if strength == 0 {
		return c.on(c.checkpoint.share()), nil
	}
	made, err := c.checkpoint.with(diffusion.LoRA{Path: LoRAs(env.LoRAPaths, env.ModelPaths)[name], Text: strength}, name)
	if err != nil {
		return nil, err
	}
	return c.on(made), nil
}
