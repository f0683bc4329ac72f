package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/bench/detect/onnx"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// The bench of a user with a real checkpoint and real detectors, with everything of theirs but sense: a single file of Stable
// Diffusion 1.5's tensors, narrow, and YOLO and Grounding DINO in ONNX files. ISAC_LARGE=1 has the checkpoint of full width and
// the picture of full size, which takes minutes and 12 GB.
func TestPlumbingOfStableDiffusion(t *testing.T) {
	torchtest.Require(t)
	if err := onnx.Runtime(""); err != nil {
		if os.Getenv(torchtest.RequireEnv) == "" {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	size := 128
	if os.Getenv("ISAC_LARGE") != "" {
		size = 0
	}
	p := planOf(t, Request{
		Model: randomCheckpoint(t),
		Detectors: []string{
			"yolo:" + filepath.Join(onnxModels, "yolo.onnx"), "yolo:" + filepath.Join(onnxModels, "yolo-coco.onnx"),
			"dino:" + filepath.Join(onnxModels, "dino", "onnx", "model.onnx"),
		},
		Sampling: Sampling{Sampler: "ddim", Scheduler: "ddim_uniform", Steps: 2, CFG: 7.5, Size: size},
		Methods:  parsed(t, "none", "isac"), Tasks: []string{"multi-class"}, Sample: 1, Split: "report", Prompts: 1, Seeds: 1,
	})
	f := all(t, p)
	records := recordsOf(t, f)
	if len(records) != 2 {
		t.Fatalf("%d pictures", len(records))
	}
	for _, r := range records {
		t.Logf("%s: %.1f s, %d MB", r.Method, r.Seconds, r.PeakBytes>>20)
		if len(r.Found) != 3 || r.Found["yolo-coco"] == nil {
			t.Errorf("%s was looked at by %v", r.Method, r.Found)
		}
	}
	guided := records[0]
	if guided.Method != "isac" || len(guided.Losses) != 1 || guided.Losses[0].Moved == 0 {
		t.Errorf("guidance: %+v", guided.Losses)
	}
	written, err := Report([]*Folder{f}, f.Path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if text := readText(t, written[0]); !strings.Contains(text, "| none |") || !strings.Contains(text, "multi-class #2") {
		t.Errorf("the table:\n%s", text)
	}
}
