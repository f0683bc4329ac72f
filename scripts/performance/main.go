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

	"github.com/isac-guidance/isac/scripts/document"
)

// The marks in the document.
const (
	begin = "<!-- written by make performance -->\n"
	end   = "<!-- end -->\n"
)

func main() {
	path := flag.String("document", "docs/performance.md", "the document to write into")
	only := flag.String("only", "", "run what has this in its command, and leave the rest as it is")
	plugin := flag.String("plugin", "build/bin/isac-plugin", "the program that says which libtorch is there")
	flag.Parse()
	if err := run(*path, *only, *plugin); err != nil {
		fmt.Fprintln(os.Stderr, "performance:", err)
		os.Exit(1)
	}
}

// run measures and writes; the document is as it was where anything fails.
func run(path, only, plugin string) error {
	d, err := document.Read(path, begin, end)
	if err != nil {
		return err
	}
	var errs []error
	ran := 0
	for _, m := range measurements {
		if !strings.Contains(strings.Join(m.args(), " "), only) {
			continue
		}
		ran++
		busy := document.Load()
		p, err := measure(m)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		d.Set(table(m, p, machine(p.cpu, plugin)+busy))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if ran == 0 {
		return fmt.Errorf("--only %s: no command has it", only)
	}
	titles := make([]string, len(measurements))
	for i, m := range measurements {
		titles[i] = m.title
	}
	d.Arrange(titles)
	return d.Write()
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
