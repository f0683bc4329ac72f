// Command bench runs a guided step of ours and one in plain PyTorch (isac/bench/yardstick) in turn, each in processes of their own, on the
// same weights, latents and threads, and writes ratios into docs/performance.md. That both do the same work is checked: their losses and
// gradients have to agree.
//
//	make bench                                    the mini model and Stable Diffusion 1.5's size, on the CPU
//	make bench CASES=sdxl-256,sd3-256 ROUNDS=1    others
//	make bench-cuda                               native sizes on a GPU, within four minutes
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/isac-guidance/isac/scripts/document"
)

// options are the command's.
type options struct {
	document, raw, from     string
	cases                   string
	models, mini            string
	python, yardstick       string
	step, plugin, shims     string
	device, dtype           string
	rounds, threads, repeat int
	budget                  time.Duration
	began                   time.Time
}

func main() {
	var o options
	flag.StringVar(&o.document, "document", "docs/performance.md", "the document to write into; empty prints the sections")
	flag.StringVar(&o.raw, "raw", "out/bench/results.json", "the file that takes all that was measured")
	flag.StringVar(&o.from, "from", "", "measure nothing: write the document from this file, which another machine made with --raw")
	flag.StringVar(&o.cases, "cases", "mini,sd1-256", "what to measure: "+strings.Join(caseNames(), ", "))
	flag.StringVar(&o.models, "models", "out/bench/models", "folder for synthetic models, which are kept")
	flag.StringVar(&o.mini, "mini", "examples/mini/model", "the mini model")
	flag.StringVar(&o.python, "python", ".venv-ref/bin/python", "Python with torch and diffusers; one without diffusers leaves plain PyTorch out")
	flag.StringVar(&o.yardstick, "yardstick", "isac/bench/yardstick/step.py", "the step in plain PyTorch")
	flag.StringVar(&o.step, "step", "build/bin/isac-step", "our step")
	flag.StringVar(&o.plugin, "plugin", "build/bin/isac-plugin", "the program that makes synthetic models")
	flag.StringVar(&o.shims, "shims", "build/lib/libisactorch.so", "libisactorch.so for each libtorch that ours runs on, with commas between")
	flag.StringVar(&o.device, "device", "cpu", "cpu, cuda:0")
	flag.StringVar(&o.dtype, "dtype", "float32", "what is computed in")
	flag.IntVar(&o.rounds, "rounds", 3, "how often every process is run")
	flag.IntVar(&o.threads, "threads", 1, "threads of one operation")
	flag.IntVar(&o.repeat, "repeat", 3, "steps timed in a process, after a first one")
	flag.DurationVar(&o.budget, "budget", 0, "time after which no more processes are started; 0 is no bound")
	flag.Parse()
	if err := o.run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures, or takes what was measured, and writes the document.
func (o *options) run() error {
	var all []section
	if o.from != "" {
		text, err := os.ReadFile(o.from)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, &all); err != nil {
			return fmt.Errorf("%s holds no results of --raw: %w", o.from, err)
		}
	} else {
		measured, err := o.measure()
		all = measured
		if err := errors.Join(err, o.keep(all)); err != nil {
			return err
		}
	}
	var sections []string
	for _, s := range all {
		if err := s.agree(); err != nil {
			return err
		}
		sections = append(sections, s.markdown())
	}
	if o.document == "" {
		fmt.Print(strings.Join(sections, "\n"))
		return nil
	}
	return writeDocument(o.document, sections)
}

// keep writes what was measured for --from.
func (o *options) keep(all []section) error {
	text, err := json.MarshalIndent(all, "", " ")
	if err != nil || o.raw == "" {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(o.raw), 0o777); err != nil {
		return err
	}
	return os.WriteFile(o.raw, append(text, '\n'), 0o666)
}

// measure runs the cases one after the other; a case for which there is no memory or no time is told and left out.
func (o *options) measure() ([]section, error) {
	wanted, err := casesNamed(o.cases)
	if err != nil {
		return nil, err
	}
	sides, err := o.sides()
	if err != nil {
		return nil, err
	}
	o.began = time.Now()
	var all []section
	for _, c := range wanted {
		if why := c.tooLarge(o.device); why != "" {
			fmt.Printf("%s: left out: %s\n", c.name, why)
			continue
		}
		s, err := o.one(c, sides)
		if err != nil {
			return all, fmt.Errorf("%s: %w", c.name, err)
		}
		if len(s.Runs) > 0 {
			all = append(all, s)
		}
	}
	return all, nil
}

// one measures a case: all processes of a round, then those of the next, so that a machine that becomes slower does so for all.
func (o *options) one(c benchCase, sides []side) (section, error) {
	s := section{Case: c.name, Title: c.title, Machine: machine(), Threads: o.threads, DType: o.dtype, Load: document.Load(), When: time.Now().Format("2006-01-02")}
	model, err := o.model(c)
	if err != nil {
		return s, err
	}
	inputs := filepath.Join(o.models, c.name+".inputs.safetensors")
	if err := o.writeInputs(model, inputs, c.pixels); err != nil {
		return s, err
	}
	labels := filepath.Join(o.models, c.name+".labels.json")
	for round := range o.rounds {
		for _, mode := range []string{"unguided", "guided", "checkpointed"} {
			for _, side := range sides {
				if o.budget > 0 && time.Since(o.began) > o.budget {
					fmt.Printf("%s: the time of %v is over\n", c.name, o.budget)
					return s, nil
				}
				r := o.process(side, mode, model, inputs, labels)
				r.Side, r.Mode = side.name, mode
				fmt.Printf("%s, round %d, %s, %s: %s\n", c.name, round+1, side.name, mode, r.line())
				s.Runs = append(s.Runs, r)
			}
		}
	}
	return s, nil
}
