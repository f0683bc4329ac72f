// Step measures a guided step and an unguided one on a model, in a process of its own: the side that isac/bench/yardstick/step.py is
// held against. Both take the same flags and print one line of JSON with the same fields; scripts/bench runs them in turn.
//
//	step --model DIR --write FILE [--pixels 256]            what both sides compute with
//	step --model DIR --inputs FILE [--guided] [--checkpoint] [--threads 1] [--repeat 3] …
//	step profile --model DIR --inputs FILE [--preset typed] [--out FILE.json] …   where a guided step goes, as a table
//
// It makes the calls that a diffusion.Pipeline makes for one step: a guidance session's, and an evaluation of the negative and the positive
// conditioning in one batch.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/torch"
)

// flags are what the command was given.
type flags struct {
	model, inputs, write, prompt string
	device, dtype                string
	preset, out                  string
	guided, checkpoint           bool
	profiled                     bool
	pixels, threads, repeat      int
	began                        float64
}

func main() {
	var f flags
	flag.StringVar(&f.model, "model", "", "a diffusers folder or a .safetensors file")
	flag.StringVar(&f.inputs, "inputs", "", "the file that --write made")
	flag.StringVar(&f.write, "write", "", "write latents and conditionings into this file, and measure nothing")
	flag.StringVar(&f.prompt, "prompt", "a photo of two cats and a dog", "the prompt, with --write")
	flag.IntVar(&f.pixels, "pixels", 0, "side of the picture, with --write; 0 is what the model was trained on")
	flag.BoolVar(&f.guided, "guided", false, "guided steps; else unguided ones")
	flag.BoolVar(&f.checkpoint, "checkpoint", false, "gradient checkpoints")
	flag.StringVar(&f.device, "device", "cpu", "cpu, cuda:0")
	flag.StringVar(&f.dtype, "dtype", "float32", "float32, float16, bfloat16")
	flag.IntVar(&f.threads, "threads", 1, "threads of one operation")
	flag.IntVar(&f.repeat, "repeat", 3, "steps that are timed, after a first one")
	flag.Float64Var(&f.began, "began", 0, "when the process was started, in seconds since 1970")
	flag.StringVar(&f.preset, "preset", "typed", "with profile: "+strings.Join(isac.PresetNames(), ", "))
	flag.StringVar(&f.out, "out", "", "with profile: write it as JSON into this file as well")
	if f.profiled = len(os.Args) > 1 && os.Args[1] == "profile"; f.profiled {
		os.Args = append(os.Args[:1], os.Args[2:]...)
	}
	flag.Parse()
	runtime.LockOSThread() // the model belongs to one thread
	if err := f.run(); err != nil {
		fmt.Fprintln(os.Stderr, "step:", err)
		os.Exit(1)
	}
}

var dtypes = map[string]torch.DType{"float32": torch.Float32, "float16": torch.Float16, "bfloat16": torch.BFloat16}

// check says everything that is wrong with the flags.
func (f *flags) check() error {
	var errs []error
	if f.model == "" {
		errs = append(errs, errors.New("no --model: give a diffusers folder"))
	}
	if (f.inputs == "") == (f.write == "") {
		errs = append(errs, errors.New("give one of --write FILE, to make the inputs, and --inputs FILE, to measure with them"))
	}
	if _, ok := dtypes[f.dtype]; !ok {
		errs = append(errs, fmt.Errorf("--dtype is %q, expected float32, float16 or bfloat16", f.dtype))
	}
	if f.threads < 1 || f.repeat < 1 || f.pixels < 0 {
		errs = append(errs, fmt.Errorf("--threads %d, --repeat %d, --pixels %d: expected at least 1, 1 and 0", f.threads, f.repeat, f.pixels))
	}
	return errors.Join(errs...)
}

func (f *flags) run() error {
	if err := f.check(); err != nil {
		return err
	}
	if err := torch.Load(""); err != nil {
		return err
	}
	torch.SetThreads(f.threads)
	if f.write != "" {
		p, err := diffusion.Load(f.model, diffusion.LoadOptions{})
		if err != nil {
			return err
		}
		defer p.Close()
		return torch.InScope(func() error { return writeInputs(f.write, p, f.prompt, f.pixels) })
	}
	if f.profiled {
		return f.tell()
	}
	found, err := f.measure()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(found)
}

// tell makes a profile and prints it.
func (f *flags) tell() error {
	found, err := f.profile()
	if err != nil {
		return err
	}
	found.print(os.Stdout)
	if f.out == "" {
		return nil
	}
	text, err := json.MarshalIndent(found, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(f.out, append(text, '\n'), 0o666)
}
