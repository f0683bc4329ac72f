package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/nodes"
	"github.com/isac-guidance/isac/plugin"
	"github.com/isac-guidance/isac/plugin/modelfolder"
)

type doctor struct {
	compute
	foretold
}

// Run prints what was found, and fails if something keeps images from being made.
func (m doctor) Run(c *commands) error {
	d, stdout, err := c.inspect()
	if err != nil {
		return err
	}
	r := &report{out: stdout}
	r.line("plugin", "isac-plugin %s, %s %s/%s", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for _, f := range torch.Diagnose(torch.Device(c.Device)) {
		r.finding(f)
	}
	r.computing(m.compute, torch.Device(c.Device))
	r.models(c.Models, d)
	if n := len(nodes.LoRAs(c.LoRAs, c.Models)); n > 0 {
		r.line("LoRAs", "%d", n)
	}
	if m.Model != "" && torch.Load("") == nil { // of a libtorch that is missing more was said already
		r.foretell(m.foretold, m.load(c))
	}
	return r.end()
}

// report prints findings line by line, and collects what is wrong.
type report struct {
	out              io.Writer
	errors, warnings []string
}

func (r *report) line(name, format string, args ...any) {
	fmt.Fprintf(r.out, "%-10s %s\n", name, fmt.Sprintf(format, args...))
}

func (r *report) wrong(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}

func (r *report) warn(format string, args ...any) {
	r.warnings = append(r.warnings, fmt.Sprintf(format, args...))
}

// finding prints what package torch found, and collects what to do about it.
func (r *report) finding(f torch.Finding) {
	r.line(f.Name, "%s", f.What)
	remedy := f.Name + ": " + f.Remedy
	if f.Name == "uses" {
		remedy += " (--device, " + plugin.EnvDevice + ")"
	}
	switch f.Level {
	case torch.LevelError:
		r.wrong("%s", remedy)
	case torch.LevelWarn:
		r.warn("%s", remedy)
	}
}

// computing tells what auto chose.
func (r *report) computing(m compute, device torch.Device) {
	var dtype torch.DType
	if torch.Try(func() error { dtype = m.dtype(device); return nil }) != nil {
		return // of a libtorch or a device that is missing more was said already
	}
	r.line("computes", "in %v (--dtype %s); gradient checkpoints: %s", dtype, m.DType, checkpointing[m.Checkpointing])
}

var checkpointing = map[string]string{auto: "where a guided step does not fit into memory otherwise (--checkpointing auto)", "on": "on", "off": "off"}

func (r *report) models(folders []string, d plugin.Description) {
	if len(folders) == 0 {
		r.warn("no directory of models: give --models DIR or set %s", plugin.EnvModels)
		return
	}
	if err := modelfolder.Check(folders); err != nil {
		r.wrong("%v", err)
	}
	names := checkpoints(d)
	r.line("models", "%d in %s", len(names), strings.Join(folders, ", "))
	for _, name := range names {
		r.line("", "%s", name)
	}
	if len(names) > 0 {
		r.line("", "(isac-plugin models tells what each is)")
	} else {
		r.warn("no model found: put .safetensors files or diffusers folders into a directory of %s", plugin.EnvModels)
	}
}

// checkpoints are the models that the loader offers, read as an editor reads them.
func checkpoints(d plugin.Description) []string {
	var loader struct {
		Input struct {
			Required map[string][]json.RawMessage `json:"required"`
		} `json:"input"`
	}
	var names []string
	if json.Unmarshal(d.Nodes["CheckpointLoaderSimple"], &loader) != nil {
		return nil
	}
	if choice := loader.Input.Required["ckpt_name"]; len(choice) > 0 {
		_ = json.Unmarshal(choice[0], &names)
	}
	return names
}

// end prints what is wrong.
func (r *report) end() error {
	for _, text := range r.warnings {
		r.line("warning", "%s", text)
	}
	for _, text := range r.errors {
		r.line("error", "%s", text)
	}
	if len(r.errors) > 0 {
		return fmt.Errorf("%d thing(s) to mend, see above", len(r.errors))
	}
	r.line("fine", "images can be made here")
	return nil
}
