package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/isac-guidance/isac/host-bridge/graph"
	"github.com/isac-guidance/isac/host-bridge/worker"
	"github.com/isac-guidance/isac/plugin"
	"github.com/isac-guidance/isac/plugin/modelfolder"
)

// process says how to start the plugin.
type process struct {
	Plugin string `placeholder:"PATH" env:"ISAC_PLUGIN" help:"The isac-plugin executable. Default: beside isac-host, else in PATH."`
	plugins
	Verbose bool `short:"v" help:"Print the plugin's log."`
}

// plugins says what plugins work with.
type plugins struct {
	Models []string     `placeholder:"DIR" env:"ISAC_MODELS" sep:"none" help:"Directory of models, such as ComfyUI/models, or an extra_model_paths.yaml; may be given again. Default: examples/mini of the checkout."`
	Device string       `placeholder:"NAME" env:"ISAC_DEVICE" default:"cpu" help:"Where models run: cpu, cuda:0."`
	DType  string       `name:"dtype" env:"ISAC_DTYPE" enum:"auto,float32,float16,bfloat16" default:"auto" help:"What models compute in: ${enum}. auto is float32 on the CPU, and on a GPU bfloat16, or float16 where it has no units for that."`
	Checks string       `name:"checkpointing" env:"ISAC_CHECKPOINTING" enum:"auto,on,off" default:"auto" help:"Gradient checkpoints of guided steps, less memory and more time: ${enum}. auto is on where a step would not fit otherwise."`
	Tiling string       `name:"vae-tiling" env:"ISAC_VAE_TILING" enum:"auto,on,off" default:"auto" help:"Pictures go through the autoencoder in tiles of 512 pixels, less memory and slightly other pictures: ${enum}. auto is on where the whole does not fit."`
	Text   string       `name:"text-offload" env:"ISAC_TEXT_OFFLOAD" enum:"auto,always,never" default:"auto" help:"Text encoders leave the device for the machine's memory before a run, and come back when a text is encoded: ${enum}. auto has them leave a GPU where something does not fit beside them."`
	Memory plugin.Bytes `name:"max-memory" placeholder:"SIZE" env:"ISAC_MAX_MEMORY" help:"The most memory that models and runs take where they run, such as 8GiB. What needs more is refused. Default: what there is."`
	// The first start on a machine reads gigabytes of libraries.
	Timeout time.Duration `name:"plugin-timeout" placeholder:"TIME" env:"ISAC_PLUGIN_TIMEOUT" default:"2m" help:"How long the plugin may take to start, such as 5m (${default})."`
}

// config is how one plugin is started.
func (p *plugins) config(path string) plugin.Config {
	env := []string{plugin.EnvDevice + "=" + p.Device}
	if models := p.models(); len(models) > 0 {
		env = append(env, plugin.EnvModels+"="+strings.Join(models, string(os.PathListSeparator)))
	}
	settings := map[string]string{plugin.EnvDType: p.DType, plugin.EnvCheckpointing: p.Checks, plugin.EnvVAETiling: p.Tiling, plugin.EnvTextOffload: p.Text}
	for name, value := range settings {
		if value != "" {
			env = append(env, name+"="+value)
		}
	}
	if p.Memory > 0 {
		env = append(env, plugin.EnvMaxMemory+"="+p.Memory.String())
	}
	return plugin.Config{Path: path, Env: env, StartTimeout: p.Timeout}
}

// configs are how several plugins are started; with no path, the one that lies beside this program.
func (p *plugins) configs(paths []string, log io.Writer) []plugin.Config {
	if len(paths) == 0 {
		paths = []string{""}
	}
	var all []plugin.Config
	for _, path := range paths {
		c := p.config(path)
		c.Stderr = log
		all = append(all, c)
	}
	return all
}

// worker starts a worker with its plugins. It has to be closed.
func (p *plugins) worker(con *console, paths []string, stderr io.Writer, log *slog.Logger) (*worker.Worker, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	w, err := worker.New(con.ctx, worker.Config{Plugins: p.configs(paths, stderr), Version: version, Log: log})
	if err != nil {
		return nil, err
	}
	if err := p.checkDevice(w.About().Devices); err != nil {
		return nil, errors.Join(wrongError{err}, w.Close())
	}
	return w, nil
}

// start starts the plugin and asks for its nodes. The client has to be closed.
func (p *process) start(con *console) (*plugin.Client, plugin.Description, graph.Schemas, error) {
	if err := p.check(); err != nil {
		return nil, plugin.Description{}, nil, err
	}
	config := p.config(p.Plugin)
	if p.Verbose {
		config.Stderr = con.stderr
	}
	client, err := plugin.Start(con.ctx, config)
	if err != nil {
		return nil, plugin.Description{}, nil, err
	}
	described, err := client.Describe(con.ctx)
	if err != nil {
		return nil, described, nil, errors.Join(fmt.Errorf("ask the plugin for its nodes: %w", err), client.Close())
	}
	schemas, err := graph.ParseSchemas(described.Nodes)
	if err != nil {
		return nil, described, nil, errors.Join(fmt.Errorf("the plugin's nodes: %w; use host and plugin from one release", err), client.Close())
	}
	if err := p.checkDevice(described.Devices); err != nil {
		return nil, described, nil, errors.Join(wrongError{err}, client.Close())
	}
	return client, described, schemas, nil
}

// check says what is wrong with the settings before anything is started, all of it at once.
func (p *plugins) check() error {
	err := modelfolder.Check(p.models())
	if p.Timeout < 0 {
		err = errors.Join(err, fmt.Errorf("--plugin-timeout %v: expected a time, such as 5m", p.Timeout))
	}
	if err != nil {
		return wrongError{err}
	}
	return nil
}

// checkDevice says at once what libtorch would say late and at length. A plugin without libtorch knows no devices.
func (p *plugins) checkDevice(devices []plugin.Device) error {
	var names []string
	for _, d := range devices {
		if d.Name == p.Device {
			return nil
		}
		names = append(names, d.Name)
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("--device %s: the plugin has no such device; it has %s", p.Device, strings.Join(names, ", "))
}

// miniModel is where a checkout has its model directory.
var miniModel = filepath.Join("examples", "mini")

// models are the model directories: those that were given, else the checkout's, found upwards from here or from the executable.
func (p *plugins) models() []string {
	var dirs []string
	for _, given := range p.Models {
		for _, dir := range filepath.SplitList(given) {
			if abs, err := filepath.Abs(dir); err == nil {
				dir = abs
			}
			dirs = append(dirs, dir)
		}
	}
	if len(dirs) > 0 {
		return dirs
	}
	var starts []string
	if here, err := os.Getwd(); err == nil {
		starts = append(starts, here)
	}
	if self, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(self))
	}
	for _, start := range starts {
		if dir, ok := upwards(start, miniModel); ok {
			return []string{dir}
		}
	}
	return nil
}

// upwards looks for a directory in a directory and those above it.
func upwards(from, name string) (string, bool) {
	for {
		found := filepath.Join(from, name)
		if info, err := os.Stat(found); err == nil && info.IsDir() {
			return found, true
		}
		above := filepath.Dir(from)
		if above == from {
			return "", false
		}
		from = above
	}
}

// readWorkflow reads and parses a workflow file, or standard input for "-".
func readWorkflow(con *console, path string) (*graph.Workflow, error) {
	from, name := con.stdin, "standard input"
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("workflow: %w", err)
		}
		defer file.Close()
		from, name = file, path
	}
	// One byte more than is allowed, for Parse to say so.
	text, err := io.ReadAll(io.LimitReader(contextReader{con.ctx, from}, graph.MaxWorkflowBytes+1))
	if err != nil {
		return nil, fmt.Errorf("workflow: %w", err)
	}
	w, err := graph.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return w, nil
}

// contextReader stops between reads.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}
