// Package diffusion runs a whole latent diffusion model of any family that package family lists: prompt to conditioning, sampling with
// classifier-free guidance and a guidance method, latent to image and back. It is what a node, a benchmark or a program calls. It
// knows no family and no method.
//
// Parametrisations, which are easy to confuse:
//
//   - X_t: what the network takes in, and what guidance methods see.
//   - x: what samplers step on, as in ComfyUI. X_t·√(1+σ²) of models that predict noise or velocity, X_t itself of flow models: the
//     family's sampling.Noise knows.
//   - scaled latents: the network's. Everything within sampling.
//   - unscaled latents: the autoencoder's, scaled ones divided by scaling_factor. What Sample returns and takes, as ComfyUI's LATENT.
//
// # Threads and memory
//
// A Pipeline belongs to one OS thread at a time: call its methods inside torch.Executor.Do. What a method returns is kept (torch.Tensor.Keep)
// and is the caller's to close; everything else that it made is freed when it returns, also when it fails.
//
// Weights take 2 bytes a parameter in float16 and 4 in float32 (Stable Diffusion 1.5: 860 M in the UNet, 123 M in the text model, 84 M in
// the autoencoder). A sampling step evaluates the network once on a batch of two (negative and positive prompt together) and frees the
// activations block by block. A guided step evaluates it once more on the positive prompt with gradient, and keeps the activations
// until the backward pass is done, unless LoadOptions.Checkpoint trades them for one more evaluation.
//
// Measured on the CPU in float32 with libtorch 1.13, Stable Diffusion 1.5's UNet at 512×512 pixels, weights of 3.4 GB included: a step
// 4.7 GB, the gradient of all queries and keys 10.4 GB, the same with Checkpoint 8.1 GB (unet.TestStableDiffusionSize).
package diffusion
