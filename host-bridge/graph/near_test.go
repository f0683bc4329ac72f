package graph

import (
	"strings"
	"testing"
)

func TestNearNames(t *testing.T) {
	in := &InputSchema{Name: "ckpt_name", Choices: []any{"v1-5.safetensors", "SD/xl.safetensors", "folder", "v1.5", "dup.safetensors", "dup.ckpt"}}
	for name, want := range map[string]string{
		"v1-5.ckpt": "'v1-5.safetensors' is there, which differs only by its ending", `SD\xl.safetensors`: "only by slashes",
		"xl.ckpt": "only by its folder and its ending", "a/b/xl.safetensors": "only by its folder", "V1-5.safetensors": "'v1-5.safetensors'",
		"other.ckpt": "", "folder": "", "euler": "", "dup.pt": "'dup.safetensors'",
	} {
		got := in.near(name)
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		if m, bad := notAmong(in, name); want != "" && (!bad || !strings.Contains(m.Details, want)) {
			t.Errorf("%s: the mistake says %q", name, m.Details)
		}
	}
}
