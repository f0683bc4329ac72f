package synth_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/diffusion/family"
	"github.com/isac-guidance/isac/isac/diffusion/synth"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// largeNeeds is the memory that a model of full size has to have free, in GiB.
const largeNeeds = 20

// proc reads a line in kilobytes of a file below /proc, and gives GiB.
func proc(t *testing.T, file, line string) float64 {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Skip("no /proc here")
	}
	found := regexp.MustCompile(line + `:\s*(\d+) kB`).FindSubmatch(text)
	if found == nil {
		t.Fatalf("no %s in %s", line, file)
	}
	n, _ := strconv.ParseFloat(string(found[1]), 64)
	return n / (1 << 20)
}

// measure runs fn and logs its seconds and the highest memory meanwhile.
func measure(t *testing.T, what string, fn func()) {
	t.Helper()
	torch.ResetPeak(torch.CPU) // sets VmHWM back to the present memory
	start := time.Now()
	fn()
	t.Logf("%-28s %6.1f s, at most %5.2f GiB (VmHWM), then %5.2f GiB of its own (RssAnon)",
		what, time.Since(start).Seconds(), proc(t, "/proc/self/status", "VmHWM"), proc(t, "/proc/self/status", "RssAnon"))
}

// TestLarge writes checkpoints of full size in bfloat16, loads them on the CPU, and takes an unguided and a guided step with classifier-free
// guidance on 256×256 pixels. It takes minutes, 20 GB of memory and 7 GB of disk, so it runs only when asked for: make test-large. What it
// logs of time and memory holds for trained models of the same size as well; what is painted means nothing.
func TestLarge(t *testing.T) {
	if os.Getenv("ISAC_LARGE") == "" {
		t.Skip("set ISAC_LARGE=1 (make test-large) to load and guide models of full size: it takes minutes, 20 GB of memory and 7 GB of disk")
	}
	torchtest.Require(t)
	for _, kind := range []string{"sdxl", "sd3"} {
		t.Run(kind, func(t *testing.T) {
			if free := proc(t, "/proc/meminfo", "MemAvailable"); free < largeNeeds {
				t.Fatalf("%.1f GiB of memory are free, a model of full size needs %d: stop what else runs", free, largeNeeds)
			}
			path := filepath.Join(t.TempDir(), kind+".safetensors")
			measure(t, "written", func() {
				w, err := synth.Write(path, synth.Options{Kind: kind, Layout: family.SingleFile, DType: weights.BF16})
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("%d tensors, %.2f G parameters, %.2f GiB", w.Tensors, float64(w.Parameters)/1e9, float64(w.Bytes)/(1<<30))
			})
			var p *diffusion.Pipeline
			measure(t, "loaded", func() { p = load(t, path, diffusion.LoadOptions{DType: torch.BFloat16}) })
			defer measure(t, "closed", func() { p.Close() })
			if err := os.Remove(path); err != nil { // all of it was copied
				t.Fatal(err)
			}
			for _, guide := range []bool{false, true} {
				r, free := request(t, p, 256, 1, guide)
				defer free()
				what := "a step"
				if guide {
					what = "a guided step"
				}
				var latent torch.Tensor
				measure(t, what, func() {
					out, reports, err := p.Sample(context.Background(), r)
					if err != nil {
						t.Fatal(err)
					}
					latent = out
					if guide && (len(reports) != 1 || reports[0][0].Skipped != "" || !(reports[0][0].GradNorm > 0)) {
						t.Errorf("the guided step: %+v", reports)
					}
				})
				if !guide {
					measure(t, "the image", func() {
						image, err := p.DecodeLatent(latent)
						if err != nil {
							t.Fatal(err)
						}
						image.Close()
					})
				}
				latent.Close()
			}
		})
	}
}
