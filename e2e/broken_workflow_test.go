//go:build linux

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// workflow is the demo, decoded for changes.
type workflow map[string]*workflowNode

type workflowNode struct {
	Class  string         `json:"class_type"`
	Inputs map[string]any `json:"inputs"`
}

func demoWorkflow(t *testing.T) workflow {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, demo))
	if err != nil {
		t.Fatal(err)
	}
	var w workflow
	if err := json.Unmarshal(text, &w); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w workflow) save(t *testing.T) string {
	t.Helper()
	text, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	return saved(t, string(text))
}

func saved(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "workflow.json")
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestBrokenWorkflows: what is wrong with a workflow is said before anything runs, all of it, with status 2.
func TestBrokenWorkflows(t *testing.T) {
	tests := []struct {
		name   string
		change func(workflow)
		says   []string
	}{
		{"unknown node", func(w workflow) { w["20"].Class = "KSamplerAdvanced2" }, []string{"Node 'KSamplerAdvanced2' not found", "#20"}},
		{"no class", func(w workflow) { w["11"].Class = "" }, []string{"#11"}},
		{"more steps than there are noise levels", func(w workflow) { w["10"].Inputs["steps"] = 5000 }, []string{"node 10 (KSampler", "Value 5000 bigger than max of 1000: steps at denoise"}},
		{"input of a wrong type", func(w workflow) { w["10"].Inputs["steps"] = "twenty" }, []string{"node 10 (KSampler", "Failed to convert an input value to a INT value: steps, twenty"}},
		{"link of a wrong type", func(w workflow) { w["11"].Inputs["vae"] = []any{"1", 0} }, []string{"node 11 (VAEDecode)", "vae, received_type(MODEL) mismatch input_type(VAE)"}},
		{"missing link", func(w workflow) { delete(w["10"].Inputs, "positive") }, []string{"node 10 (KSampler", "Required input is missing: positive"}},
		{"link to nowhere", func(w workflow) { w["11"].Inputs["samples"] = []any{"99", 0} }, []string{"node 11 (VAEDecode)", "['99', 0] names a node that the workflow does not have"}},
		{"output that is none", func(w workflow) { w["11"].Inputs["samples"] = []any{"10", 3} }, []string{"names output 3; KSampler has 1"}},
		{"cycle", func(w workflow) {
			w["10"].Inputs["latent_image"] = []any{"20", 0}
			w["20"].Inputs["latent_image"] = []any{"10", 0}
		}, []string{"Dependency cycle detected", "10 (KSampler)", "20 (KSampler)"}},
		{"nothing to do", func(w workflow) { delete(w, "12"); delete(w, "22"); delete(w, "31") }, []string{"Prompt has no outputs"}},
		{"missing model", func(w workflow) { w["1"].Inputs["ckpt_name"] = "v1-5-pruned.safetensors" }, []string{"ckpt_name: 'v1-5-pruned.safetensors' not in ['mini']"}},
		{"sampler that is none", func(w workflow) { w["10"].Inputs["sampler_name"] = "magic" }, []string{"sampler_name: 'magic' not in"}},
		{"beyond the bounds", func(w workflow) { w["4"].Inputs["width"] = 0; w["10"].Inputs["cfg"] = -1 }, []string{"smaller than min of", "width", "cfg"}},
		{"prefix that leaves the folder", func(w workflow) {
			w["12"].Inputs["filename_prefix"], w["22"].Inputs["filename_prefix"] = "../../plain", "/etc/plain"
		}, []string{"2 mistakes", "node 12 (SaveImage)", "filename_prefix", "a path within the output folder", "node 22 (SaveImage)"}},
		{"many at once", func(w workflow) {
			w["1"].Inputs["ckpt_name"] = "none"
			w["4"].Inputs["height"] = "tall"
			delete(w["22"].Inputs, "images")
		}, []string{"3 mistakes", "node 1 ", "node 4 ", "node 22 "}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := demoWorkflow(t)
			test.change(w)
			s := start(t, w.save(t))
			s.expectRefusal(2, test.says...)
			if _, err := os.Stat(s.out); err == nil {
				t.Error("the output folder was made")
			}
		})
	}
}

// TestBrokenFiles: what is no workflow at all.
func TestBrokenFiles(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, demo))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ text, says string }{
		"empty":           {"", "no prompt provided"},
		"cut off":         {string(text[:len(text)/2]), "line "},
		"editor's format": {`{"nodes": [], "links": [], "version": 0.4}`, "Export (API)"},
		"a picture":       {"\x89PNG\r\n\x1a\n", "not UTF-8"},
	} {
		t.Run(name, func(t *testing.T) { start(t, saved(t, test.text)).expectRefusal(2, test.says) })
	}
}

// TestFailureWhileRunning: what only the running node can know.
func TestFailureWhileRunning(t *testing.T) {
	w := demoWorkflow(t)
	w["30"].Inputs["samples"] = []any{"10", 0} // of the sampler that is not guided
	delete(w, "12")                            // nothing else is to be written
	delete(w, "22")
	start(t, w.save(t), quick...).expectRefusal(1, "node 30 (ISACMasks)", "samples have no instance masks")
}

func TestDeviceThatIsNotThere(t *testing.T) {
	start(t, demo, append(quick, "--device", "cuda:77")...).expectRefusal(2, "--device cuda:77", "cpu")
}

// TestWithoutLibtorch: a machine on which the shim is missing is told what to do.
func TestWithoutLibtorch(t *testing.T) {
	s := prepare(t, tempDir(t), demo, quick...)
	s.cmd.Env = append(s.cmd.Env, "ISAC_TORCH_SHIM=/nowhere/libisactorch.so")
	s.launch()
	s.expectRefusal(1, "node 1 (CheckpointLoaderSimple", "/nowhere/libisactorch.so")
}

func TestWithoutThePlugin(t *testing.T) {
	start(t, demo, "--plugin", "/nowhere/isac-plugin").expectRefusal(1, "/nowhere/isac-plugin")
}

// TestPromptsThatCannotBeGuided run all the same: the report says why there is no guidance.
func TestPromptsThatCannotBeGuided(t *testing.T) {
	plain := func(t *testing.T) string {
		w := demoWorkflow(t)
		delete(w, "30") // without guidance there are no masks to draw
		delete(w, "31")
		return w.save(t)
	}
	tests := []struct {
		name, prompt string
		says         []string
		// skipped is in the report of every step that would have been guided.
		skipped string
	}{
		{"no objects", "a quiet landscape in the morning", []string{"no objects to count were found"}, ""},
		{"empty", "", []string{"no objects to count were found"}, ""},
		{"more instances than the foreground holds", "three hundred cats", []string{"cat=300", "not guided"}, "300"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := start(t, plain(t), append(quick, "--set", "2.text="+test.prompt)...)
			if status := s.wait(2 * time.Minute); status != 0 {
				t.Errorf("status is %d", status)
			}
			for _, want := range test.says {
				if !strings.Contains(s.stderr.String(), want) {
					t.Errorf("it does not say %q", want)
				}
			}
			s.expectClean()
			first := ""
			for _, n := range readRecord(t, s.out).Nodes {
				for _, step := range n.Steps {
					if step.Skipped == "" {
						t.Errorf("step %d was guided", step.Index)
					} else if first == "" {
						first = step.Skipped
					}
				}
			}
			if !strings.Contains(first, test.skipped) {
				t.Errorf("the first step was not guided because %q", first)
			}
			readPNG(t, filepath.Join(s.out, "isac_00001_.png"))
		})
	}
}
