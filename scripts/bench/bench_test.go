package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// made is a section of two rounds, whose numbers are easy to divide.
func made() section {
	s := section{Case: "mini", Title: "a model", Machine: "a machine", Threads: 2, DType: "float32", When: "today"}
	for range 2 {
		for _, r := range []run{
			{Side: "isac", Mode: "unguided", Seconds: []float64{1, 9, 2}, PeakBytes: 20 << 20, ReadySeconds: 0.5},
			{Side: "plain", Mode: "unguided", Seconds: []float64{2}, PeakBytes: 20 << 20, ReadySeconds: 5},
			{Side: "isac", Mode: "guided", Seconds: []float64{3}, PeakBytes: 40 << 20, Loss: 0.5, GradNorm: 2, KMeansSeconds: 0.001},
			{Side: "plain", Mode: "guided", Seconds: []float64{6}, PeakBytes: 110 << 20, Loss: 0.5001, GradNorm: 2.001, Inertia: 5, InertiaGiven: 4},
			{Side: "isac", Mode: "checkpointed", Seconds: []float64{4}, PeakBytes: 35 << 20, Loss: 0.5, GradNorm: 2},
			{Side: "plain", Mode: "checkpointed", Wrong: "CUDA out of memory"},
		} {
			r.Device, r.LoadedBytes = "cpu", 10<<20
			s.Runs = append(s.Runs, r)
		}
	}
	return s
}

func TestMarkdown(t *testing.T) {
	got := made().markdown()
	for _, want := range []string{
		"### Beside plain PyTorch: a model, cpu, float32\n\na machine, 2 threads, today:\n",
		"| isac | 2 s | 3 s | 1.50 | 4 s | 2.00 | 1 ms | 0.5 s |\n",
		"| plain | 2 s | 6 s | 3.00 | failed: CUDA out of memory |  | 0 ms | 5.0 s |\n",
		"| isac | 10 MiB | 10 MiB | 30 MiB | 25 MiB | 20 MiB | 15 MiB |\n",
		"| plain | 10 MiB | 10 MiB | 100 MiB |  | 90 MiB |  |\n",
		"Time of isac to that of plain: unguided 1.00, guided 0.50. Memory that guidance adds: 0.22. With checkpoints, to plain PyTorch without: time 0.67, memory that guidance adds 0.17.\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

// One thread on the CPU is measured by what the processor worked.
func TestProcessorTime(t *testing.T) {
	s := made()
	s.Threads = 1
	s.Runs[0].ProcessorSeconds = []float64{0.5}
	if got := s.times("isac", "unguided"); got[0] != 0.5 || got[1] != 2 {
		t.Errorf("times are %v", got)
	}
}

// Sides that do other work, or a K-means that is worse, are no benchmark.
func TestAgree(t *testing.T) {
	if err := made().agree(); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*run){
		"the loss of isac":          func(r *run) { r.Loss *= 1.002 },
		"the gradient norm of isac": func(r *run) { r.GradNorm *= 0.998 },
		"K-means is worse":          func(r *run) { r.InertiaGiven = 5.1 },
	} {
		s := made()
		change(&s.Runs[3])
		if err := s.agree(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
		s.DType = "bfloat16"
		if err := s.agree(); err != nil {
			t.Errorf("in half precision: %v", err)
		}
	}
}

func TestDocumentKeepsOtherSections(t *testing.T) {
	path := filepath.Join(t.TempDir(), "document.md")
	text := "before\n" + begin + "### One\n\nold\n\n### Two\n\nkept\n\n" + end + "after\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := writeDocument(path, []string{"### One\n\nnew\n", "### Three\n\nnew too\n"}); err != nil {
			t.Fatal(err)
		}
	}
	got, _ := os.ReadFile(path)
	want := "before\n" + begin + "### One\n\nnew\n\n### Two\n\nkept\n\n### Three\n\nnew too\n\n" + end + "after\n"
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if err := os.WriteFile(path, []byte("no marks"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeDocument(path, nil); err == nil || !strings.Contains(err.Error(), "does not have the marks") {
		t.Error(err)
	}
}

func TestCasesNamed(t *testing.T) {
	found, err := casesNamed("mini, sd3-256")
	if err != nil || len(found) != 2 || found[1].family != "sd3" {
		t.Errorf("%v, %v", found, err)
	}
	if _, err := casesNamed("huge,mini,vast"); err == nil || !strings.Contains(err.Error(), `"huge"`) || !strings.Contains(err.Error(), `"vast"`) {
		t.Errorf("%v does not name both", err)
	}
}
