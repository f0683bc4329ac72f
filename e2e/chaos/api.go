//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// api calls a server of ComfyUI's kind.
type api struct {
	url    string
	client http.Client
	brief  bool // answers are hardly waited for
}

// call sends a request and gives status and body. An error means that no answer came, and that nothing is known.
func (a *api) call(ctx context.Context, method, path, kind string, body []byte) (int, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, a.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	answer, err := a.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	return answer.StatusCode, text, err
}

// send sends JSON.
func (a *api) send(ctx context.Context, path string, body any) (int, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, err
	}
	status, _, err := a.call(ctx, "POST", path, "application/json", text)
	return status, err
}

// read gets JSON, and fails where the answer is no success.
func (a *api) read(ctx context.Context, path string, to any) error {
	status, text, err := a.call(ctx, "GET", path, "", nil)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("GET %s: status %d: %.200s", path, status, text)
	}
	return json.Unmarshal(text, to)
}

func (a *api) queue(ctx context.Context) (map[string]bool, error) {
	var q struct {
		Running [][]any `json:"queue_running"`
		Pending [][]any `json:"queue_pending"`
	}
	if err := a.read(ctx, "/queue", &q); err != nil {
		return nil, err
	}
	ids := map[string]bool{}
	for _, item := range slices.Concat(q.Running, q.Pending) {
		ids[fmt.Sprint(item[1])] = true
	}
	return ids, nil
}

// ended is one prompt of the history.
type ended struct {
	Outputs map[string]struct {
		Images []struct{ Filename, Subfolder, Type string }
	}
	Status struct {
		Text string `json:"status_str"`
	}
}

func (a *api) view(ctx context.Context) (*view, map[string]ended, error) {
	v := &view{history: map[string]string{}}
	entries := map[string]ended{}
	var err error
	if v.before, err = a.queue(ctx); err != nil {
		return nil, nil, err
	}
	if err = a.read(ctx, "/history", &entries); err != nil {
		return nil, nil, err
	}
	if v.after, err = a.queue(ctx); err != nil {
		return nil, nil, err
	}
	for id, e := range entries {
		outputs, err := json.Marshal(e.Outputs)
		if err != nil {
			return nil, nil, err
		}
		v.history[id] = e.Status.Text + " " + string(outputs)
	}
	return v, entries, nil
}

// picture fetches a file and reads it whole.
func (a *api) picture(ctx context.Context, name, subfolder, kind string) (int, error) {
	status, text, err := a.call(ctx, "GET", "/view?"+url.Values{"filename": {name}, "subfolder": {subfolder}, "type": {kind}}.Encode(), "", nil)
	if err != nil || status != http.StatusOK {
		return status, err
	}
	if _, err := png.Decode(bytes.NewReader(text)); err != nil {
		return status, fmt.Errorf("%s is broken: %w", name, err)
	}
	return status, nil
}

// upload sends a picture whose pixels follow from its name's number.
func (a *api) upload(ctx context.Context, name string, n uint64) (int, error) {
	var file, body bytes.Buffer
	m := image.NewNRGBA(image.Rect(0, 0, 96, 96))
	for i := range m.Pix {
		m.Pix[i] = byte(n + uint64(i)*uint64(i)*n)
	}
	m.Set(0, 0, color.NRGBA{R: byte(n), A: 255})
	if err := png.Encode(&file, m); err != nil {
		return 0, err
	}
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("image", name)
	if err != nil {
		return 0, err
	}
	if _, err := part.Write(file.Bytes()); err != nil {
		return 0, err
	}
	if err := form.Close(); err != nil {
		return 0, err
	}
	status, _, err := a.call(ctx, "POST", "/upload/image", form.FormDataContentType(), body.Bytes())
	return status, err
}

// workflow is a small run of its own; note makes the record large.
func workflow(id string, seed uint64, steps, note int) map[string]any {
	node := func(class string, inputs map[string]any) map[string]any {
		return map[string]any{"class_type": class, "inputs": inputs}
	}
	graph := map[string]any{
		"1": node("CheckpointLoaderSimple", map[string]any{"ckpt_name": "mini"}),
		"2": node("CLIPTextEncode", map[string]any{"clip": []any{"1", 1}, "text": "a photo of two cats"}),
		"4": node("EmptyLatentImage", map[string]any{"width": 64, "height": 64, "batch_size": 1}),
		"5": node("KSampler", map[string]any{"model": []any{"1", 0}, "positive": []any{"2", 0}, "negative": []any{"2", 0}, "latent_image": []any{"4", 0},
			"seed": seed, "steps": steps, "cfg": 3, "sampler_name": "ddim", "scheduler": "ddim_uniform", "denoise": 1}),
		"6": node("VAEDecode", map[string]any{"samples": []any{"5", 0}, "vae": []any{"1", 2}}),
		"7": node("SaveImage", map[string]any{"images": []any{"6", 0}, "filename_prefix": "chaos"}),
	}
	return map[string]any{"prompt_id": id, "prompt": graph, "extra_data": map[string]any{"note": strings.Repeat("x", note)}}
}

// limit is for one call, or for the few of one look.
func (a *api) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if a.brief {
		return context.WithTimeout(ctx, 300*time.Millisecond)
	}
	return context.WithTimeout(ctx, 30*time.Second)
}
