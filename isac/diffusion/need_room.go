package diffusion

import (
	"fmt"
	"runtime/debug"

	"github.com/isac-guidance/isac/isac/diffusion/internal/memory"
	"github.com/isac-guidance/isac/isac/torch"
)

// machine is where something computes, and what it may take there.
type machine struct {
	device    torch.Device
	maxMemory int64 // see LoadOptions
	encoders  *Encoders
	offload   TextOffload
}

// empty gives back what is kept in reserve, on the device and of the machine's memory.
func (m machine) empty() {
	_ = torch.Try(func() error { // a device that is lost has no memory to give
		torch.EmptyCache(torch.CPU)
		if m.device != torch.CPU {
			torch.EmptyCache(m.device)
		}
		return nil
	})
	debug.FreeOSMemory()
}

// mayDecode says whether there is room to decode latents of a shape, in tiles or whole; else it is a *MemoryError.
func (a *Autoencoder) mayDecode(shape []int64, tile *Tile) error {
	n := a.needToDecode(shape, tile)
	if n.device+n.host < fixed {
		return nil // little is not asked for: a preview in the middle of a run, which has asked for all that it takes
	}
	if a.device == torch.CPU {
		n.device += n.host
		n.host = n.device
	}
	return a.check(a.imagesOf(shape), n.room())
}

// check compares a need with what there is, the second time after what is kept in reserve was given back, the third time after text encoders
// have left.
func (m machine) check(what string, n need) error {
	err := m.compare(what, n)
	if err == nil {
		return nil
	}
	m.empty()
	if err = m.compare(what, n); err == nil || !m.leaves() || !m.spare() {
		return err
	}
	return m.compare(what, n)
}

// exhausted is the error of what ran out of memory although the estimate had room for it: cause is libtorch's, tried what was done to
// take less.
func (m machine) exhausted(what string, n need, cause error, tried []string) error {
	free := memory.Of(m.device, m.maxMemory)
	return &MemoryError{
		What: what, Device: m.device, Need: whole(n.device), Free: free.Device, Total: free.DeviceTotal, Bounded: free.DeviceTotal == m.maxMemory,
		Tried: tried, Cause: cause,
	}
}

func (m machine) compare(what string, n need) error {
	free := memory.Of(m.device, m.maxMemory)
	if whole(n.device) > free.Device {
		return &MemoryError{
			What: what, Device: m.device, Need: whole(n.device), Free: free.Device, Total: free.DeviceTotal, Bounded: free.DeviceTotal == m.maxMemory,
		}
	}
	if whole(n.host) > free.Host {
		return &MemoryError{What: what, Device: torch.CPU, Need: whole(n.host), Free: free.Host, Total: free.HostTotal, Bounded: free.HostTotal == m.maxMemory}
	}
	return nil
}

func (a *Autoencoder) imagesOf(shape []int64) string {
	f := int64(a.Factor())
	images := fmt.Sprintf("%d images", shape[0])
	if shape[0] == 1 {
		images = "an image"
	}
	return fmt.Sprintf("%s of %d×%d pixels", images, shape[3]*f, shape[2]*f)
}
