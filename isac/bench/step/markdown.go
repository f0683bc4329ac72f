package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// compareProfiles prints profiles that were written as JSON beside one another, as a table for docs/performance.md. Each is NAME=FILE.
func compareProfiles(to io.Writer, named []string) error {
	type column struct {
		name string
		profile
	}
	var all []column
	for _, a := range named {
		name, file, ok := strings.Cut(a, "=")
		if !ok {
			return fmt.Errorf("%q is no profile: expected NAME=FILE.json", a)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		c := column{name: name}
		if err := json.Unmarshal(text, &c.profile); err != nil {
			return fmt.Errorf("%s is no profile: %w", file, err)
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return fmt.Errorf("no profiles: give NAME=FILE.json for each")
	}
	fmt.Fprint(to, "| ")
	for _, c := range all {
		fmt.Fprintf(to, "| %s: ms | kernels | waits | ms of the device ", c.name)
	}
	fmt.Fprintf(to, "|\n| --- %s|\n", strings.Repeat("| ---: ", 4*len(all)))
	line := func(title string, row func(p profile) sectionRow) {
		fmt.Fprintf(to, "| %s ", title)
		for _, c := range all {
			r := row(c.profile)
			fmt.Fprintf(to, "| %.3g | %d | %d | %.3g ", r.Waited, r.Kernels, r.Waits, r.DeviceTime)
		}
		fmt.Fprintln(to, "|")
	}
	for _, r := range all[0].Sections {
		if r.Name == sectionUnguided {
			continue
		}
		title := r.Name
		if title == sectionGuided {
			title = "moving, checks"
		}
		line(title, func(p profile) sectionRow { return p.section(r.Name) })
	}
	line("all of guidance", profile.guidance)
	line("unguided evaluation", func(p profile) sectionRow { return p.section(sectionUnguided) })
	for _, c := range all {
		fmt.Fprintf(to, "\n%s: %s, libtorch %s, %s, preset %s, %d×%d pixels; timed whole, guidance %.3g ms, unguided evaluation %.3g ms, a guided step to an unguided one %.2f; %d graphs, at most %d MiB, %d MiB of them weights.\n",
			c.name, c.Device, c.Torch, c.DType, c.Preset, c.Pixels, c.Pixels, c.Guided, c.Unguided, c.Ratio, c.Graphs, c.Peak>>20, c.Loaded>>20)
	}
	return nil
}

// section is the row of a name, zeros where there is none.
func (out profile) section(name string) sectionRow {
	for _, r := range out.Sections {
		if r.Name == name {
			return r
		}
	}
	return sectionRow{Name: name}
}

// guidance is the sum of all sections but the unguided evaluation.
func (out profile) guidance() (sum sectionRow) {
	for _, r := range out.Sections {
		if r.Name == sectionUnguided {
			continue
		}
		sum.Waited, sum.Asked, sum.DeviceTime = sum.Waited+r.Waited, sum.Asked+r.Asked, sum.DeviceTime+r.DeviceTime
		sum.Operators, sum.Kernels, sum.Launches = sum.Operators+r.Operators, sum.Kernels+r.Kernels, sum.Launches+r.Launches
		sum.Waits, sum.Reads, sum.Writes = sum.Waits+r.Waits, sum.Reads+r.Reads, sum.Writes+r.Writes
	}
	sum.Name = "all of guidance"
	return sum
}
