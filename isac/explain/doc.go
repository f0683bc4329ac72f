// Package explain makes pictures of what guidance sees: for the steps of a run without guidance and of one with it, of the same
// seed, the attention maps, the instances found in them, and where they overlap (the paper's figures 2, 4, 5, 12 and 13).
//
// Sample takes both runs on a model. StepSheet, Overview and Losses draw what it found and need no model; Write puts everything
// into a folder. All of it is deterministic: the same runs give the same bytes.
package explain
