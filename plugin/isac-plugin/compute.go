package main

import (
	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/plugin/server"
)

// compute is how models compute, for the commands that run them.
type compute struct {
	DType         string `name:"dtype" env:"ISAC_DTYPE" enum:"auto,float32,float16,bfloat16" default:"auto" help:"What models compute in: ${enum}. auto is float32 on the CPU, and on a GPU bfloat16, or float16 where it has no units for that."`
	Checkpointing string `env:"ISAC_CHECKPOINTING" enum:"auto,on,off" default:"auto" help:"Gradient checkpoints of guided steps, less memory and more time: ${enum}. auto is on where a step would not fit otherwise."`
	TextOffload   string `name:"text-offload" env:"ISAC_TEXT_OFFLOAD" enum:"auto,always,never" default:"auto" help:"Text encoders leave the device for the machine's memory before a run, and come back when a text is encoded: ${enum}. auto has them leave a GPU where something does not fit beside them."`
	Tiling        string `name:"vae-tiling" env:"ISAC_VAE_TILING" enum:"auto,on,off" default:"auto" help:"Pictures go through the autoencoder in tiles of 512 pixels, less memory and slightly other pictures: ${enum}. auto is on where the whole does not fit."`
}

const auto = "auto"

// load is for models that this process loads itself. libtorch has to be loaded.
func (m compute) load(c *commands) diffusion.LoadOptions {
	device := torch.Device(c.Device)
	return diffusion.LoadOptions{
		Device: device, DType: m.dtype(device), Checkpoint: m.Checkpointing == "on", AutoCheckpoint: m.Checkpointing == auto, MaxMemory: int64(c.Memory),
		Tiling: tilings[m.Tiling], TextOffload: offloads[m.TextOffload],
	}
}

// serve is for a server's.
func (m compute) serve(o server.Options) server.Options {
	o.DType, o.AutoDType = dtypes[m.DType], m.DType == auto
	o.Checkpoint, o.AutoCheckpoint = m.Checkpointing == "on", m.Checkpointing == auto
	o.Tiling, o.TextOffload = tilings[m.Tiling], offloads[m.TextOffload]
	return o
}

var tilings = map[string]diffusion.Tiling{auto: diffusion.TilingAuto, "on": diffusion.TilingOn, "off": diffusion.TilingOff}

var offloads = map[string]diffusion.TextOffload{auto: diffusion.TextOffloadAuto, "always": diffusion.TextOffloadAlways, "never": diffusion.TextOffloadNever}

// dtype is what is computed in on a device.
func (m compute) dtype(device torch.Device) torch.DType {
	if m.DType == auto {
		return diffusion.AutoDType(device)
	}
	return dtypes[m.DType]
}
