package diffusion

import (
	"fmt"
	"sync/atomic"

	"github.com/isac-guidance/isac/isac/diffusion/controlnet"
	backbone "github.com/isac-guidance/isac/isac/diffusion/denoiser"
	"github.com/isac-guidance/isac/isac/diffusion/denoiser/unet"
	"github.com/isac-guidance/isac/isac/diffusion/family"
	"github.com/isac-guidance/isac/isac/torch"
)

// ControlNet is a loaded control net of a UNet. Conditionings hold it too: its weights are freed when the last one that has it is closed.
type ControlNet struct {
	machine
	model *controlnet.Model
	uses  atomic.Int64
}

// LoadControlNet reads a control net from a file or a folder; see family.OpenControlNet for which. The error lists everything that is wrong
// with the file.
func LoadControlNet(path string, opt LoadOptions) (*ControlNet, error) {
	files, err := family.OpenControlNet(path)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	c := &ControlNet{machine: opt.machine()}
	if err := c.check("the control net's weights", need{device: float64(files.Bytes(opt.DType))}); err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	err = torch.InScope(func() (err error) {
		c.model, err = files.Load(opt.DType, c.device)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	c.uses.Store(1)
	return c, nil
}

// share counts one more holder.
func (c *ControlNet) share() *ControlNet {
	c.uses.Add(1)
	return c
}

// Close is for each holder to call once; the last one frees the weights.
func (c *ControlNet) Close() {
	if c.uses.Add(-1) > 0 {
		return
	}
	c.model.Close()
	_ = torch.Try(func() error { torch.EmptyCache(c.device); return nil }) // a device that is lost has no memory to give
}

// fits says what keeps the net from controlling the pipeline's denoiser.
func (c *ControlNet) fits(p *Pipeline) error {
	u, ok := p.model.Denoiser.(*unet.Model)
	if !ok {
		return fmt.Errorf("it is for a UNet, and %s has none: leave it out", p.model.Family.Title)
	}
	if c.device != p.device {
		return fmt.Errorf("it is on %s and the model on %s", c.device, p.device)
	}
	return c.model.Config.Fits(u.Config)
}

// memory is what an evaluation of a conditioning's control nets takes beside their weights, in bytes: they run one after the other, and
// what they give is added up.
func (c Conditioning) memory(e backbone.Evaluation) float64 {
	most := 0.0
	for _, one := range c.all() {
		sum := 0.0
		for _, control := range one.Controls {
			m := control.Net.model
			bytes := m.Config.Memory(e, float64(m.DType().Bytes()))
			if sum = max(sum, bytes); e.Gradient { // which keeps all of them
				sum += bytes
			}
		}
		most = max(most, sum)
	}
	return margin * most
}
