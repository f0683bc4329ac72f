package saveprefix

import (
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPlace(t *testing.T) {
	widgets := map[string]string{"KSampler.seed": "7", "Load Checkpoint.ckpt_name": `SD/v1-5: "x".safetensors`}
	f := Filling{Width: 64, Height: 32, Now: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), Widget: func(node, widget string) (string, bool) {
		v, ok := widgets[node+"."+widget]
		return v, ok
	}}
	for prefix, want := range map[string]string{
		"ComfyUI": "|ComfyUI", "animals/cats": "animals|cats", `a\b\c`: "a/b|c", "a//b/./c": "a/b|c", "animals/": "|animals", "": "|", ".": "|", "./": "|",
		"%year%-%month%-%day%_%hour%%minute%%second%": "|2026-03-04_050607", "%width%x%height%": "|64x32", "50%": "|50%", "%other%": "|%other%",
		"%date:yyyy-MM-dd%/x": "2026-03-04|x", "%date:yy.M.d h-mm-s%": "|26.3.4 5-06-7", "%date:yyyyMMdd_hhmmss%": "|20260304_050607", "%date:yyy%": "|yyy",
		"%KSampler.seed%": "|7", "%Load Checkpoint.ckpt_name%": "|SD_v1-5_ _x_.safetensors", "%Gone.seed%": "|%Gone.seed%", "a/../b": "|b",
		"%date:yyyy%/%KSampler.seed%_%width%": "2026|7_64",
	} {
		folder, name, err := Place(prefix, f)
		if got := folder + "|" + name; err != nil || got != want {
			t.Errorf("%q: %q (%v), want %q", prefix, got, err, want)
		}
		if err := Check(prefix); err != nil {
			t.Errorf("%q is refused beforehand: %v", prefix, err)
		}
	}
	for prefix, want := range map[string]string{
		"../x": "within the output folder", "/etc/x": "within the output folder", `\x`: "within the output folder", "a/../../b": "within", "..": "within",
		"a:b": "every file system", "x\n": "every file system", strings.Repeat("a", 300): "at most", strings.Repeat("a/", 600) + "b": "at most",
	} {
		if _, _, err := Place(prefix, f); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %q", prefix, err, want)
		}
		if Check(prefix) == nil {
			t.Errorf("%.20q is taken beforehand", prefix)
		}
	}
	widgets["KSampler.seed"] = "../../x"
	if folder, name, err := Place("%KSampler.seed%", f); err != nil || folder != "" || name != ".._.._x" {
		t.Errorf("a value leads to %q %q (%v)", folder, name, err)
	}
}

// FuzzPlace holds that whatever is taken lies within the output folder.
func FuzzPlace(f *testing.F) {
	for _, prefix := range []string{"", "a/b", "%date:yyyy%/%A.b%", `..\x`, "%../..x.y%", "a/../../b", "%width%"} {
		f.Add(prefix, "../v")
	}
	f.Fuzz(func(t *testing.T, prefix, value string) {
		folder, name, err := Place(prefix, Filling{Now: time.Unix(0, 0), Widget: func(node, _ string) (string, bool) { return value, len(node)%2 == 0 }})
		if err != nil {
			return
		}
		at := path.Join(folder, name)
		if at != "" && !filepath.IsLocal(at) || strings.ContainsAny(name, `/\`) {
			t.Errorf("%q leads to %q, %q", prefix, folder, name)
		}
	})
}
