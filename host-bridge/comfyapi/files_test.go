package comfyapi

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/isac-guidance/isac/plugin"
)

// TestUploadAndView goes the way of a file: up, under a name of its own, and down again in all its forms.
func TestUploadAndView(t *testing.T) {
	q := openReal(t)
	_, web := start(t, q, func(c *Config) { c.Limits.UploadBytes = 1 << 20 })
	red, glass := picture(t, 4, 2, color.NRGBA{255, 0, 0, 255}), picture(t, 4, 2, color.NRGBA{0, 255, 0, 128})
	for _, row := range []struct {
		name, file, filename string
		fields               []string
		status               int
		want                 string
	}{
		{"new", red, "cat.png", nil, 200, `{"name":"cat.png","subfolder":"","type":"input"}`},
		{"the same again", red, "cat.png", nil, 200, `"name":"cat.png"`},
		{"another of that name", glass, "cat.png", nil, 200, `"name":"cat (1).png"`},
		{"that one again", glass, "cat.png", nil, 200, `"name":"cat (1).png"`},
		{"in a folder", red, "cat.png", []string{"subfolder", "a/b", "type", "temp"}, 200, `{"name":"cat.png","subfolder":"a/b","type":"temp"}`},
		{"in its place", glass, "cat.png", []string{"subfolder", "a/b", "type", "temp", "overwrite", "true"}, 200, `"name":"cat.png"`},
		{"with a percent sign", red, "100%d.png", nil, 200, `"name":"100%d.png"`},
		{"with the path that it had", red, `C:\pictures\dog.png`, nil, 200, `"name":"dog.png"`},
		{"with a folder", red, "pictures/dog.png", nil, 200, `"name":"dog.png"`},
		{"a path out", red, "../../etc/dog.png", nil, 400, "holds .."},
		{"a path out of Windows", red, `..\..\dog.png`, nil, 400, "holds .."},
		{"dots", red, "..", nil, 400, "holds .."},
		{"no name", red, "", nil, 400, "has no name"},
		{"a folder out", red, "cat.png", []string{"subfolder", "../x"}, 400, "leads out"},
		{"a folder of the system", red, "cat.png", []string{"subfolder", "/etc"}, 400, "leads out"},
		{"another kind", red, "cat.png", []string{"type", "etc"}, 400, "expected input, output or temp"},
		{"too large", strings.Repeat("x", 1<<20), "big.png", nil, 413, "larger than 1 MiB"},
	} {
		body, kind := form(t, row.file, row.filename, row.fields...)
		status, _, text := call(t, "POST", web.URL+"/upload/image", body, "Content-Type", kind)
		if status != row.status || !strings.Contains(text, row.want) {
			t.Errorf("%s: %d %s\nwant %d %s", row.name, status, text, row.status, row.want)
		}
	}
	if _, err := q.Files().Write(t.Context(), "output", []plugin.File{
		{Name: "page.html", Type: "output", Data: []byte("<script>")}, {Name: "drawing.svg", Type: "output", Data: []byte("<svg/>")},
	}); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		query  string
		status int
		kind   string // content type, or a part of the error
	}{
		{"filename=cat.png&type=input", 200, "image/png"},
		{"filename=cat.png+%5Binput%5D", 200, "image/png"},
		{"filename=cat+(1).png&type=input", 200, "image/png"},
		{"filename=100%25d.png&type=input", 200, "image/png"},
		{"filename=cat.png&type=temp&subfolder=a/b", 200, "image/png"},
		{"filename=cat.png&type=temp&subfolder=a%2Fb%2F", 200, "image/png"},
		{"filename=cat.png&type=input&preview=webp;90", 200, "image/webp"},
		{"filename=cat.png&type=input&preview=webp", 200, "image/webp"},
		{"filename=cat.png&type=input&preview=", 200, "image/webp"},
		{"filename=cat.png&type=input&preview=avif;50", 200, "image/webp"},
		{"filename=cat+(1).png&type=input&preview=webp;90", 200, "image/webp"},
		{"filename=cat+(1).png&type=input&preview=jpeg;80&channel=rgba", 200, "image/webp"},
		{"filename=cat+(1).png&type=input&preview=jpeg;80", 200, "image/jpeg"},
		{"filename=cat+(1).png&type=input&channel=rgb", 200, "image/png"},
		{"filename=cat+(1).png&type=input&channel=a", 200, "image/png"},
		{"filename=cat+(1).png&type=input&channel=rgba", 200, "image/png"},
		{"filename=page.html", 200, "application/octet-stream"},
		{"filename=drawing.svg", 200, "application/octet-stream"},
		{"filename=page.html&preview=webp", 415, "cannot be read as an image"},
		{"filename=cat.png", 404, "there is no output file"},
		{"filename=", 400, "filename is missing"},
		{"filename=%2Fetc%2Fpasswd", 400, "begins with /"},
		{"filename=..%2F..%2Fetc%2Fpasswd", 400, "holds .."},
		{"filename=..%5Cx.png", 400, "holds .."},
		{"filename=a%00.png", 400, "no name of a file"},
		{"filename=.", 400, "no name of a file"},
		{"filename=cat.png&type=etc", 400, "expected output, input or temp"},
		{"filename=cat.png&subfolder=..", 403, "leads out"},
		{"filename=cat.png&subfolder=%2Fetc", 403, "leads out"},
		{"filename=cat.png&subfolder=a/../../..", 403, "leads out"},
		{"filename=cat.png&subfolder=a%5C..%5C..", 403, "leads out"},
	} {
		status, header, text := call(t, "GET", web.URL+"/api/view?"+row.query, "")
		if status != row.status || !strings.HasPrefix(header.Get("Content-Type"), row.kind) && !strings.Contains(text, row.kind) {
			t.Errorf("%s: %d %s %.100q\nwant %d %s", row.query, status, header.Get("Content-Type"), text, row.status, row.kind)
		}
		if header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: a browser may guess what it is", row.query)
		}
	}
	if _, header, _ := call(t, "GET", web.URL+"/view?filename=drawing.svg", "", "Sec-Fetch-Dest", "image"); header.Get("Content-Type") != "image/svg+xml" {
		t.Errorf("a drawing that a page shows is %s", header.Get("Content-Type"))
	}
	if status, header, text := call(t, "GET", web.URL+"/view?filename=cat.png&type=input", "", "Range", "bytes=1-3"); status != 206 || text != "PNG" || header.Get("Last-Modified") == "" {
		t.Errorf("a part: %d %q %v", status, text, header)
	}
	for query, want := range map[string]color.NRGBA{
		"channel=a": {0, 0, 0, 128}, "channel=rgb": {0, 255, 0, 255}, "preview=webp;90": {0, 255, 0, 128}, "preview=webp;90&channel=a": {0, 0, 0, 128},
	} {
		_, _, text := call(t, "GET", web.URL+"/view?type=input&filename="+url.QueryEscape("cat (1).png")+"&"+query, "")
		img, _, err := image.Decode(strings.NewReader(text))
		if err != nil || img.Bounds() != image.Rect(0, 0, 4, 2) || color.NRGBAModel.Convert(img.At(1, 1)) != color.Color(want) {
			t.Errorf("%s: %v %v", query, err, img)
		}
	}
	_, _, text := call(t, "GET", web.URL+"/view?type=input&filename=cat.png&preview=jpeg;90", "")
	if img, err := jpeg.Decode(strings.NewReader(text)); err != nil || img.Bounds().Dx() != 4 {
		t.Errorf("preview: %v", err)
	}
	if _, _, text := call(t, "GET", web.URL+"/internal/files/input", ""); !strings.Contains(text, `"dog.png"`) {
		t.Errorf("input files: %s", text)
	}
}

// TestMask: the mask's alpha, the original's colours and texts.
func TestMask(t *testing.T) {
	_, web := start(t, openReal(t))
	text := "\x00\x00\x00\x08tEXtprompt\x00{"
	text = string(binary.BigEndian.AppendUint32([]byte(text), crc32.ChecksumIEEE([]byte(text[4:]))))
	original := picture(t, 4, 2, color.NRGBA{255, 0, 0, 255})
	original = original[:headerEnd] + text + original[headerEnd:]
	body, kind := form(t, original, "cat.png")
	call(t, "POST", web.URL+"/upload/image", body, "Content-Type", kind)
	mask := picture(t, 4, 2, color.NRGBA{9, 9, 9, 77})
	for _, row := range []struct {
		ref, file string
		status    int
		want      string
	}{
		{`{"filename":"cat.png","type":"input","subfolder":""}`, mask, 200, `{"name":"mask.png","subfolder":"clipspace","type":"input"}`},
		{`{"filename":"cat.png"}`, mask, 404, "no output file"},
		{`{"filename":"../cat.png","type":"input"}`, mask, 400, "holds .."},
		{`{"filename":"cat.png","type":"input","subfolder":"../.."}`, mask, 403, "leads out"},
		{`{"filename":"cat.png","type":"input"}`, picture(t, 3, 3, color.Black), 400, "of one size"},
		{`{"filename":"cat.png","type":"input"}`, "no image", 400, "the mask cannot be read"},
		{`cat.png`, mask, 400, "original_ref is"},
	} {
		body, kind := form(t, row.file, "mask.png", "subfolder", "clipspace", "original_ref", row.ref)
		status, _, answer := call(t, "POST", web.URL+"/upload/mask", body, "Content-Type", kind)
		if status != row.status || !strings.Contains(answer, row.want) {
			t.Errorf("%s: %d %s\nwant %d %s", row.ref, status, answer, row.status, row.want)
		}
	}
	_, _, merged := call(t, "GET", web.URL+"/view?filename=mask.png&type=input&subfolder=clipspace", "")
	if !strings.Contains(merged, text) {
		t.Error("the text of the original is lost")
	}
	img, err := png.Decode(strings.NewReader(merged))
	if err != nil || color.NRGBAModel.Convert(img.At(0, 0)) != color.Color(color.NRGBA{255, 0, 0, 77}) {
		t.Errorf("%v %v", err, img)
	}
}

// TestLargePicture: a small file that would fill the memory is not decoded, and the error has both numbers.
func TestLargePicture(t *testing.T) {
	_, web := start(t, openReal(t))
	head := []byte("\x00\x00\x00\x0dIHDR")
	head = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(head, 9999), 9999)
	head = append(head, 8, 6, 0, 0, 0) // 8 bits, RGBA
	head = binary.BigEndian.AppendUint32(head, crc32.ChecksumIEEE(head[4:]))
	large := string(pngSignature) + string(head)
	for _, name := range []string{"big.png", "other.png"} {
		body, kind := form(t, large, name)
		call(t, "POST", web.URL+"/upload/image", body, "Content-Type", kind)
		status, _, text := call(t, "GET", web.URL+"/view?filename="+name+"&type=input&preview=webp", "")
		if status != 415 || !strings.Contains(text, "too large") || !strings.Contains(text, "99980001") || !strings.Contains(text, "40000000") {
			t.Errorf("%d %s", status, text)
		}
	}
	body, kind := form(t, large, "mask.png", "original_ref", `{"filename":"big.png","type":"input"}`)
	if status, _, text := call(t, "POST", web.URL+"/upload/mask", body, "Content-Type", kind); status != 400 || !strings.Contains(text, "too large") {
		t.Errorf("%d %s", status, text)
	}
}

// TestRoom: those who wait are let in in their order, as far as there is room; who gives up leaves no trace.
func TestRoom(t *testing.T) {
	r := &room{size: 10}
	take := func(bytes int64) func() {
		t.Helper()
		give, err := r.take(t.Context(), bytes)
		if err != nil {
			t.Fatal(err)
		}
		return give
	}
	a, b := take(4), take(4)
	short, stop := context.WithCancel(t.Context())
	stop()
	if _, err := r.take(short, 4); !errors.Is(err, context.Canceled) {
		t.Errorf("there is room for more than there is: %v", err)
	}
	all := make(chan func())
	go func() { all <- take(1000) }() // takes what there is
	select {
	case <-all:
		t.Error("all of the room is given twice")
	case <-time.After(50 * time.Millisecond):
	}
	a()
	b()
	(<-all)()
	if r.taken != 0 || len(r.waiting) != 0 {
		t.Errorf("%d bytes are taken, %d wait", r.taken, len(r.waiting))
	}
}
