package bench

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/bench/task"
	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// numeracy is the task whose prompts come from a file of the user's.
const numeracy = "numeracy"

// Sampling is how every picture is made, whatever the method.
type Sampling struct {
	// Sampler and Scheduler are names of package sampling: "ddim", "ddim_uniform".
	Sampler   string `json:"sampler"`
	Scheduler string `json:"scheduler"`
	// Steps and CFG are as in diffusion.SampleRequest.
	Steps int     `json:"steps"`
	CFG   float64 `json:"cfg"`
	// Size is the side of the square pictures in pixels; 0 is the size that the model was trained on.
	Size int `json:"size"`
}

// Request is everything that a bench is asked for.
type Request struct {
	// Model is a diffusers folder or a single .safetensors file.
	Model string
	// Device, DType, Checkpoint and MaxMemory are as in diffusion.LoadOptions.
	Device     torch.Device
	DType      torch.DType
	Checkpoint bool
	MaxMemory  int64
	// Detectors are specs as OpenDetectors takes them.
	Detectors []string
	Sampling
	Methods []Method
	// Against is the method of these, as its String has it, that the report compares the others with; "" is plain sampling.
	Against string
	// Measure has the losses of plain sampling looked at as well, with the options of Look. It costs one evaluation of the model
	// a step, so its seconds are not those of plain sampling.
	Measure bool
	Look    guidance.Method

	// Tasks are names of package task, or "numeracy" for the prompts in NumeracyFile.
	Tasks        []string
	NumeracyFile string
	// Sample is the part of all subsets of a group that multi-class takes, the paper's 0.2; TaskSeed says which.
	Sample   float64
	TaskSeed uint64
	// Split is "select", for choosing options, or "report", for the table. Their prompts and seeds are disjoint.
	Split string
	// Prompts is the number of prompts of each task, 0 for all; Seeds the number of pictures of each prompt and method.
	Prompts, Seeds int
}

// Splits are the halves of the prompts: the one to choose options on, and the one to report.
func Splits() []string { return []string{"select", "report"} }

// TaskNames lists the tasks that a request can name.
func TaskNames() []string {
	names := slices.Clone(task.Names())
	if !slices.Contains(names, numeracy) {
		names = append(names, numeracy)
	}
	return names
}

// Validate reports everything that is wrong with the request and can be known without opening a file, all at once.
func (r Request) Validate() error {
	var errs []error
	bad := func(format string, a ...any) { errs = append(errs, fmt.Errorf(format, a...)) }
	if r.Model == "" {
		bad("no model: give a diffusers folder or a .safetensors file")
	}
	if len(r.Detectors) == 0 {
		bad("no detectors: give at least one, such as mini:examples/mini/detector or yolo:FILE.onnx")
	}
	if len(r.Methods) == 0 {
		bad("no methods: give at least one, such as none or isac")
	}
	if len(r.Tasks) == 0 {
		bad("no tasks: give at least one of %s", strings.Join(TaskNames(), ", "))
	}
	for i, name := range r.Tasks {
		switch {
		case !slices.Contains(TaskNames(), name):
			bad("no task is called %q: expected %s", name, strings.Join(TaskNames(), ", "))
		case slices.Contains(r.Tasks[:i], name):
			bad("task %q is given twice", name)
		}
	}
	if wanted := slices.Contains(r.Tasks, numeracy); wanted != (r.NumeracyFile != "") {
		bad("the task numeracy and a file of its prompts belong together: give both, or neither")
	}
	if !slices.Contains(Splits(), r.Split) {
		bad("the split is %q, expected %s", r.Split, strings.Join(Splits(), " or "))
	}
	if r.Prompts < 0 {
		bad("prompts is %d, expected a number of prompts for each task, or 0 for all", r.Prompts)
	}
	if r.Seeds < 1 {
		bad("seeds is %d, expected at least 1", r.Seeds)
	}
	if !(r.Sample > 0 && r.Sample <= 1) {
		bad("sample is %v, expected a part of all subsets above 0 and at most 1", r.Sample)
	}
	if r.Steps < 1 {
		bad("steps is %d, expected at least 1", r.Steps)
	}
	if r.Size < 0 {
		bad("size is %d pixels, expected a side above 0, or 0 for the size that the model was trained on", r.Size)
	}
	_, err := sampling.Named(r.Sampler, nil)
	errs = append(errs, err)
	if r.Measure || slices.ContainsFunc(r.Methods, func(m Method) bool { return m.options != nil }) {
		errs = append(errs, sampling.Guidable(r.Sampler))
	}
	if !slices.Contains(sampling.ScheduleNames(), r.Scheduler) {
		bad("no scheduler is called %q: expected %s", r.Scheduler, strings.Join(sampling.ScheduleNames(), ", "))
	}
	return errors.Join(errs...)
}
