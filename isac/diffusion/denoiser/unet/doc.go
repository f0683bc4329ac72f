// Package unet is the noise predictor of Stable Diffusion 1.x, 2.x and XL: diffusers' UNet2DConditionModel, with the same layer names and
// the same numbers.
//
// Every attention layer can be read: an attention.Recorder takes the queries and keys of each, with the grid that they lie on. Attention
// itself never builds a matrix of probabilities; who needs probabilities makes them from queries and keys (attention.Tap).
package unet
