package nodes

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/nodes/schema"
	"github.com/isac-guidance/isac/plugin/saveprefix"
)

// Names of tensors in ComfyUI's .latent files, which are safetensors files. One without version holds latents in the model's scale.
const (
	latentTensor  = "latent_tensor"
	latentVersion = "latent_format_version_0"
	latentEnding  = ".latent"
	// firstScale is Stable Diffusion 1's, of files without version.
	firstScale = 0.18215
)

type saveLatentInput struct {
	Samples *Latent `mapstructure:"samples" tooltip:"The latents to write."`
	Prefix  string  `mapstructure:"filename_prefix" default:"latents/ComfyUI" tooltip:"How the file names begin; a folder before a slash is a folder below the output folder."`
}

// saveLatent hands latents to the host as a file.
func saveLatent() Node {
	return Define(Meta{
		Class: "SaveLatent", DisplayName: "SaveLatent", Category: "_for_testing", OutputNode: true, Hidden: pngMetadata,
		Description: "Writes latents to a file that Load Latent reads.",
		Limits:      []schema.Limit{{Input: "filename_prefix", File: true}},
	}, func(_ context.Context, env *Env, in *saveLatentInput) (Result, error) {
		if !in.Samples.Samples.Defined() {
			return Result{}, errors.New("the latents are empty, and have no channels before a model has sampled them: connect latents of a sampler or of VAE Encode")
		}
		fill := saveprefix.Filling{Now: time.Now(), Width: in.Samples.Width, Height: in.Samples.Height, Widget: readWidgets(env.workflow()).value}
		subfolder, name, err := saveprefix.Place(in.Prefix, fill)
		if err != nil {
			return Result{}, err
		}
		chunks, err := metadata(env.workflow())
		if err != nil {
			return Result{}, err
		}
		about := map[string]string{}
		for _, c := range chunks {
			about[c.keyword] = c.text
		}
		data, err := latentFile(in.Samples.Samples, about)
		if err != nil {
			return Result{}, err
		}
		pattern := saveName(name, 0)
		pattern = pattern[:len(pattern)-len(filepath.Ext(pattern))] + latentEnding
		return Result{Files: []File{{Name: pattern, Subfolder: subfolder, Type: OutputFile, Data: data}}}, nil
	})
}

type loadLatentInput struct {
	Latent string `mapstructure:"latent" combo:"@" input_files:"latent" tooltip:"A .latent file in the input folder."`
}

// loadLatent reads latents that were written before.
func loadLatent() Node {
	return Define(Meta{
		Class: "LoadLatent", DisplayName: "LoadLatent", Category: "_for_testing",
		Description: "Reads latents from a file of the input folder.",
		Outputs:     []Output{{Type: "LATENT", Name: "LATENT", Tooltip: "The latents."}},
	}, func(_ context.Context, env *Env, in *loadLatentInput) (Result, error) {
		data, err := env.file("latent", in.Latent)
		if err != nil {
			return Result{}, err
		}
		samples, err := readLatent(data)
		if err != nil {
			return Result{}, fmt.Errorf("%s: %w", in.Latent, err)
		}
		return Result{Values: []any{newLatent(samples, latentFactor)}}, nil
	})
}

// latentFactor is how many pixels one of a latent stands for: all models that there are files of have 8.
const latentFactor = 8

// latentFile is the content of a .latent file.
func latentFile(samples torch.Tensor, about map[string]string) (data []byte, err error) {
	err = inFolder(func(path string) error {
		var values []byte
		for _, v := range samples.Contiguous().Float32s() {
			values = binary.LittleEndian.AppendUint32(values, math.Float32bits(v))
		}
		entries := []weights.Entry{{Name: latentTensor, DType: "F32", Shape: samples.Shape(), Data: values}, {Name: latentVersion, DType: "F32", Shape: []int64{0}}}
		if err := weights.Write(path, entries, about); err != nil {
			return err
		}
		data, err = os.ReadFile(path)
		return err
	})
	return data, err
}

// readLatent gives the latents [B,C,h,w] of a file, in the current scope.
func readLatent(data []byte) (samples torch.Tensor, err error) {
	err = inFolder(func(path string) error {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			return err
		}
		f, err := weights.Open(path)
		if err != nil {
			return fmt.Errorf("it is no latent file: %w", err)
		}
		defer f.Close()
		if samples, err = f.Tensor(latentTensor); err != nil {
			return fmt.Errorf("it is no latent file: %w", err)
		}
		if shape := samples.Shape(); len(shape) != 4 || samples.Numel() == 0 {
			return fmt.Errorf("latents of shape %v, expected [B C h w]", shape)
		}
		samples = samples.To(torch.Float32).Clone() // the file's memory goes with it
		if !f.Has(latentVersion) {
			samples = samples.DivScalar(firstScale)
		}
		return nil
	})
	return samples, err
}

// inFolder gives fn the path of a file in a folder that is removed behind it.
func inFolder(fn func(path string) error) error {
	folder, err := os.MkdirTemp("", "isac-latent-")
	if err != nil {
		return err
	}
	return errors.Join(fn(filepath.Join(folder, "file.safetensors")), os.RemoveAll(folder))
}
