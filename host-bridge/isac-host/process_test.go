package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/isac-guidance/isac/host-bridge/graph"
	"github.com/isac-guidance/isac/plugin"
)

func TestModelDirectories(t *testing.T) {
	root := t.TempDir()
	mini := filepath.Join(root, "examples", "mini")
	deep := filepath.Join(root, "a", "b")
	for _, dir := range []string{mini, deep} {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	list := string(os.PathListSeparator)
	tests := []struct {
		name  string
		given []string
		from  string
		want  []string
	}{
		{"the checkout's, from its root", nil, root, []string{mini}},
		{"the checkout's, from below", nil, deep, []string{mini}},
		{"given ones instead", []string{"/m"}, root, []string{"/m"}},
		{"a list, as ISAC_MODELS has it", []string{"/m" + list + "/n"}, root, []string{"/m", "/n"}},
		{"relative ones", []string{"x", "y"}, deep, []string{filepath.Join(deep, "x"), filepath.Join(deep, "y")}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Chdir(test.from)
			p := plugins{Models: test.given}
			if got := p.models(); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	t.Run("none", func(t *testing.T) {
		if found, ok := upwards(t.TempDir(), filepath.Join("no", "such", "folder")); ok {
			t.Errorf("found %s", found)
		}
	})
}

// TestWrongModelFolders: what is wrong with the settings is said before a plugin is started, all at once.
func TestWrongModelFolders(t *testing.T) {
	p := plugins{Models: []string{filepath.Join(t.TempDir(), "nowhere")}, Timeout: -1}
	err := p.check()
	var wrong wrongError
	if !errors.As(err, &wrong) || !strings.Contains(err.Error(), "nowhere: there is no such folder") || !strings.Contains(err.Error(), "--plugin-timeout") {
		t.Errorf("%v", err)
	}
	if config := (&plugins{Timeout: time.Hour}).config("x"); config.StartTimeout != time.Hour {
		t.Errorf("a plugin may take %v", config.StartTimeout)
	}
}

func TestCheckDevice(t *testing.T) {
	devices := []plugin.Device{{Name: "cpu"}, {Name: "cuda:0"}}
	for device, want := range map[string]string{
		"cpu": "", "cuda:0": "", "cuda:1": "--device cuda:1: the plugin has no such device; it has cpu, cuda:0",
	} {
		p := process{plugins: plugins{Device: device}}
		got := ""
		if err := p.checkDevice(devices); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", device, got, want)
		}
		if err := p.checkDevice(nil); err != nil {
			t.Errorf("a plugin without libtorch: %v", err)
		}
	}
}

func TestSettings(t *testing.T) {
	inputs := map[string]*graph.InputSchema{
		"text":   {Type: "STRING"},
		"choice": {Type: "COMBO", Choices: []any{"1", "b"}},
		"other":  {Type: "INT"},
	}
	tests := []struct {
		given string
		want  setting
		value any
	}{
		{"3.other=7", setting{"3", "other", "7"}, json.Number("7")},
		{"12:5.other=18446744073709551615", setting{"12:5", "other", "18446744073709551615"}, json.Number("18446744073709551615")},
		{"a.b.other=true", setting{"a.b", "other", "true"}, true},
		{"3.other=[\"4\",0]", setting{"3", "other", `["4",0]`}, []any{"4", json.Number("0")}},
		{"3.other=one two", setting{"3", "other", "one two"}, "one two"},
		{"3.other=1 2", setting{"3", "other", "1 2"}, "1 2"},
		{"3.other=", setting{"3", "other", ""}, ""},
		{"3.text=7", setting{"3", "text", "7"}, "7"},
		{"3.text=a=b.c", setting{"3", "text", "a=b.c"}, "a=b.c"},
		{"3.choice=1", setting{"3", "choice", "1"}, "1"},
		{"3.choice=2", setting{"3", "choice", "2"}, json.Number("2")},
	}
	for _, test := range tests {
		var s setting
		if err := s.UnmarshalText([]byte(test.given)); err != nil || s != test.want {
			t.Errorf("%s is %+v, %v; want %+v", test.given, s, err, test.want)
			continue
		}
		if got := s.read(inputs[s.input]); !reflect.DeepEqual(got, test.value) {
			t.Errorf("%s has the value %#v, want %#v", test.given, got, test.value)
		}
		if s.String() != test.given {
			t.Errorf("%s is written as %s", test.given, s)
		}
	}
	for _, bad := range []string{"", "seed", "seed=1", ".seed=1", "3.=1", "3.seed"} {
		if err := new(setting).UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
