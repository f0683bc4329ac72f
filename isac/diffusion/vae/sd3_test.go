package vae

import (
	"path/filepath"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// Stable Diffusion 3's autoencoder has more channels, no convolutions on the two sides of the latent, and a shift.
func TestStableDiffusion3EqualsDiffusers(t *testing.T) {
	torchtest.Require(t)
	f := fixture.Open(t, "tiny-sd3")
	dir := filepath.Join(f.Dir, "vae")
	src, settings := fixture.Weights(t, filepath.Join(dir, "diffusion_pytorch_model.safetensors"), filepath.Join(dir, "config.json"))
	m := build(t, src, settings)
	if c := m.Config; c.QuantConv || c.LatentChannels != 8 || c.Scaling != 1.5305 || c.Shift != 0.0609 {
		t.Errorf("configuration %+v", c)
	}
	fixture.InScope(t, func() {
		f.Near("vae.decoded", m.Decode(f.Tensor("vae.z")), 1e-5)
		mean, logvar, err := m.Moments(f.Tensor("vae.image"))
		if err != nil {
			t.Fatal(err)
		}
		f.Near("vae.mean", mean, 1e-5)
		f.Near("vae.logvar", logvar, 1e-5)
		f.Near("run.image", m.Decode(f.Tensor("run.latent").DivScalar(m.Config.Scaling).AddScalar(m.Config.Shift)), 1e-5)
	})
}
