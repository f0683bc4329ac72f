// Latents runs package diffusion's own sampler on a model, guided by a method's defaults, and prints the latents it ends with, unscaled
// float32 in the byte order of the machine. The test of this folder holds a pipeline of diffusers against them.
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/methods"
	"github.com/isac-guidance/isac/isac/prompt"
)

func main() {
	model := flag.String("model", "examples/mini/model", "folder of the model")
	text := flag.String("prompt", "", "prompt")
	sampler := flag.String("sampler", "ddim", "sampler; its schedule is ddim_uniform")
	steps := flag.Int("steps", 10, "steps")
	cfg := flag.Float64("cfg", 5, "scale of classifier-free guidance")
	seed := flag.Uint64("seed", 1, "seed of the noise")
	flag.Parse()
	if err := run(*model, *text, diffusion.SampleRequest{Sampler: *sampler, Steps: *steps, CFG: *cfg, Seed: *seed}); err != nil {
		fmt.Fprintln(os.Stderr, "latents:", err)
		os.Exit(1)
	}
}

func run(model, text string, r diffusion.SampleRequest) (err error) {
	p, err := diffusion.Load(model, diffusion.LoadOptions{})
	if err != nil {
		return err
	}
	defer p.Close()
	if r.Positive, err = p.EncodePrompt(text); err != nil {
		return err
	}
	defer r.Positive.Close()
	if r.Negative, err = p.EncodePrompt(""); err != nil {
		return err
	}
	defer r.Negative.Close()
	method, err := methods.Named("isac", "")
	if err != nil {
		return err
	}
	target, err := methods.TargetFromPrompt(prompt.Parse(text), r.Positive.Spans)
	if err != nil {
		return err
	}
	r.Scheduler, r.Denoise, r.Width, r.Height = "ddim_uniform", 1, p.NativeSize(), p.NativeSize()
	r.Guidance = &diffusion.Guidance{Method: method, Target: target}
	latent, reports, err := p.Sample(context.Background(), r)
	if err != nil {
		return err
	}
	defer latent.Close()
	if short := guidance.Shortfall(reports); short != "" {
		return errors.New(short)
	}
	return binary.Write(os.Stdout, binary.NativeEndian, latent.Float32s())
}
