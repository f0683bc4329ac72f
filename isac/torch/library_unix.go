//go:build unix

package torch

// LibraryName is the file that Load looks for.
const LibraryName = "libisactorch.so"
