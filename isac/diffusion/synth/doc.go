// Package synth writes synthetic checkpoints: every tensor of a family by its exact name and shape, and random values. They paint
// nothing, and everything else works as with a trained model: loading, memory, speed, gradients. So programs can be tried where no
// trained weights are at hand.
//
// The names and shapes of single files are made here by formula, those of diffusers folders from them, by package family's own maps.
// No tensor is ever held whole: each value is a function of the seed, the tensor's name and the value's place, and neither libtorch nor
// memory for the model is needed.
package synth
