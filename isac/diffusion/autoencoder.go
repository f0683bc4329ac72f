package diffusion

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/diffusion/family"
	"github.com/isac-guidance/isac/isac/diffusion/vae"
	"github.com/isac-guidance/isac/isac/torch"
)

// Autoencoder goes between images and latents. It is a model's own, which every Pipeline has, or one from a file of its own.
type Autoencoder struct {
	machine
	model  *vae.Model
	tiling Tiling
}

// LoadAutoencoder reads an autoencoder from a .safetensors file of its own, under diffusers' or the first release's names, from a whole checkpoint's
// file, or from a folder of diffusers'. It computes in float32, or in bfloat16 if that is asked for. The error lists everything that is wrong with the
// file.
func LoadAutoencoder(path string, opt LoadOptions) (*Autoencoder, error) {
	files, err := family.OpenVAE(path)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	a := &Autoencoder{machine: opt.machine(), tiling: opt.Tiling}
	if err := a.check("the autoencoder's weights", need{device: float64(files.Bytes(opt.DType))}); err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	err = torch.InScope(func() (err error) {
		a.model, err = files.Load(opt.DType, a.device)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	return a, nil
}

// Close frees the weights of an autoencoder that LoadAutoencoder gave.
func (a *Autoencoder) Close() {
	a.model.Close()
	_ = torch.Try(func() error { torch.EmptyCache(a.device); return nil }) // a device that is lost has no memory to give
}

// Factor is how many pixels of an image one pixel of the latent stands for along each side: 8 for Stable Diffusion.
func (a *Autoencoder) Factor() int { return int(a.model.Config.Factor()) }

// LatentChannels is the number of channels of a latent: 4 for Stable Diffusion 1, 2 and XL, 16 for 3.
func (a *Autoencoder) LatentChannels() int { return int(a.model.Config.LatentChannels) }
