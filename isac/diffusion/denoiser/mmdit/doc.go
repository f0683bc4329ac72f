// Package mmdit is the velocity predictor of Stable Diffusion 3 and 3.5: diffusers' SD3Transformer2DModel, with the same layer names
// and the same numbers.
//
// Image and text are two streams of tokens with weights of their own that meet in one attention of each block: its softmax runs over
// the keys of both, the image's first and then the text's. An attention.Recorder takes the image's queries and all keys of each, in
// that order. Stable Diffusion 3.5 Medium has a second attention in its first blocks, of the image to itself alone; its taps are
// marked Auxiliary.
package mmdit
