package nodes

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"
)

// chunksOf lists the chunks of a PNG and checks their checksums.
func chunksOf(t *testing.T, data []byte) (kinds []string, texts map[string]string) {
	t.Helper()
	texts = map[string]string{}
	for at := 8; at < len(data); {
		n := int(binary.BigEndian.Uint32(data[at:]))
		kind, body := string(data[at+4:at+8]), data[at+8:at+8+n]
		if got, want := binary.BigEndian.Uint32(data[at+8+n:]), crc32.ChecksumIEEE(data[at+4:at+8+n]); got != want {
			t.Fatalf("chunk %s has checksum %08x, want %08x", kind, got, want)
		}
		kinds = append(kinds, kind)
		if kind == "tEXt" {
			key, text, _ := bytes.Cut(body, []byte{0})
			texts[string(key)] = string(text)
		}
		at += n + 12
	}
	return kinds, texts
}

func TestEncodePNG(t *testing.T) {
	picture := image.NewNRGBA(image.Rect(0, 0, 3, 2))
	for i := range picture.Pix {
		picture.Pix[i] = byte(i * 9)
	}
	for i := 3; i < len(picture.Pix); i += 4 {
		picture.Pix[i] = 255
	}
	data, err := encodePNG(picture, []textChunk{{"prompt", `{"1": {}}`}, {"workflow", "{}"}})
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for y := range 2 {
		for x := range 3 {
			if got, want := color.NRGBAModel.Convert(decoded.At(x, y)), picture.At(x, y); got != want {
				t.Errorf("pixel (%d,%d) is %v, want %v", x, y, got, want)
			}
		}
	}
	kinds, texts := chunksOf(t, data)
	if len(kinds) < 5 || kinds[0] != "IHDR" || kinds[1] != "tEXt" || kinds[2] != "tEXt" || kinds[len(kinds)-1] != "IEND" {
		t.Errorf("chunks are %v: want the texts after IHDR", kinds)
	}
	if texts["prompt"] != `{"1": {}}` || texts["workflow"] != "{}" {
		t.Errorf("texts are %v", texts)
	}
}

func TestMetadata(t *testing.T) {
	tests := []struct {
		name, workflow string
		want           []textChunk
	}{
		{"nothing", "", nil},
		{"as the contract has it", `{"workflow": {"nodes": []}, "prompt": {"3": {"class_type": "A"}}}`,
			[]textChunk{{"prompt", `{"3":{"class_type":"A"}}`}, {"workflow", `{"nodes":[]}`}}},
		{"as ComfyUI's hidden inputs", `{"prompt": {}, "extra_pnginfo": {"workflow": {"id": 1}, "author": "me"}}`,
			[]textChunk{{"prompt", `{}`}, {"author", `"me"`}, {"workflow", `{"id":1}`}}},
		{"a bare graph", `{"3": {"class_type": "A", "inputs": {}}}`,
			[]textChunk{{"prompt", `{"3":{"class_type":"A","inputs":{}}}`}}},
		{"null members", `{"prompt": {}, "workflow": null}`, []textChunk{{"prompt", `{}`}}},
		{"beyond ASCII", `{"prompt": {"text": "ein Kätzchen 🐈"}}`,
			[]textChunk{{"prompt", `{"text":"ein K\u00e4tzchen \ud83d\udc08"}`}}},
		{"keywords that PNG forbids", `{"": 1, " x": 1, "ä": 1, "prompt": {}}`, []textChunk{{"prompt", `{}`}}},
		{"a seed beyond float64", `{"prompt": {"seed": 18446744073709551615}}`, []textChunk{{"prompt", `{"seed":18446744073709551615}`}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := metadata(json.RawMessage(tt.workflow))
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != len(tt.want) {
				t.Fatalf("chunks %q, want %q", got, tt.want)
			}
			for i := range got {
				if got[i] != tt.want[i] {
					t.Errorf("chunk %d is %q, want %q", i, got[i], tt.want[i])
				}
			}
		})
	}
	for _, bad := range []string{"[1]", "{", `"text"`, `{"extra_pnginfo": 3}`} {
		if _, err := metadata(json.RawMessage(bad)); err == nil {
			t.Errorf("workflow %s was accepted", bad)
		}
	}
}

func TestSaveName(t *testing.T) {
	for name, want := range map[string]string{
		"ComfyUI": "ComfyUI_%05d_.png", "": "_%05d_.png", "b%batch_num%": "b2_%05d_.png", "100% cats": "100%% cats_%05d_.png", "Kätzchen": "Kätzchen_%05d_.png",
	} {
		if got := saveName(name, 2); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// TestWidgetsInNames finds values in a workflow as ComfyUI's page does: by the name for search and replace, else by the title.
func TestWidgetsInNames(t *testing.T) {
	const prompt = `{"3":{"class_type":"KSampler","inputs":{"seed":7,"cfg":8.0,"denoise":0.50,"model":["4",0],"on":true,"none":null},"_meta":{"title":"Sample it"}},
		"9":{"class_type":"KSampler","inputs":{"seed":8},"_meta":{"title":"Again"}},"4":{"class_type":"CheckpointLoaderSimple","inputs":{"ckpt_name":"a.ckpt"}}}`
	const editor = `{"nodes":[{"id":9,"properties":{"Node name for S&R":"Second"}},{"id":3}]}`
	for _, workflow := range []string{prompt, `{"prompt":` + prompt + `}`, `{"prompt":` + prompt + `,"workflow":` + editor + `}`} {
		w := readWidgets(json.RawMessage(workflow))
		for name, want := range map[string]string{
			"KSampler.seed": "7", "KSampler.cfg": "8", "KSampler.denoise": "0.5", "KSampler.on": "true", "KSampler.none": "", "Sample it.seed": "7", "Again.seed": "8",
			"CheckpointLoaderSimple.ckpt_name": "a.ckpt",
		} {
			node, widget, _ := strings.Cut(name, ".")
			if got, ok := w.value(node, widget); !ok || got != want {
				t.Errorf("%s is %q %v, want %q", name, got, ok, want)
			}
		}
		for _, name := range []string{"KSampler.model", "KSampler.gone", "Gone.seed"} {
			node, widget, _ := strings.Cut(name, ".")
			if got, ok := w.value(node, widget); ok {
				t.Errorf("%s is %q", name, got)
			}
		}
		if got, ok := w.value("Second", "seed"); ok != strings.Contains(workflow, "Second") || ok && got != "8" {
			t.Errorf("the name of the editor gives %q %v", got, ok)
		}
	}
	if _, ok := readWidgets(nil).value("KSampler", "seed"); ok {
		t.Error("no workflow has a value")
	}
}
