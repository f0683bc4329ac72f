// Isac-plugin is the process that owns models, devices and gradients. A host starts it (see package plugin); by hand it
// tells what it can do and what it found on this machine.
package main

import (
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/isac-guidance/isac/isac/diffusion/synth"
	"github.com/isac-guidance/isac/isac/methods"
	"github.com/isac-guidance/isac/plugin"
)

// version is stamped by the build: -ldflags "-X main.version=v1.2.3".
var version = "devel"

const description = `Images with the right number of the right things in them, from the prompt alone (ISAC).

This program is a plugin: a host such as isac-host starts it and gives it work. Started by hand without a command it
does nothing but say so.`

type commands struct {
	Models   []string     `help:"Directories of models, such as ComfyUI/models, and files as its extra_model_paths.yaml." env:"ISAC_MODELS" sep:":" placeholder:"DIR"`
	LoRAs    []string     `name:"loras" help:"Directories of LoRAs, beside the folders loras in directories of models." env:"ISAC_LORAS" sep:":" placeholder:"DIR"`
	Device   string       `help:"Device that models run on: cpu, cuda:0." env:"ISAC_DEVICE" default:"cpu"`
	Memory   plugin.Bytes `name:"max-memory" help:"The most memory that models and runs take on the device, such as 8GiB. What needs more is refused. Default: what there is." env:"ISAC_MAX_MEMORY" placeholder:"SIZE"`
	LogLevel string       `help:"What is logged: trace, debug, info, warn, error." env:"ISAC_LOG" enum:"trace,debug,info,warn,error" default:"info"`

	Serve    serve     `cmd:"" default:"withargs" help:"Serve the host that started this process, or with --listen hosts on other machines."`
	Describe describe  `cmd:"" help:"Print as JSON what this plugin can do; works without libtorch."`
	Doctor   doctor    `cmd:"" help:"Print what was found on this machine, and how to mend what is wrong."`
	List     models    `cmd:"" name:"models" help:"List the models in folders: family, precision, size, and what cannot be loaded."`
	Convert  convert   `cmd:"" help:"Write .ckpt, .pt and .bin files as .safetensors; the tensors alone are read, and nothing in them is run."`
	Bench    benchmark `cmd:"" help:"Measure whether guidance helps: pictures, counts, tables, plots."`
	Explain  explain   `cmd:"" help:"Draw what the model sees of a prompt, without and with guidance."`
	Synth    synthetic `cmd:"" help:"Write a synthetic checkpoint: exact names and shapes, random values."`
	Pair     pair      `cmd:"" name:"certificate" help:"Print a certificate and its key, PEM, with which a host that is not in Go starts this program securely."`
	Version  showing   `cmd:"" help:"Print the version."`
}

func main() {
	var c commands
	parser := kong.Must(&c, kong.Name("isac-plugin"), kong.Description(description), kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Vars{"methods": strings.Join(methods.Names(), ", "), "synthetic": strings.Join(synth.Names(), ",")})
	chosen, err := parser.Parse(os.Args[1:])
	parser.FatalIfErrorf(err)
	chosen.FatalIfErrorf(chosen.Run(&c))
}
