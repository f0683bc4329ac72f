// Package score judges pictures by what detectors found in them, and says how sure the judgement is.
package score

import (
	"github.com/isac-guidance/isac/isac/bench/detect"
	"github.com/isac-guidance/isac/isac/methods"
)

// Wanted is one class of a prompt and how many objects of it the picture shall show.
type Wanted struct {
	Class string `json:"class"`
	Count int    `json:"count"`
}

// StepLoss is what guidance saw at one step, before it moved the latent.
type StepLoss struct {
	Step     int     `json:"step"` // from 0
	Instance float64 `json:"ins"`  // L_ins
	Class    float64 `json:"cls"`  // L_cls
	// Loss is the weighted sum of the losses of a method that has others than these two.
	Loss float64 `json:"loss,omitempty"`
	// Moved is ‖X̃_t − X_t‖ / ‖X_t‖; 0 where the step was only measured.
	Moved   float64 `json:"moved,omitempty"`
	Skipped string  `json:"skipped,omitempty"`
}

// Overlap tells whether L_ins and L_cls were measured: of a skipped step they are not known, and other methods have another loss.
func (l StepLoss) Overlap() bool { return l.Skipped == "" && l.Loss == 0 }

// Choice is a picture that was chosen among several runs.
type Choice struct {
	// Seed is that of the run that was chosen.
	Seed uint64 `json:"seed"`
	// Losses are the sums by which the runs were judged, in the order of their seeds, Seed of the record first; null where none could be
	// measured. Those of runs that were dropped are over fewer steps.
	Losses []*float64 `json:"losses"`
}

// Record is one picture: what was asked for, how it was made, what was found. It is one line of a results file. Everything
// else (scores, tables, plots) is computed from records.
type Record struct {
	Task   string   `json:"task"`  // "multi-class", "multi-instance", "mixed", "numeracy", "single"
	Split  string   `json:"split"` // "select" or "report"
	Level  int      `json:"level"` // the paper's #k or #n: number of classes (multi-class) or of objects (all other tasks)
	Prompt string   `json:"prompt"`
	Wanted []Wanted `json:"wanted"`
	Seed   uint64   `json:"seed"`
	// Method is the canonical text of the method: "none", "isac", "isac:typed+eta=0.05".
	Method string `json:"method"`
	// Options are the guidance options that Method stood for, nil without guidance.
	Options *methods.Chosen `json:"options,omitempty"`
	// Found holds, by detector name, what each detector saw, the most certain first.
	Found map[string][]detect.Detection `json:"found"`
	// Seconds is the time of sampling and decoding, without loading and detecting.
	Seconds float64 `json:"seconds"`
	// PeakBytes is the most memory in use while the picture was made: of the device on a GPU, of the process on a CPU.
	PeakBytes int64 `json:"peak_bytes"`
	// Evaluations is how often the model was evaluated on one image under one conditioning, Gradients how many of these were for a
	// gradient, which takes a backward pass beside. 0 in records of before they were counted.
	Evaluations int `json:"evaluations,omitempty"`
	Gradients   int `json:"gradients,omitempty"`
	// Choice tells which of several runs the picture is, nil where it is the one of Seed.
	Choice *Choice    `json:"choice,omitempty"`
	Losses []StepLoss `json:"losses,omitempty"`
}
