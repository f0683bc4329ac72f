// Package attention is what a diffusion model shows of itself: the queries and keys of its attention layers, where on the image
// they lie and what their keys stand for, and the maps that are made of them.
//
// A Tap is one softmax of one layer. Its keys come in segments, image positions and text tokens: a UNet's layers have one
// segment each, MMDiT's joint attention has both kinds in one softmax. A Recorder carries taps out of the scopes and gradient
// checkpoints of whatever backbone there is. Read checks what came out, and Accumulate makes maps of it. Where memory counts, Online
// makes them on the way, and no queries and keys come out.
package attention
