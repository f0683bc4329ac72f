package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const objectInfo = `{"KSampler":{"input":{"required":{"sampler_name":[["euler"],{}],"seed":["INT",{}]},"optional":{"scheduler":["COMBO",{"options":["normal"]}]}}},
	"SaveImage":{"input":{"required":{"images":["IMAGE"]}}},"ISACMasks":{"input":{"required":{}}}}`

// png is a picture's file with one text, as ComfyUI writes it; its other parts do not matter here.
func png(key, value string) []byte {
	text := append(append([]byte(key), 0), value...)
	b := append([]byte("\x89PNG\r\n\x1a\n"), binary.BigEndian.AppendUint32(nil, uint32(len(text)))...)
	return append(append(append(b, "tEXt"...), text...), 0, 0, 0, 0)
}

func TestCensus(t *testing.T) {
	good := `{"1":{"class_type":"KSampler","inputs":{"sampler_name":"euler","seed":1,"scheduler":"normal"}},"2":{"class_type":"SaveImage","inputs":{"images":["1",0]}}}`
	files := map[string][]byte{
		"good.json":        []byte(good),
		"copy/copy.json":   []byte(good),
		"wrapped.json":     []byte(`{"input":{"workflow":` + strings.Replace(good, "seed\":1", "seed\":2", 1) + `}}`),
		"picture.png":      png("prompt", strings.Replace(good, "seed\":1", "seed\":3", 1)),
		"no-seed.json":     []byte(strings.Replace(good, `"seed":1,`, "", 1)),
		"sampler.json":     []byte(strings.Replace(good, `"euler"`, `"uni_pc"`, 1)),
		"scheduler.json":   []byte(strings.Replace(good, `"normal"`, `"beta"`, 1)),
		"lacking.json":     []byte(`{"1":{"class_type":"UpscaleModelLoader","inputs":{}}}`),
		"pack.json":        []byte(`{"1":{"class_type":"SomePack|Node","inputs":{}}}`),
		"ours.json":        []byte(`{"1":{"class_type":"ISACMasks","inputs":{}}}`),
		"editor.json":      []byte(`{"nodes":[{"type":"KSampler","mode":0},{"type":"SomePack|Node","mode":4},{"type":"Note"},{"type":"ab-cd"}],"definitions":{"subgraphs":[{"id":"ab-cd","nodes":[{"type":"SaveImage"}]}]}}`),
		"editor-pack.json": []byte(`{"nodes":[{"type":"ab"}],"definitions":{"subgraphs":[{"id":"ab","nodes":[{"type":"SomePack|Node"}]}]}}`),
		"package.json":     []byte(`{"name":"x"}`),
		"broken.json":      []byte(`{`),
		"plain.png":        []byte("\x89PNG\r\n\x1a\n\xff\xff\xff\xfftEXt"),
	}
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, "flows", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	info := filepath.Join(dir, "object_info.json")
	if err := os.WriteFile(info, []byte(objectInfo), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := run("", info, []string{filepath.Join(dir, "flows")}, &out); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"workflows that differ: 10\n", "this server: 9\n", "the server knows: 5 (56 %)\n", "     1  UpscaleModelLoader\n", "     1  SomePack|Node\n",
		"     1  KSampler: seed\n", "     1  KSampler: sampler_name uni_pc\n", "     1  KSampler: scheduler beta\n",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("%q is missing in\n%s", line, out.String())
		}
	}
	if err := run("", info, nil, &out); err == nil {
		t.Error("no folder was taken")
	}
}
