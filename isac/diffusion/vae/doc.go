// Package vae is the autoencoder between images and latents: diffusers' AutoencoderKL, with the same layer names and the same numbers.
//
// Latents here are the autoencoder's own ("unscaled"): the UNet's latents are these times scaling_factor, which is the pipeline's
// business. Images are [B,3,H,W] in [-1,1].
package vae
