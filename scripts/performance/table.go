package main

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// table writes what one measurement gave as Markdown, and on what machine.
func table(m measurement, p parsed, machine string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n%s\n\n    go %s\n\n%s:\n\n", m.title, m.about, command(m.args()), machine)
	if m.bench == "" {
		b.WriteString("| test | it says |\n|---|---|\n")
		for _, n := range p.notes {
			fmt.Fprintf(&b, "| %s | %s |\n", strings.ReplaceAll(n.test, "_", " "), n.text)
		}
		return b.String()
	}
	heads, rule := []string{""}, []string{"---"}
	for _, unit := range p.units {
		head := unit
		if unit == "ns/op" {
			head = "time"
		}
		heads, rule = append(heads, head), append(rule, "---:")
	}
	var base float64
	if m.base != "" {
		heads, rule = append(heads, "to "+m.base), append(rule, "---:")
		for _, r := range p.results {
			if r.name == m.base {
				base, _ = r.median("ns/op")
			}
		}
	}
	row := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	row(heads)
	row(rule)
	for _, r := range p.results {
		cells := []string{strings.ReplaceAll(cmp.Or(r.name, m.bench), "_", " ")}
		for _, unit := range p.units {
			cells = append(cells, r.cell(unit))
		}
		if m.base != "" {
			took, _ := r.median("ns/op")
			cells = append(cells, digits(took/base))
		}
		row(cells)
	}
	return b.String()
}

// cell is the median of a unit, "" where there is none.
func (r result) cell(unit string) string {
	v, ok := r.median(unit)
	switch {
	case !ok:
		return ""
	case unit == "ns/op":
		d := time.Duration(v)
		return d.Round(time.Duration(math.Pow10(max(0, len(strconv.Itoa(int(d)))-3)))).String()
	}
	return digits(v)
}

// digits writes three of them, and of larger numbers those before the point.
func digits(v float64) string {
	if math.Abs(v) >= 1000 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// command is how a shell takes the arguments.
func command(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		quoted[i] = a
		if strings.ContainsAny(a, "|^$") {
			quoted[i] = "'" + a + "'"
		}
	}
	return strings.Join(quoted, " ")
}
