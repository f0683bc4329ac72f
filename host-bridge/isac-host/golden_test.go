package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// What differs from run to run.
var volatile = []struct {
	pattern *regexp.Regexp
	becomes string
}{
	{regexp.MustCompile(`\d+\.\d s\b`), "N s"},
	{regexp.MustCompile(`"seconds": [0-9.e-]+`), `"seconds": N`},
	{regexp.MustCompile(`"started": "[^"]+"`), `"started": "WHEN"`},
}

// invoke runs one command line in an empty directory that holds the test's workflows, with this executable as the plugin.
func invoke(t *testing.T, ctx context.Context, dir, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("ISAC_PLUGIN", self)
	var out, errors bytes.Buffer
	status = execute(args, &console{ctx: ctx, stdin: strings.NewReader(stdin), stdout: &out, stderr: &errors})
	clean := func(text string) string {
		text = strings.ReplaceAll(strings.ReplaceAll(text, dir, "DIR"), self, "PLUGIN")
		for _, v := range volatile {
			text = v.pattern.ReplaceAllString(text, v.becomes)
		}
		return text
	}
	return status, clean(out.String()), clean(errors.String())
}

// workspace makes an empty directory and goes there; workflows are copied into it.
func workspace(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	sources, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	if err != nil || len(sources) == 0 {
		t.Fatal("no workflows in testdata", err)
	}
	for _, source := range sources {
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(source)), text, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestCommandLines(t *testing.T) {
	tests := []struct {
		name  string
		args  []string
		stdin string
		// files that lie in out/ afterwards.
		files string
	}{
		{name: "run", args: []string{"run", "division.json", "--out", "out"}, files: "run.json sums/show_001_.txt sums/show_002_.txt sums/show_003_.txt"},
		{name: "run-json", args: []string{"run", "division.json", "--out", "out", "--json", "--set", "a.value=49"}, files: "run.json sums/show_001_.txt sums/show_002_.txt sums/show_003_.txt"},
		{name: "run-stdin", args: []string{"run", "-", "-o", "out"}, stdin: `{"1":{"class_type":"Show","inputs":{"value":"hello"}}}`, files: "run.json sums/show_001_.txt"},
		{name: "run-failure", args: []string{"run", "division.json", "--out", "out", "--set", "b.value=0"}, files: "run.json sums/show_001_.txt"},
		{name: "run-plugin-dies", args: []string{"run", "die.json", "--out", "out"}, files: "run.json"},
		{name: "run-mistakes", args: []string{"run", "mistakes.json", "--out", "out"}},
		{name: "run-bad-settings", args: []string{"run", "division.json", "--out", "out", "--set", "x.value=1", "--set", "b.valeu=1", "--set", "a.value=10000"}},
		{name: "run-malformed-setting", args: []string{"run", "division.json", "--out", "out", "--set", "seed=1"}},
		{name: "run-editor-format", args: []string{"run", "-", "--out", "out"}, stdin: `{"nodes":[],"links":[]}`},
		{name: "run-broken", args: []string{"run", "-", "--out", "out"}, stdin: "{\"1\": {\"class_type\": \"Show\",\n  \"inputs\": }}"},
		{name: "run-no-file", args: []string{"run", "nowhere.json", "--out", "out"}},
		{name: "run-no-plugin", args: []string{"run", "division.json", "--out", "out", "--plugin", "./nowhere"}},
		{name: "run-out-is-a-file", args: []string{"run", "division.json", "--out", "division.json"}},
		{name: "nodes", args: []string{"nodes"}},
		{name: "nodes-json", args: []string{"nodes", "--json", "Number"}},
		{name: "nodes-unknown", args: []string{"nodes", "Nobody"}},
		{name: "help", args: []string{"--help"}},
		{name: "help-run", args: []string{"run", "--help"}},
		{name: "version", args: []string{"--version"}},
		{name: "no-command", args: nil},
		{name: "unknown-flag", args: []string{"run", "division.json", "--ouch", "out"}},
	}
	golden, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := workspace(t)
			t.Chdir(dir)
			status, stdout, stderr := invoke(t, t.Context(), dir, test.stdin, test.args...)
			got := fmt.Sprintf("$ isac-host %s\n%s--- stderr\n%s--- status %d\n", strings.Join(test.args, " "), stdout, stderr, status)
			path := filepath.Join(golden, test.name+".golden")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if files := strings.Join(below(t, "out"), " "); files != test.files {
				t.Errorf("files are %q, want %q", files, test.files)
			}
		})
	}
}

// below lists the files below a directory, which may be missing.
func below(t *testing.T, dir string) []string {
	t.Helper()
	var files []string
	if _, err := os.Stat(dir); err != nil {
		return nil
	}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(dir, path)
			files = append(files, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
