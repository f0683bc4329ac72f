// Package weights reads the files that models come in: safetensors, diffusers folders, and single-file SD1.x checkpoints.
//
// Everything is seen through Source, a flat set of named tensors. Whatever the file on disk calls its tensors, the Source that a
// model builder gets uses the names that diffusers writes today, so that a model's layer names are the checkpoint's keys and no
// model file holds a conversion table. Structural numbers (channels, depths, context width) are read from tensor shapes; a
// config file is asked only for what a shape cannot tell.
//
// # Lifetime
//
// A File maps its bytes into memory and its tensors are views of that mapping: no copy is made, and none of them may be used after
// Close. Params, which model builders use, copies what it loads, so a file can be closed as soon as the model is built.
package weights
