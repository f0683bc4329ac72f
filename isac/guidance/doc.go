// Package guidance is what a guidance method may do to a sampling run, and what all methods share. It knows no method: ISAC is
// package isac, others are in isac/baseline, and neither the sampling loop nor a host can tell them apart.
//
// A Method is a way to guide with all its options chosen. It has up to three moments, each an interface that a guide may have:
//
//	Preparer  before sampling     changes the noise that the run starts from
//	Guide     at a step           reads the model's attention, and says what the step shall lower
//	Selector  across candidates   says which of several runs is kept (see Selection)
//
// What a step costs can be lowered by options: which steps are guided (Options.Every, At), where the gradient is not worth it (SkipBelow),
// what sampling takes over from the guided evaluation (Reuse); and by a Guide that reads no more of the model than it needs (Reader), or nothing from a
// GPU before the gradient is taken (Deferrer).
//
// A Session guides one image. It converts between the host's x and the model's X_t, keeps to the window of guided steps, evaluates
// the model, takes the gradient and the step, puts a random direction in the gradient's place where a control is wanted, tells an
// observer what was seen, and reports.
package guidance
