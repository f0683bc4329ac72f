// Package weights reads the files that models come in: safetensors, diffusers folders, and single-file SD1.x checkpoints.
//
// Everything is seen through Source, a flat set of named tensors. Whatever the file on disk calls its tensors, the Source that a
// model builder gets uses the names that diffusers writes today, so that a model's layer names are the checkpoint's keys and no
// model file holds a conversion table. Structural numbers (channels, depths, context width) are read from tensor shapes; a
// config file is asked only for what a shape cannot tell.
//
// # Lifetime
//
// A File reads each tensor that it is asked for into memory of the tensor's own, so a file can be closed as soon as the model is built.
// Files are not mapped: one that is cut short while it is mapped ends the process, and here it is an error.
package weights
