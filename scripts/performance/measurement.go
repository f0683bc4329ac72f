package main

import "fmt"

// measurement is one command of go test and what is read from what it prints.
type measurement struct {
	title string
	// about says what the numbers are.
	about string
	// pkg is the package; one of bench and test says what is run in it.
	pkg, bench, test string
	// flags beside those.
	flags []string
	// base is the benchmark whose time the others' is divided by; "" for no such column.
	base string
}

// measurements are what the document has, in its order.
var measurements = []measurement{
	{
		title: "Guidance", about: "A run of 20 steps on one image with the mini model, and the decoding of its latent.",
		pkg: "./isac/diffusion", bench: "Mini", flags: []string{"-benchtime", "3x", "-count", "3"}, base: "unguided",
	},
	{
		title: "Modes", about: "The same run with every step guided, exactly and in modes that do less; skip_below with all steps skipped, the most that it can save.",
		pkg: "./isac/diffusion", bench: "Modes", flags: []string{"-benchtime", "3x", "-count", "3"}, base: "unguided",
	},
	{
		title: "A call of the plugin", about: "A node that does nothing, with an input and an output of some size: gRPC over the process's socket.",
		pkg: "./plugin/server", bench: "RoundTrip",
	},
	{
		title: "A guided step from outside", about: "What a session costs a host beside the computation: latents 1×4×128×128 there and back over the process's socket, with mutual TLS.",
		pkg: "./plugin/server", bench: "GuidedStep",
	},
	{
		title: "The host itself", about: "Ten nodes that do nothing: parse, check, order, run, tell; no process, no disk.",
		pkg: "./host-bridge/graph", bench: "HostCost", flags: []string{"-count", "3"},
	},
	{
		title: "A prompt to `isac-host serve`", about: "From its POST to the last message: ten nodes in a plugin's process, the queue's store, a file.",
		pkg: "./host-bridge/isac-host", bench: "Serve", flags: []string{"-count", "3"},
	},
	{
		title: "200 WebSocket clients", about: "50 of them never read. The ratio is a run's time beside them to its time alone; unpaced steps take no time of their own.",
		pkg: "./host-bridge/comfyapi", bench: "Crowd", flags: []string{"-benchtime", "5x"},
	},
	{
		title: "Memory", about: "Resident memory over 100 guided runs.",
		pkg: "./isac/diffusion", test: "HundredGuidedRuns",
	},
	{
		title: "A plugin whose host has died", about: "How long it lives after its host.",
		pkg: "./plugin/server", test: "PluginEndsWithItsHost",
	},
	{
		title: "An unchanged workflow, and kills", about: "From POST to history where nothing has to run; 20 times `kill -9` of the server, and of the plugin, under load.",
		pkg: "./e2e", test: "ServeRunsAPromptOnce|ServeIsKilledAtAnyMoment|PluginIsKilledAtAnyMoment",
	},
}

// args are what the go command is called with.
func (m measurement) args() []string {
	args := []string{"test", "-run", "-", "-bench", fmt.Sprintf("^Benchmark%s$", m.bench)}
	if m.bench == "" {
		args = []string{"test", "-count", "1", "-v", "-run", m.test}
	}
	return append(append(args, m.flags...), m.pkg)
}
