package diffusion

import (
	backbone "github.com/isac-guidance/isac/isac/diffusion/denoiser"
	"github.com/isac-guidance/isac/isac/diffusion/internal/memory"
	"github.com/isac-guidance/isac/isac/torch"
)

// ampere is the first compute capability, times ten, whose matrix units compute in bfloat16.
const ampere = 80

// AutoDType is what a model computes in best on a device: float32 on the CPU, where nothing else is faster; on a GPU bfloat16, which has
// float32's range, so that neither activations nor gradients overflow; and float16 on GPUs without units for bfloat16, which would compute
// it many times slower. It loads libtorch.
func AutoDType(d torch.Device) torch.DType {
	if d == "" || d == torch.CPU {
		return torch.Float32
	}
	if d == "cuda" {
		d = "cuda:0"
	}
	for _, info := range torch.GetInfo().Devices {
		if info.Device == d {
			return autoDType(info.Capability)
		}
	}
	return torch.Float16
}

// autoDType decides by the compute capability of a GPU, 0 where it is not known.
func autoDType(capability int) torch.DType {
	if capability >= ampere {
		return torch.BFloat16
	}
	return torch.Float16
}

// checkpoints says whether a guided evaluation keeps only the inputs of blocks: as it was asked for, where it would
// not fit otherwise, or where memory ran out before.
func (p *Pipeline) checkpoints(e backbone.Evaluation) bool {
	if p.spared.at(e.Height, e.Width) {
		return true
	}
	if !p.autoCheckpoint {
		return p.checkpoint
	}
	e.Checkpoint = false
	return whole(need{device: p.evaluation(e)}.room().device) > memory.Of(p.device, p.maxMemory).Device
}
