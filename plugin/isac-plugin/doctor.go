package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/plugin"
)

// slowGEMM is the speed in GFLOPS below which the BLAS is not a tuned one: the reference BLAS does about 5 on any machine.
const slowGEMM = 20

type doctor struct{}

// Run prints what was found, and fails if something keeps images from being made.
func (doctor) Run(c *commands) error {
	d, stdout, err := c.inspect()
	if err != nil {
		return err
	}
	r := &report{out: stdout}
	r.line("plugin", "isac-plugin %s, %s %s/%s", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	r.library(d.Torch)
	if d.Torch.Loaded {
		r.devices(d.Devices, c.Device)
		r.speed(d.Torch.Threads)
	}
	r.models(c.Models, d)
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

func (r *report) library(t plugin.Torch) {
	if !t.Loaded {
		r.line("libtorch", "not loaded")
		r.wrong("%s", t.Error)
		return
	}
	info := torch.GetInfo()
	r.line("libtorch", "%s, %s", t.Version, info.LibTorch)
	r.line("binding", "%s, ABI %s", t.Library, info.ABI)
}

func (r *report) devices(devices []plugin.Device, wanted string) {
	known := false
	var names []string
	for _, d := range devices {
		known = known || d.Name == wanted
		names = append(names, d.Name)
		r.line("device", "%-7s %s, %s free of %s", d.Name, d.Description, gib(d.FreeBytes), gib(d.TotalBytes))
		if d.TotalBytes == 0 && d.Name != string(torch.CPU) {
			r.wrong("%s is there but does not answer: compare the driver's CUDA version (nvidia-smi) with libtorch's", d.Name)
		}
	}
	r.line("uses", "%s", wanted)
	switch {
	case !known:
		r.wrong("device %q (--device, %s) is not among %s", wanted, plugin.EnvDevice, strings.Join(names, ", "))
	case !r.computes(torch.Device(wanted)):
	case wanted == string(torch.CPU) && len(devices) > 1:
		r.warn("models run on the CPU although there is %s: set %s=%s", names[1], plugin.EnvDevice, names[1])
	case len(devices) == 1 && nvidia():
		r.warn("there is an NVIDIA driver, but this libtorch sees no GPU: build the binding against a CUDA build of libtorch (LIBTORCH=… make shim)")
	}
}

// computes tries the device: a driver may list a GPU for which this libtorch has no kernels.
func (r *report) computes(device torch.Device) bool {
	err := torch.InScope(func() error {
		ones := torch.Ones([]int64{8, 8}, torch.Float32, device)
		if sum := ones.Matmul(ones).SumAll().Item(); sum != 512 {
			return fmt.Errorf("the sum of a product of ones is %v there, not 512", sum)
		}
		return nil
	})
	if err != nil {
		r.wrong("%s cannot compute: %v; use another device (%s), or a libtorch that was built for this one", device, err, plugin.EnvDevice)
	}
	return err == nil
}

// nvidia tells whether the kernel has NVIDIA's driver loaded.
func nvidia() bool {
	_, err := os.Stat("/proc/driver/nvidia/version")
	return err == nil
}

func (r *report) speed(threads int) {
	gflops := torch.MeasureGEMM()
	r.line("threads", "%d of %d CPUs", threads, runtime.NumCPU())
	r.line("BLAS", "%.0f GFLOPS (float32 matrix product)", gflops)
	if gflops < slowGEMM {
		r.warn("the BLAS is slow: install a tuned one (Debian: apt install libopenblas0-pthread), or stop what else keeps the CPU busy and try again")
	}
	r.line("memory", "%d MiB resident with libtorch loaded", torch.MemoryStats(torch.CPU).Allocated>>20)
}

func (r *report) models(folders []string, d plugin.Description) {
	if len(folders) == 0 {
		r.warn("no directory of models: give --models DIR or set %s", plugin.EnvModels)
		return
	}
	for _, folder := range folders {
		info, err := os.Stat(folder)
		switch {
		case err != nil:
			r.wrong("directory of models: %v", err)
		case !info.IsDir():
			r.wrong("directory of models: %s is not a directory", folder)
		}
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

func gib(bytes uint64) string { return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30)) }
