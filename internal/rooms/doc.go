// Package rooms has a test alone: it holds the module to the tables in CONTRIBUTING.md ("Layout") that say which package may import
// which, and what must not be linked where. It needs neither cgo nor libtorch.
package rooms
