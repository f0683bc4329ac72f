package pickle

import "errors"

var (
	// ErrRefused says that the pickle asks for something that is not read here; the message names it. Nothing was run.
	ErrRefused = errors.New("refused")
	// ErrBroken says that the file is damaged or contradicts itself.
	ErrBroken = errors.New("damaged")
)

// Bounds of what a file may ask for. The pickles of the largest checkpoints in use, with the state of their training, have a hundredth of it.
const (
	maxPickle  = 64 << 20 // bytes of one pickle
	maxValues  = 4 << 20  // values that it makes, and stack and memo with them
	maxText    = 1 << 20  // bytes of one text
	maxDims    = 16       // of a tensor
	maxDepth   = 16       // of dictionaries in dictionaries
	maxName    = 2000     // bytes of a tensor's whole name
	maxTensors = 200_000
	maxVisits  = 4 << 20 // of values, in looking for tensors
	maxZip     = 1 << 20 // files of an archive
)
