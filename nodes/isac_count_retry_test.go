package nodes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/bench/detect/mini"
)

// retryInputs are the node's for a run of the model l.
func (h *host) retryInputs(l loaded, change map[string]any) map[string]any {
	in := h.sampling(l, map[string]any{"vae": l.vae, "detector": ownMasks, "tries": json.Number("3")})
	for name, v := range change {
		in[name] = v
	}
	return in
}

// triesOf reads the lines of the node: the seed that each image was kept from, and whether it is right.
func keptFrom(t *testing.T, r Result, images int) (tries []int, right bool) {
	t.Helper()
	lines := r.UI["text"].([]string)
	right = true
	for _, line := range lines[len(lines)-images:] {
		var image, try int
		if _, err := fmt.Sscanf(line, "image %d: try %d", &image, &try); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		tries = append(tries, try)
		right = right && strings.Contains(line, "is right")
	}
	return tries, right
}

// TestCountRetryWithDetectors samples the mini model until its detectors see what was asked for: the latents are those of the sampler with the
// seeds that are told, the counts are those of the pictures, and it stops when all are right.
func TestCountRetryWithDetectors(t *testing.T) {
	h := newHost(t, miniFolder)
	l := h.load("mini", "two cats and a dog")
	latent := h.run("EmptyLatentImage", map[string]any{"width": 64, "height": 64, "batch_size": 2}).Values[0]
	inputs := h.retryInputs(l, map[string]any{"detector": "detector", "latent_image": latent, "steps": json.Number("6")})
	r := h.run("ISACCountRetry", inputs)
	out, picture, counts, tries := r.Values[0].(*Latent), r.Values[1].(*Image), r.Values[2].(string), r.Values[3].(int64)
	from, right := keptFrom(t, r, 2)
	if right != (tries < 3) && tries != 3 || !right && tries != 3 || int(tries) < slices.Max(from) {
		t.Errorf("%d tries, kept from %v, right %v", tries, from, right)
	}
	for b, try := range from {
		one := h.run("KSampler", h.sampling(l, map[string]any{
			"latent_image": latent, "steps": json.Number("6"), "seed": json.Number(strconv.Itoa(11 + try - 1)),
		})).Values[0].(*Latent)
		do(t, h, func() {
			got, want := out.Samples.Narrow(0, int64(b), 1).Contiguous().Float32s(), one.Samples.Narrow(0, int64(b), 1).Contiguous().Float32s()
			if !slices.Equal(got, want) {
				t.Errorf("image %d is not that of seed %d", b, 11+try-1)
			}
		})
	}
	detectors, err := mini.Open(filepath.Join(miniFolder, "detector"))
	if err != nil {
		t.Fatal(err)
	}
	c := counter{detectors, objectCounts{"cat": 2, "dog": 1}}
	defer c.close()
	var seen []string
	err = h.exec.Do(t.Context(), func() error {
		pictures, err := picture.pictures()
		for _, p := range pictures {
			n, wrong := c.count(p)
			err, seen = errors.Join(err, wrong), append(seen, n.String())
		}
		return err
	})
	if err != nil || strings.Join(seen, "\n") != counts {
		t.Errorf("counts are %q, the pictures show %q, %v", counts, seen, err)
	}
	again := h.run("ISACCountRetry", inputs)
	do(t, h, func() {
		if !slices.Equal(again.Values[0].(*Latent).Samples.Float32s(), out.Samples.Float32s()) || again.Values[2] != r.Values[2] {
			t.Error("the same inputs give another result")
		}
	})
	if _, err := h.try(t.Context(), "ISACCountRetry", h.retryInputs(h.load("mini", "two unicorns"), map[string]any{"detector": "detector"})); err == nil || !strings.Contains(err.Error(), `does not know "unicorn"`) {
		t.Errorf("unicorns: %v", err)
	}
}

// TestCountRetryInMasks counts in what guidance sees, tells how far it is over all tries, and can be interrupted between them.
func TestCountRetryInMasks(t *testing.T) {
	h := newHost(t, tinyFolder)
	l := h.load("tiny", catsAndDog)
	if _, err := h.try(t.Context(), "ISACCountRetry", h.retryInputs(l, nil)); err == nil || !strings.Contains(err.Error(), "put ISACGuidance before it") {
		t.Errorf("not guided: %v", err)
	}
	l.model = h.guided(l.model, map[string]any{"eta": 0.1, "end": 0.5})
	var told [][2]int
	h.env.Progress = func(value, max int) { told = append(told, [2]int{value, max}) }
	r := h.run("ISACCountRetry", h.retryInputs(l, nil))
	tries := int(r.Values[3].(int64))
	if out := r.Values[0].(*Latent); len(out.Reports) != 1 || len(out.Reports[0]) != 4 || len(out.Target.Classes) != 2 {
		t.Errorf("reports %v", out.Reports)
	}
	if len(told) != 4*tries || told[0] != [2]int{1, 12} || told[len(told)-1] != [2]int{4 * tries, 12} {
		t.Errorf("%d tries told %v", tries, told)
	}
	for _, line := range r.UI["text"].([]string)[:1] {
		if line != "asked for cat=2, dog=1" {
			t.Errorf("begins with %q", line)
		}
	}
	instances := h.run("ISACInstances", map[string]any{"text": catsAndDog, "override": "cat=9"}).Values[0]
	told = nil
	nine := h.run("ISACCountRetry", h.retryInputs(l, map[string]any{"instances": instances}))
	if nine.UI["text"].([]string)[0] != "asked for cat=9" || nine.Values[3].(int64) != 3 {
		t.Errorf("instances: %v after %d tries", nine.UI["text"], nine.Values[3])
	}
	ctx, cancel := context.WithCancel(t.Context())
	h.env.Progress = func(value, _ int) {
		if value == 5 {
			cancel()
		}
	}
	if _, err := h.try(ctx, "ISACCountRetry", h.retryInputs(l, map[string]any{"instances": instances})); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted in the second try: %v", err)
	}
	h.env.Progress = nil
	plain := h.load("tiny", "a nice day")
	if _, err := h.try(t.Context(), "ISACCountRetry", h.retryInputs(loaded{model: l.model, vae: l.vae, positive: h.run("CLIPTextEncode", map[string]any{"text": "", "clip": plain.clip}).Values[0], negative: l.negative}, nil)); err == nil || !strings.Contains(err.Error(), "nothing to count") {
		t.Errorf("nothing to count: %v", err)
	}
}

// TestDetectorNames lists detectors of a tree and of other folders, and says of a file that is none what is wrong.
func TestDetectorNames(t *testing.T) {
	tree := t.TempDir()
	for _, name := range []string{"checkpoints/x.onnx", "detectors/yolo.onnx", "detectors/sub/dino.ONNX", "detectors/readme.txt", "clip/detectors/deep.onnx"} {
		put(t, tree, name, filepath.Join("..", "go.mod"))
	}
	names := detectorNames(&Env{ModelPaths: []string{tree, miniFolder, filepath.Join(tree, "detectors")}})
	if want := []string{ownMasks, "deep.onnx", "detector", "sub/dino.ONNX", "yolo.onnx"}; !slices.Equal(names, want) {
		t.Errorf("detectors are %q, want %q", names, want)
	}
	if _, err := os.Stat(Detectors([]string{tree})["deep.onnx"]); err != nil {
		t.Error(err)
	}
	h := newHost(t, tinyFolder, tree)
	_, err := h.try(t.Context(), "ISACCountRetry", h.retryInputs(h.load("tiny", catsAndDog), map[string]any{"detector": "yolo.onnx"}))
	if err == nil || !strings.Contains(err.Error(), `detector "yolo.onnx"`) || !strings.Contains(err.Error(), "neither a YOLO nor a Grounding DINO") {
		t.Errorf("%v", err)
	}
}
