package nodes

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"testing"
	"time"
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

func TestSavePlace(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	tests := []struct{ prefix, subfolder, name string }{
		{"ComfyUI", "", "ComfyUI_%05d_.png"},
		{"animals/cats", "animals", "cats_%05d_.png"},
		{`animals\wild\cats`, "animals/wild", "cats_%05d_.png"},
		{"./a/../b", "", "b_%05d_.png"},
		{"%width%x%height%", "", "64x32_%05d_.png"},
		{"%year%-%month%-%day%/%hour%%minute%%second%", "2026-03-04", "050607_%05d_.png"},
		{"b%batch_num%", "", "b2_%05d_.png"},
		{"100% cats", "", "100%% cats_%05d_.png"},
		{"Kätzchen", "", "Kätzchen_%05d_.png"},
	}
	for _, tt := range tests {
		subfolder, name, err := savePlace(tt.prefix, 64, 32, now)
		if err != nil || subfolder != tt.subfolder || saveName(name, 2) != tt.name {
			t.Errorf("%q: folder %q, name %q, error %v, want %q and %q", tt.prefix, subfolder, saveName(name, 2), err, tt.subfolder, tt.name)
		}
	}
	for _, bad := range []string{"", "..", "../x", "/etc/x", `\x`, "a/../../x", `..\x`, "a/", "C:/x", "a\x00b", "a\nb", "a|b", "."} {
		if subfolder, name, err := savePlace(bad, 1, 1, now); err == nil {
			t.Errorf("%q was accepted as folder %q, name %q", bad, subfolder, name)
		}
	}
}
