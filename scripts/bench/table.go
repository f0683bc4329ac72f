package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/isac-guidance/isac/scripts/document"
)

// The marks in the document; what is outside of them is written by hand.
const (
	begin = "<!-- written by make bench -->\n"
	end   = "<!-- end of make bench -->\n"
)

// title is a section's head.
func (s section) title() string {
	device := ""
	for _, r := range s.Runs {
		if r.Wrong == "" {
			device = r.Device
		}
	}
	return fmt.Sprintf("### Beside plain PyTorch: %s, %s, %s", s.Title, device, s.DType)
}

// markdown writes a section.
func (s section) markdown() string {
	var b strings.Builder
	threads := "1 thread"
	if s.Threads > 1 {
		threads = fmt.Sprintf("%d threads", s.Threads)
	}
	fmt.Fprintf(&b, "%s\n\n%s, %s, %s%s:\n\n", s.title(), s.Machine, threads, s.When, s.Load)
	row := func(cells ...string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	row("", "unguided step", "guided step", "to unguided", "with checkpoints", "to unguided", "K-means of it", "ready after")
	b.WriteString("| --- |" + strings.Repeat(" ---: |", 7) + "\n")
	for _, side := range s.sides() {
		cells := []string{side, spread(s.times(side, "unguided"), "%.3g s")}
		for _, mode := range []string{"guided", "checkpointed"} {
			time, ratio := spread(s.times(side, mode), "%.3g s"), spread(ratios(s.times(side, mode), s.times(side, "unguided")), "%.2f")
			if why := s.wrong(side, mode); time == "" && why != "" {
				time = "failed: " + short(why)
			}
			cells = append(cells, time, ratio)
		}
		var kmeans, ready []float64
		for _, r := range s.of(side, "guided") {
			kmeans = append(kmeans, 1e3*r.KMeansSeconds)
		}
		for _, r := range s.of(side, "unguided") {
			ready = append(ready, r.ReadySeconds)
		}
		row(append(cells, spread(kmeans, "%.2g ms"), spread(ready, "%.1f s"))...)
	}
	b.WriteString("\n")
	row("memory", "loaded", "unguided", "guided", "with checkpoints", "guided above unguided", "with checkpoints above unguided")
	b.WriteString("| --- |" + strings.Repeat(" ---: |", 6) + "\n")
	for _, side := range s.sides() {
		plain, guided, checkpointed := s.of(side, "unguided"), s.of(side, "guided"), s.of(side, "checkpointed")
		cells := []string{side, spread(loaded(plain), "%.0f MiB")}
		for _, runs := range [][]run{plain, guided, checkpointed} {
			cells = append(cells, spread(above(runs), "%.0f MiB"))
		}
		row(append(cells, spread(more(guided, plain), "%.0f MiB"), spread(more(checkpointed, plain), "%.0f MiB"))...)
	}
	b.WriteString(s.against())
	return b.String()
}

// against divides each of ours by plain PyTorch.
func (s section) against() string {
	var b strings.Builder
	plain := ""
	for _, side := range s.sides() {
		if strings.HasPrefix(side, "plain") {
			plain = side
		}
	}
	for _, side := range s.sides() {
		if plain == "" || side == plain {
			continue
		}
		var parts []string
		for _, mode := range []string{"unguided", "guided", "checkpointed"} {
			if r := ratios(s.times(side, mode), s.times(plain, mode)); len(r) > 0 {
				parts = append(parts, fmt.Sprintf("%s %s", mode, spread(r, "%.2f")))
			}
		}
		if len(parts) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\nTime of %s to that of %s: %s.", side, plain, strings.Join(parts, ", "))
		g, p := median(more(s.of(side, "guided"), s.of(side, "unguided"))), median(more(s.of(plain, "guided"), s.of(plain, "unguided")))
		if g > 0 && p > 0 {
			fmt.Fprintf(&b, " Memory that guidance adds: %.2f.", g/p)
		}
		c := median(more(s.of(side, "checkpointed"), s.of(side, "unguided")))
		if r := ratios(s.times(side, "checkpointed"), s.times(plain, "guided")); len(r) > 0 && c > 0 && p > 0 {
			fmt.Fprintf(&b, " With checkpoints, to plain PyTorch without: time %s, memory that guidance adds %.2f.", spread(r, "%.2f"), c/p)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// times are each process's median step: of one thread on the CPU the time that the processor worked, which other processes do not stretch,
// else the time that passed.
func (s section) times(side, mode string) []float64 {
	var out []float64
	for _, r := range s.of(side, mode) {
		seconds := r.Seconds
		if s.Threads == 1 && r.Device == "cpu" && len(r.ProcessorSeconds) > 0 && r.ProcessorSeconds[0] > 0 {
			seconds = r.ProcessorSeconds
		}
		out = append(out, median(seconds))
	}
	return out
}

// ratios divides round by round: both of a round ran right after each other.
func ratios(a, b []float64) []float64 {
	var out []float64
	for i := range min(len(a), len(b)) {
		out = append(out, a[i]/b[i])
	}
	return out
}

// loaded is what processes hold before the first step, above their peaks beside that, in MiB.
func loaded(runs []run) (mib []float64) {
	for _, r := range runs {
		mib = append(mib, float64(r.LoadedBytes)/(1<<20))
	}
	return mib
}

func above(runs []run) (mib []float64) {
	for _, r := range runs {
		mib = append(mib, r.above()/(1<<20))
	}
	return mib
}

// more is what guided runs take above unguided ones, in MiB.
func more(guided, plain []run) []float64 {
	var out []float64
	for i := range min(len(guided), len(plain)) {
		out = append(out, (guided[i].above()-plain[i].above())/(1<<20))
	}
	return out
}

// short is the beginning of a message, in a cell.
func short(text string) string {
	text = strings.ReplaceAll(text, "|", "/")
	if r := []rune(text); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return text
}

// writeDocument replaces the sections of the same title and keeps the others.
func writeDocument(path string, sections []string) error {
	d, err := document.Read(path, begin, end)
	if err != nil {
		return err
	}
	for _, s := range sections {
		d.Set(s)
	}
	return d.Write()
}

// machine says on what was measured, and what.
func machine() string {
	name := "a processor without a name"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for _, line := range strings.Split(string(text), "\n") {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				name = strings.TrimSpace(value)
				break
			}
		}
	}
	parts := []string{name, fmt.Sprintf("%d CPUs", runtime.NumCPU())}
	if out, err := exec.Command("git", "describe", "--tags", "--always", "--dirty").Output(); err == nil {
		parts = append(parts, "commit "+strings.TrimSpace(string(out)))
	}
	return strings.Join(parts, ", ")
}
