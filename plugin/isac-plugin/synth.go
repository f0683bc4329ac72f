package main

import (
	"fmt"
	"os"

	"github.com/isac-guidance/isac/isac/diffusion/family"
	"github.com/isac-guidance/isac/isac/diffusion/synth"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// synthetic is the command synth.
type synthetic struct {
	Family string `required:"" placeholder:"NAME" enum:"${synthetic}" help:"What to write: ${enum}."`
	Out    string `required:"" placeholder:"FILE|DIR" help:"The .safetensors file or the folder to write; it must not be there yet."`

	Size   string `enum:"full,narrow,small" default:"full" help:"Sizes as published, with a narrow denoiser that ComfyUI still knows, or a few megabytes of the same form: ${enum}."`
	Layout string `enum:"single,folder" default:"single" help:"One file, or a diffusers folder: ${enum}."`
	DType  string `name:"dtype" enum:"fp32,fp16,bf16" default:"fp16" help:"What is stored: ${enum}."`
	Seed   uint64 `default:"0" help:"Seed of all values: the same seed gives the same bytes."`
}

// Run writes a checkpoint and tells what it is. It works without libtorch.
func (s *synthetic) Run() error {
	dtype, err := weights.PrecisionNamed(s.DType)
	if err != nil {
		return err
	}
	layout := family.SingleFile
	if s.Layout == "folder" {
		layout = family.Diffusers
	}
	w, err := synth.Write(s.Out, synth.Options{Kind: s.Family, Small: s.Size == "small", Narrow: s.Size == "narrow", Layout: layout, DType: dtype, Seed: s.Seed})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(os.Stdout, "%s: %d tensors, %d parameters in %s, %d bytes; random values, so it paints nothing\n", w.Path, w.Tensors, w.Parameters, s.DType, w.Bytes)
	return err
}
