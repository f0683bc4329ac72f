// Command performance runs the benchmarks of this module and writes what they print into docs/performance.md, between the two
// marks there; what stands outside of them is written by hand.
//
//	make performance                              all of them
//	go run ./scripts/performance --only Crowd     one; the others keep what they had
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// The marks in the document.
const (
	begin = "<!-- written by make performance -->\n"
	end   = "<!-- end -->\n"
)

func main() {
	document := flag.String("document", "docs/performance.md", "the document to write into")
	only := flag.String("only", "", "run what has this in its command, and leave the rest as it is")
	plugin := flag.String("plugin", "build/bin/isac-plugin", "the program that says which libtorch is there")
	flag.Parse()
	if err := run(*document, *only, *plugin); err != nil {
		fmt.Fprintln(os.Stderr, "performance:", err)
		os.Exit(1)
	}
}

// run measures and writes; the document is as it was where anything fails.
func run(document, only, plugin string) error {
	text, err := os.ReadFile(document)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(text), begin)
	old, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return fmt.Errorf("%s does not have the marks %q and %q", document, begin, end)
	}
	sections := map[string]string{}
	for _, s := range strings.Split(old, "### ")[1:] {
		title, _, _ := strings.Cut(s, "\n")
		sections[title] = "### " + strings.TrimRight(s, "\n") + "\n"
	}
	var errs []error
	ran := 0
	for _, m := range measurements {
		if !strings.Contains(strings.Join(m.args(), " "), only) {
			continue
		}
		ran++
		busy := load()
		p, err := measure(m)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		sections[m.title] = table(m, p, machine(p.cpu, plugin)+busy)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if ran == 0 {
		return fmt.Errorf("--only %s: no command has it", only)
	}
	var out strings.Builder
	for _, m := range measurements {
		if s := sections[m.title]; s != "" {
			out.WriteString(s + "\n")
		}
	}
	return os.WriteFile(document, []byte(before+begin+out.String()+end+after), 0o666)
}

// measure runs one command; what it prints is shown as well.
func measure(m measurement) (parsed, error) {
	cmd := exec.Command("go", m.args()...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.MultiWriter(os.Stdout, &out), os.Stderr
	cmd.Env = append(os.Environ(), "ISAC_REQUIRE_TORCH=1")
	fmt.Println("go", command(m.args()))
	if err := cmd.Run(); err != nil {
		return parsed{}, fmt.Errorf("go %s: %w", command(m.args()), err)
	}
	p := parse(out.String())
	if len(p.results) == 0 && len(p.notes) == 0 {
		return p, fmt.Errorf("go %s printed no number: is there such a test or benchmark?", command(m.args()))
	}
	return p, nil
}

// load says how many processes wanted a CPU in the minute before, where the system tells: numbers taken beside other work are worth less.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	first, _, ok := strings.Cut(string(text), " ")
	if err != nil || !ok {
		return ""
	}
	return ", load " + first + " before"
}

// machine says on what was measured, and what.
func machine(cpu, plugin string) string {
	parts := []string{fmt.Sprintf("%d CPUs", runtime.NumCPU())}
	if cpu != "" {
		parts = append([]string{cpu}, parts...)
	}
	var d struct {
		Torch struct {
			Version string `json:"version"`
		} `json:"torch"`
	}
	if out, err := exec.Command(plugin, "describe").Output(); err == nil && json.Unmarshal(out, &d) == nil && d.Torch.Version != "" {
		parts = append(parts, "libtorch "+d.Torch.Version)
	}
	parts = append(parts, runtime.Version())
	if out, err := exec.Command("git", "describe", "--tags", "--always", "--dirty").Output(); err == nil {
		parts = append(parts, "commit "+strings.TrimSpace(string(out)))
	}
	return strings.Join(parts, ", ")
}
