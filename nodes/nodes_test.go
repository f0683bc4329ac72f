package nodes

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/nodes/schema"
)

const catsAndDog = "two cats and a dog"

func TestCheckpointIsSharedWhileInUse(t *testing.T) {
	h := newHost(t, tinyFolder)
	first := h.run("CheckpointLoaderSimple", map[string]any{"ckpt_name": "tiny"}).Values
	second := h.run("CheckpointLoaderSimple", map[string]any{"ckpt_name": "tiny"}).Values
	pipeline := first[0].(*Model).Pipeline()
	if second[0].(*Model).Pipeline() != pipeline {
		t.Error("the same checkpoint was loaded twice")
	}
	guided := h.run("ISACGuidance", map[string]any{"model": first[0], "preset": "typed", "eta": 0, "start": 0, "end": 0, "schedule": "preset"}).Values[0]
	for _, v := range append(first, second...) {
		v.(Value).Close()
	}
	if p := guided.(*Model).Pipeline(); p != pipeline || p.Factor() != 4 {
		t.Error("the pipeline went while a guided model held it")
	}
	h.release()
	again := h.run("CheckpointLoaderSimple", map[string]any{"ckpt_name": "tiny"}).Values
	if again[0].(*Model).Pipeline() == pipeline {
		t.Error("a pipeline that nobody used was given out again")
	}
}

func TestCheckpointNamesStayInside(t *testing.T) {
	h := newHost(t, filepath.Join(tinyFolder, "unet")) // holds one .safetensors, which is no whole model
	for _, name := range []string{"../vae", "../../tiny", "..", "/etc/passwd", "", "diffusion_pytorch_model", tinyFolder} {
		_, err := h.try(context.Background(), "CheckpointLoaderSimple", map[string]any{"ckpt_name": name})
		var mistakes schema.Mistakes
		if !errors.As(err, &mistakes) || mistakes[0].Kind != schema.NotInList {
			t.Errorf("%q: error %v, want %s", name, err, schema.NotInList)
		}
	}
	_, err := h.try(context.Background(), "CheckpointLoaderSimple", map[string]any{"ckpt_name": "diffusion_pytorch_model.safetensors"})
	if err == nil || !strings.Contains(err.Error(), "diffusion_pytorch_model.safetensors") {
		t.Errorf("a file that is no whole model: error %v, want one that names it", err)
	}
}

func TestTextEncode(t *testing.T) {
	h := newHost(t, tinyFolder)
	l := h.load("tiny", catsAndDog)
	c := l.positive.(*Conditioning).Encoded
	if c.Prompt != catsAndDog || c.Hidden.Dim() != 3 || int64(len(c.Spans)) != c.Hidden.Size(1) {
		t.Errorf("conditioning %+v: want the prompt and a span for each token", c)
	}
}

func TestSampleDecodeSave(t *testing.T) {
	h := newHost(t, tinyFolder)
	l := h.load("tiny", catsAndDog)
	var progress [][2]int
	h.env.Progress = func(value, max int) { progress = append(progress, [2]int{value, max}) }
	size := h.run("EmptyLatentImage", map[string]any{"width": 40, "height": 32, "batch_size": 2}).Values[0]
	latent := h.run("KSampler", h.sampling(l, map[string]any{"latent_image": size})).Values[0].(*Latent)
	if latent.Width != 40 || latent.Height != 32 || latent.Batch != 2 || latent.Samples.Size(3) != 10 || len(latent.Reports) != 0 {
		t.Errorf("latent %+v of shape %v: want 40×32 pixels, two of them, not guided", latent, latent.Samples.Shape())
	}
	if len(progress) != 4 || progress[0] != [2]int{1, 4} || progress[3] != [2]int{4, 4} {
		t.Errorf("progress %v: want each of the four steps", progress)
	}
	h.env.Workflow = json.RawMessage(`{"prompt":{"1":{"class_type":"KSampler","inputs":{}}}}`)
	files := h.pngs(latent, l.vae)
	if len(files) != 2 || bytes.Equal(files[0], files[1]) {
		t.Fatalf("%d files: want two that differ", len(files))
	}
	img, err := png.Decode(bytes.NewReader(files[0]))
	if err != nil || img.Bounds().Dx() != 40 || img.Bounds().Dy() != 32 {
		t.Errorf("image %v, error %v: want 40×32", img.Bounds(), err)
	}
	if _, texts := chunksOf(t, files[0]); texts["prompt"] != `{"1":{"class_type":"KSampler","inputs":{}}}` {
		t.Errorf("texts %v: want the workflow", texts)
	}
}

func TestSaveImageAndPreview(t *testing.T) {
	h := newHost(t, tinyFolder)
	l := h.load("tiny", "")
	empty := h.run("EmptyLatentImage", map[string]any{"width": 32, "height": 32, "batch_size": 2}).Values[0]
	images := h.run("VAEDecode", map[string]any{"samples": empty, "vae": l.vae}).Values[0]
	saved := h.run("SaveImage", map[string]any{"images": images, "filename_prefix": "animals/%width%"}).Files
	if len(saved) != 2 || saved[0].Name != "32_%05d_.png" || saved[0].Subfolder != "animals" || saved[0].Type != OutputFile {
		t.Errorf("saved %q in %q of type %q", saved[0].Name, saved[0].Subfolder, saved[0].Type)
	}
	shown := h.run("PreviewImage", map[string]any{"images": images}).Files
	if len(shown) != 2 || shown[0].Type != TempFile || !bytes.Equal(shown[1].Data, saved[1].Data) {
		t.Errorf("preview %q of type %q: want the same pictures of type temp", shown[0].Name, shown[0].Type)
	}
	if _, err := h.try(context.Background(), "SaveImage", map[string]any{"images": images, "filename_prefix": "../x"}); err == nil {
		t.Error("a prefix that leaves the folder was accepted")
	}
}

func TestSeedsDecide(t *testing.T) {
	h := newHost(t, tinyFolder)
	l := h.load("tiny", catsAndDog)
	sample := func(seed string) []byte {
		return h.pngs(h.run("KSampler", h.sampling(l, map[string]any{"seed": json.Number(seed)})).Values[0], l.vae)[0]
	}
	a, b, c := sample("18446744073709551615"), sample("18446744073709551615"), sample("18446744073709551614")
	if !bytes.Equal(a, b) {
		t.Error("one seed gives two images")
	}
	if bytes.Equal(a, c) {
		t.Error("two seeds that are one float64 give one image")
	}
}

func TestImageToImage(t *testing.T) {
	h := newHost(t, tinyFolder)
	l := h.load("tiny", catsAndDog)
	start := h.run("KSampler", h.sampling(l, nil)).Values[0]
	half := h.run("KSampler", h.sampling(l, map[string]any{"latent_image": start, "denoise": 0.5})).Values[0].(*Latent)
	if half.Width != 32 || half.Samples.Size(1) != 4 {
		t.Errorf("latent of %d pixels and shape %v, want 32 and 4 channels", half.Width, half.Samples.Shape())
	}
	none := h.run("KSampler", h.sampling(l, map[string]any{"latent_image": start, "denoise": 0})).Values[0]
	if !bytes.Equal(h.pngs(none, l.vae)[0], h.pngs(start, l.vae)[0]) {
		t.Error("denoise 0 changed the image")
	}
	if bytes.Equal(h.pngs(half, l.vae)[0], h.pngs(start, l.vae)[0]) {
		t.Error("denoise 0.5 left the image as it was")
	}
}

func TestPreviews(t *testing.T) {
	h := newHost(t, tinyFolder)
	l := h.load("tiny", catsAndDog)
	plain := h.run("KSampler", h.sampling(l, nil)).Values[0]
	var shown [][]byte
	h.env.Preview = func(format string, data []byte) {
		if format != "png" {
			t.Errorf("format %q, want png", format)
		}
		shown = append(shown, data)
	}
	watched := h.run("KSampler", h.sampling(l, nil)).Values[0]
	if len(shown) != 3 {
		t.Fatalf("%d previews, want one for each of four steps but the last", len(shown))
	}
	img, err := png.Decode(bytes.NewReader(shown[0]))
	if err != nil || img.Bounds().Dx() != 32 || img.Bounds().Dy() != 32 {
		t.Errorf("preview %v, error %v: want the image's size", img.Bounds(), err)
	}
	if bytes.Equal(shown[0], shown[2]) {
		t.Error("previews do not change from step to step")
	}
	if !bytes.Equal(h.pngs(plain, l.vae)[0], h.pngs(watched, l.vae)[0]) {
		t.Error("looking changed the image")
	}
}

func TestCancelledSampling(t *testing.T) {
	h := newHost(t, tinyFolder)
	l := h.load("tiny", catsAndDog)
	ctx, cancel := context.WithCancel(context.Background())
	steps := 0
	h.env.Progress = func(value, _ int) {
		steps = value
		cancel()
	}
	_, err := h.try(ctx, "KSampler", h.sampling(l, map[string]any{"steps": 50}))
	if !errors.Is(err, context.Canceled) || steps != 1 {
		t.Errorf("error %v after %d steps: want to be cancelled after the first", err, steps)
	}
}

func TestBrokenModelsAreRefused(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "broken.safetensors"), []byte("not a model"), 0o644); err != nil {
		t.Fatal(err)
	}
	h := newHost(t, folder)
	_, err := h.try(context.Background(), "CheckpointLoaderSimple", map[string]any{"ckpt_name": "broken.safetensors"})
	if err == nil || !strings.Contains(err.Error(), `checkpoint "broken.safetensors"`) {
		t.Errorf("error %v: want one that names the checkpoint", err)
	}
}
