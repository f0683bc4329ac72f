//go:build !linux

package server

// residentBytes is not known here.
func residentBytes() uint64 { return 0 }
