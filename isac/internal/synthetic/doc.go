// Package synthetic is a small model of attention layers, and what plain PyTorch computed with such models, for the tests of ISAC
// and of what it is made of.
package synthetic
