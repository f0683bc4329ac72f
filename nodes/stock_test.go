package nodes

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// stock is what nodes/testdata/make_stock.py wrote with ComfyUI's own nodes.
type stock struct {
	t        *testing.T
	file     *weights.File
	Pictures []string
	Cases    []struct {
		Class  string
		Inputs map[string]any
	}
}

func openStock(t *testing.T) *stock {
	t.Helper()
	s := &stock{t: t}
	readJSON(t, "cases.json", s)
	var err error
	if s.file, err = weights.Open(filepath.Join("testdata", "stock", "fixture.safetensors")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.file.Close() })
	return s
}

func readJSON(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "stock", name))
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// tensor is one of the fixture's, in the current scope; undefined where there is none of the name.
func (s *stock) tensor(name string) torch.Tensor {
	if !s.file.Has(name) {
		return torch.Tensor{}
	}
	x, err := s.file.Tensor(name)
	if err != nil {
		s.t.Fatal(err)
	}
	return x.Clone()
}

// near compares a value with the fixture's.
func (s *stock) near(what, name string, got torch.Tensor, tolerance float64) {
	s.t.Helper()
	want := s.tensor(name)
	if !want.Defined() || !slices.Equal(got.Shape(), want.Shape()) {
		s.t.Errorf("%s has shape %v, want that of %s", what, got.Shape(), name)
		return
	}
	g, w := got.Contiguous().Float32s(), want.Float32s()
	most := 0.0
	for i := range w {
		if d := math.Abs(float64(g[i] - w[i])); !(d <= most) {
			most = d
		}
	}
	if !(most <= tolerance) {
		s.t.Errorf("%s differs by %v, allowed is %v", what, most, tolerance)
	}
}

// TestStockSchemas compares what nodes say of themselves with ComfyUI's entries, but for words and what is ours alone.
func TestStockSchemas(t *testing.T) {
	compareSchemas(t, filepath.Join("testdata", "stock", "schemas.json"), func(got map[string]any) {
		for name, in := range got["input"].(map[string]any)["required"].(map[string]any) {
			pair := in.([]any)
			if len(pair) > 1 {
				delete(pair[1].(map[string]any), "input_files")
			}
			if name == "sampler_name" || name == "scheduler" { // ours are fewer
				pair[0] = name
			}
		}
	})
}

// TestResizing compares upscaling of images and latents by every method with ComfyUI's.
func TestResizing(t *testing.T) {
	h, s := newHost(t), openStock(t)
	do(t, h, func() {
		image, latent := newImage(s.tensor("image")), newLatent(s.tensor("latent"), 8)
		defer image.Close()
		defer latent.Close()
		for i, c := range s.Cases {
			inputs := c.Inputs
			switch c.Class {
			case "ImageScale", "ImageScaleBy":
				inputs["image"] = image
			case "ImageBatch":
				second := newImage(s.tensor("image").Narrow(1, 0, 6).Narrow(2, 0, 11))
				defer second.Close()
				inputs["image1"], inputs["image2"] = image, second
			default:
				inputs["samples"] = latent
			}
			node, _ := h.registry.Get(c.Class)
			result, err := node.Run(t.Context(), h.env, inputs)
			if err != nil {
				t.Fatalf("%v: %v", c, err)
			}
			var got torch.Tensor
			tolerance := 1e-5
			switch v := result.Values[0].(type) {
			case *Image:
				got = v.Pixels
			case *Latent:
				got = v.Samples
				if shape := got.Shape(); int(shape[3])*8 != v.Width || int(shape[2])*8 != v.Height {
					t.Errorf("%v: %d×%d pixels of latents %v", c, v.Width, v.Height, shape)
				}
				tolerance = 1e-4
			}
			delete(inputs, "image")
			delete(inputs, "samples")
			s.near(c.Class+" "+shown(inputs), "case."+itoa(i), got, tolerance)
			result.Close()
		}
	})
}

// TestPicturesOfAllKinds compares what is read of image files with what ComfyUI reads: colours, alpha, orientation, 16 bits.
func TestPicturesOfAllKinds(t *testing.T) {
	h, s := newHost(t), openStock(t)
	if len(s.Pictures) < 20 {
		t.Fatalf("only %d pictures", len(s.Pictures))
	}
	for _, name := range s.Pictures {
		data, err := os.ReadFile(filepath.Join("testdata", "stock", "pictures", name))
		if err != nil {
			t.Fatal(err)
		}
		h.env.Files = map[string][]byte{"image": data}
		values := h.run("LoadImage", map[string]any{"image": name}).Values
		tolerance := 1e-6
		if filepath.Ext(name) == ".jpg" { // decoders round in their own ways
			tolerance = 3.0 / 255
		}
		masks := map[string]*Mask{}
		for _, channel := range []string{"alpha", "green"} {
			masks[channel] = h.run("LoadImageMask", map[string]any{"image": name, "channel": channel}).Values[0].(*Mask)
		}
		do(t, h, func() {
			s.near(name, "load."+name+".image", values[0].(*Image).Pixels, tolerance)
			mask := values[1].(*Mask).Planes
			if s.file.Has("load." + name + ".mask") {
				s.near(name+"'s mask", "load."+name+".mask", mask, 1e-6)
			} else if !slices.Equal(mask.Shape(), []int64{1, 64, 64}) || mask.NormAll().Float32s()[0] != 0 {
				t.Errorf("%s: mask of shape %v, want 64×64 of 0", name, mask.Shape())
			}
			for channel, m := range masks {
				s.near(name+" "+channel, "mask."+name+"."+channel, m.Planes, tolerance)
			}
		})
	}
	if _, err := h.try(t.Context(), "LoadImage", map[string]any{"image": "x.png"}); err != nil {
		t.Error(err) // the file that was sent last
	}
	h.env.Files = map[string][]byte{"image": []byte("no picture")}
	if _, err := h.try(t.Context(), "LoadImage", map[string]any{"image": "x.png"}); err == nil {
		t.Error("a file that is no picture is read")
	}
	h.env.Files = nil
	if _, err := h.try(t.Context(), "LoadImage", map[string]any{"image": "x.png"}); err == nil {
		t.Error("a file that was not sent is read")
	}
}

// do runs fn on the host's executor in a scope.
func do(t *testing.T, h *host, fn func()) {
	t.Helper()
	err := h.exec.Do(t.Context(), func() error { return torch.InScope(func() error { fn(); return nil }) })
	if err != nil {
		t.Fatal(err)
	}
}

func shown(v any) string {
	raw, _ := json.Marshal(v)
	return string(raw)
}

func itoa(i int) string { return shown(i) }
