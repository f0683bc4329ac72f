// Package layer holds the few layers that the text model, the UNet and the autoencoder share. A layer is a small value that is built
// from weights.Params at its own path, so its tensors' names are the checkpoint's keys, and has one method, Forward. Beside them it holds
// what images have in common wherever they go through a network: strips and tiles, and two ways to bring one to another size.
//
// Images are [B,C,H,W], sequences [B,N,D]. A builder never fails by itself: what a checkpoint lacks is recorded in Params, and the
// model's constructor reports all of it at once.
package layer
