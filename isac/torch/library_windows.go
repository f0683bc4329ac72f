package torch

// LibraryName is the file that Load looks for.
const LibraryName = "isactorch.dll"
