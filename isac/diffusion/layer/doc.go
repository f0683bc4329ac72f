// Package layer holds the few layers that the text model, the UNet and the autoencoder share. A layer is a small value that is built
// from weights.Params at its own path, so its tensors' names are the checkpoint's keys, and has one method, Forward.
//
// Images are [B,C,H,W], sequences [B,N,D]. A builder never fails by itself: what a checkpoint lacks is recorded in Params, and the
// model's constructor reports all of it at once.
package layer
