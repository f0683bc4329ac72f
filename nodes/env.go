package nodes

import (
	"encoding/json"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/torch"
)

// Env is what the host gives to a node's run besides its inputs. The zero Env works: no model folders, CPU, nobody listening.
type Env struct {
	// ModelPaths are the folders in which checkpoints are looked for, the first wins.
	ModelPaths []string
	// Device is where models run; "" is the CPU.
	Device torch.Device
	// LoRAPaths are folders of LoRAs beside those in ModelPaths, which they come before. See LoRAs.
	LoRAPaths []string
	// DType is what models compute in; the zero value is float32. See diffusion.LoadOptions. With AutoDType it is diffusion.AutoDType's
	// of the device.
	DType     torch.DType
	AutoDType bool
	// Checkpoint and AutoCheckpoint are as in diffusion.LoadOptions.
	Checkpoint, AutoCheckpoint bool
	// Shared are weights of the host that a checkpoint is loaded with; nil for none.
	Shared *SharedWeights
	// MaxMemory bounds what models and runs together take on Device, in bytes; 0 is what the device has.
	MaxMemory int64
	// Tiling, TextOffload and Encoders are as in diffusion.LoadOptions.
	Tiling      diffusion.Tiling
	TextOffload diffusion.TextOffload
	Encoders    *diffusion.Encoders
	// Progress receives how far a long node is; called from the node's own goroutine. May be nil.
	Progress func(value, max int)
	// Preview receives pictures of work in progress; format is "png" or "jpeg". nil means that nobody looks and none is made.
	Preview func(format string, data []byte)
	// Step receives one JSON-able value for each guided step (see StepReport). May be nil.
	Step func(any)
	// Files are the contents of files that the host has, by the inputs that name them (see the tag input_files in package schema).
	Files map[string][]byte
	// Workflow is the JSON that a saved image carries: an object such as {"prompt": API graph, "workflow": editor's graph},
	// whose members become text chunks of these names. A bare API graph is taken as the prompt. May be empty.
	Workflow json.RawMessage
}

func (e *Env) progress(value, max int) {
	if e != nil && e.Progress != nil {
		e.Progress(value, max)
	}
}

func (e *Env) step(report any) {
	if e != nil && e.Step != nil {
		e.Step(report)
	}
}

// maxMemory bounds memory of the machine: what bounds a GPU's says nothing of it.
func (e *Env) maxMemory() int64 {
	if e == nil || e.Device != "" && e.Device != torch.CPU {
		return 0
	}
	return e.MaxMemory
}

func (e *Env) workflow() json.RawMessage {
	if e == nil {
		return nil
	}
	return e.Workflow
}
