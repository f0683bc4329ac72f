package main

import (
	"bufio"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// result is one benchmark's numbers by unit, those of all its runs.
type result struct {
	name   string
	values map[string][]float64
}

// parsed is what go test printed.
type parsed struct {
	// cpu is the processor as go test names it; "" where it printed none.
	cpu     string
	results []result
	// units in the order in which they came.
	units []string
	// notes are what tests logged, each behind its test's name.
	notes []note
}

type note struct{ test, text string }

var (
	// go test puts the number of CPUs behind a name.
	cpus = regexp.MustCompile(`-\d+$`)
	// a line of testing.T.Log.
	logged = regexp.MustCompile(`^\s+\w+_test\.go:\d+: (.*)$`)
	named  = regexp.MustCompile(`^=== (?:RUN|CONT|NAME)\s+(\S+)$`)
)

// parse reads the output of one go test.
func parse(output string) parsed {
	var p parsed
	test := ""
	for lines := bufio.NewScanner(strings.NewReader(output)); lines.Scan(); {
		line := lines.Text()
		if cpu, ok := strings.CutPrefix(line, "cpu: "); ok {
			p.cpu = cpu
		} else if found := named.FindStringSubmatch(line); found != nil {
			test = found[1]
		} else if found := logged.FindStringSubmatch(line); found != nil {
			p.notes = append(p.notes, note{test, found[1]})
		} else if strings.HasPrefix(line, "Benchmark") {
			p.line(strings.Fields(line))
		}
	}
	return p
}

// line takes one line of a benchmark: its name, how often it ran, and pairs of a number and its unit.
func (p *parsed) line(fields []string) {
	if len(fields) < 4 {
		return // a benchmark that has only begun
	}
	// The benchmark's own name is in the command; what is left is the part of it.
	_, name, _ := strings.Cut(cpus.ReplaceAllString(fields[0], ""), "/")
	at := slices.IndexFunc(p.results, func(r result) bool { return r.name == name })
	if at < 0 {
		at = len(p.results)
		p.results = append(p.results, result{name, map[string][]float64{}})
	}
	for i := 2; i+1 < len(fields); i += 2 {
		v, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			continue
		}
		unit := fields[i+1]
		if !slices.Contains(p.units, unit) {
			p.units = append(p.units, unit)
		}
		p.results[at].values[unit] = append(p.results[at].values[unit], v)
	}
}

// median of the runs of one unit; false where there is none.
func (r result) median(unit string) (float64, bool) {
	values := slices.Clone(r.values[unit])
	if len(values) == 0 {
		return 0, false
	}
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 0 {
		return (values[middle-1] + values[middle]) / 2, true
	}
	return values[middle], true
}
