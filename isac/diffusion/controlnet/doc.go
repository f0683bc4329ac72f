// Package controlnet is the control nets of UNets (Zhang et al., 2023): a copy of a UNet's way down that sees a picture (edges, depth,
// poses), and whose states go through convolutions that began as zeros and are added to the UNet's own.
package controlnet
