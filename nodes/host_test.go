package nodes

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// The folders that hold the models of these tests: "tiny" has random weights, "mini" is the bundled model.
var (
	tinyFolder = filepath.Join("..", "isac", "diffusion", "testdata", "tiny")
	miniFolder = filepath.Join("..", "examples", "mini")
)

// host runs nodes as a server does: on an executor, keeping their values until the end of the test.
type host struct {
	t        *testing.T
	registry *Registry
	env      *Env
	exec     *torch.Executor
	results  []Result
}

func newHost(t *testing.T, folders ...string) *host {
	t.Helper()
	torchtest.Require(t)
	h := &host{t: t, registry: Standard(), env: &Env{ModelPaths: folders}, exec: torch.NewExecutor()}
	t.Cleanup(func() {
		h.release()
		h.exec.Close()
	})
	return h
}

// release closes all values, as a host does that forgets a workflow.
func (h *host) release() {
	for _, r := range h.results {
		r.Close()
		r.Close() // a second time does nothing
	}
	h.results = nil
}

// try runs a node.
func (h *host) try(ctx context.Context, class string, inputs map[string]any) (Result, error) {
	h.t.Helper()
	node, ok := h.registry.Get(class)
	if !ok {
		h.t.Fatalf("no node %s", class)
	}
	var result Result
	err := h.exec.Do(ctx, func() (err error) {
		result, err = node.Run(ctx, h.env, inputs)
		return err
	})
	h.results = append(h.results, result)
	return result, err
}

// run runs a node that must succeed.
func (h *host) run(class string, inputs map[string]any) Result {
	h.t.Helper()
	result, err := h.try(context.Background(), class, inputs)
	if err != nil {
		h.t.Fatal(err)
	}
	return result
}

// loaded is a checkpoint with two encoded prompts.
type loaded struct{ model, clip, vae, positive, negative any }

func (h *host) load(name, prompt string) loaded {
	h.t.Helper()
	v := h.run("CheckpointLoaderSimple", map[string]any{"ckpt_name": name}).Values
	l := loaded{model: v[0], clip: v[1], vae: v[2]}
	l.positive = h.run("CLIPTextEncode", map[string]any{"text": prompt, "clip": l.clip}).Values[0]
	l.negative = h.run("CLIPTextEncode", map[string]any{"text": "", "clip": l.clip}).Values[0]
	return l
}

// sampling gives KSampler's inputs for a short run of 32×32 pixels, with some of them changed.
func (h *host) sampling(l loaded, change map[string]any) map[string]any {
	h.t.Helper()
	in := map[string]any{
		"model": l.model, "positive": l.positive, "negative": l.negative,
		"seed": json.Number("11"), "steps": json.Number("4"), "cfg": json.Number("3.0"),
		"sampler_name": "euler", "scheduler": "normal", "denoise": json.Number("1.0"),
	}
	for name, v := range change {
		in[name] = v
	}
	if in["latent_image"] == nil {
		in["latent_image"] = h.run("EmptyLatentImage", map[string]any{"width": 32, "height": 32, "batch_size": 1}).Values[0]
	}
	return in
}

// pngs decodes and saves images, and gives the files' bytes.
func (h *host) pngs(latent, vae any) [][]byte {
	h.t.Helper()
	images := h.run("VAEDecode", map[string]any{"samples": latent, "vae": vae}).Values[0]
	var data [][]byte
	for _, f := range h.run("SaveImage", map[string]any{"images": images, "filename_prefix": "test"}).Files {
		data = append(data, f.Data)
	}
	return data
}

// workflow runs every node of a workflow in API format, each once, and gives their results by id.
func (h *host) workflow(doc []byte) map[string]Result {
	h.t.Helper()
	var graph map[string]struct {
		Class  string         `json:"class_type"`
		Inputs map[string]any `json:"inputs"`
	}
	decoder := json.NewDecoder(bytes.NewReader(doc))
	decoder.UseNumber()
	if err := decoder.Decode(&graph); err != nil {
		h.t.Fatal(err)
	}
	h.env.Workflow = doc
	results := map[string]Result{}
	var visit func(id string)
	visit = func(id string) {
		if _, done := results[id]; done {
			return
		}
		inputs := map[string]any{}
		for name, v := range graph[id].Inputs {
			if link, ok := v.([]any); ok {
				from := link[0].(string)
				slot, _ := link[1].(json.Number).Int64()
				visit(from)
				v = results[from].Values[slot]
			}
			inputs[name] = v
		}
		results[id] = h.run(graph[id].Class, inputs)
	}
	for id := range graph {
		visit(id)
	}
	return results
}
