// Package sampling turns noise into latents: noise schedules, and samplers as pure functions in the manner of k-diffusion.
//
// Everything here lives in the variance-exploding parametrisation, ComfyUI's: x = x0 + σ·ε. The model's own, variance-preserving
// X_t = √ᾱ·x0 + √(1−ᾱ)·ε, is x/√(1+σ²), with σ = √((1−ᾱ)/ᾱ). A Denoiser takes x and σ and gives D, the model's idea of x0; Prediction
// makes D from what the network puts out. The names and numbers are ComfyUI's, so that a workflow means the same here as there.
//
// Guidance comes in through Hooks.BeforeStep, which may replace the state at the start of each step, before it is evaluated: that is
// Algorithm 1's X̃ = X − η∇L. It sees only states, never a predictor within a step.
//
// A sampler is a formula over one step (solver): the guided state, what the model made of it, and what it remembers of the steps before; it may
// evaluate the model again. Named gives it in the form that a family's noise needs. Each is held equal to ComfyUI's own.
package sampling
