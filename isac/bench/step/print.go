package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// print writes the profile for people.
func (out *profile) print(to io.Writer) {
	fmt.Fprintf(to, "%s, libtorch %s, %s, preset %s, %d×%d pixels\n", out.Device, out.Torch, out.DType, out.Preset, out.Pixels, out.Pixels)
	fmt.Fprintf(to, "guidance %.2f ms, unguided evaluation %.2f ms, a guided step to an unguided one %.2f; peak %d MiB, loaded %d MiB\n\n",
		out.Guided, out.Unguided, out.Ratio, out.Peak>>20, out.Loaded>>20)
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "section\tms, waited for\tms, host\tms, device\toperators\tkernels\tlaunches\twaits\treads\twrites\t")
	var sum sectionRow
	line := func(r sectionRow) {
		fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.2f\t%d\t%d\t%d\t%d\t%d\t%d\t\n", r.Name, r.Waited, r.Asked, r.DeviceTime, r.Operators, r.Kernels, r.Launches, r.Waits, r.Reads, r.Writes)
	}
	for _, r := range out.Sections {
		if r.Name == sectionUnguided {
			continue
		}
		sum.Waited, sum.Asked, sum.DeviceTime = sum.Waited+r.Waited, sum.Asked+r.Asked, sum.DeviceTime+r.DeviceTime
		sum.Operators, sum.Kernels, sum.Launches = sum.Operators+r.Operators, sum.Kernels+r.Kernels, sum.Launches+r.Launches
		sum.Waits, sum.Reads, sum.Writes = sum.Waits+r.Waits, sum.Reads+r.Reads, sum.Writes+r.Writes
		if r.Name == sectionGuided {
			r.Name = "moving, checks"
		}
		line(r)
	}
	sum.Name = "all of guidance"
	line(sum)
	for _, r := range out.Sections {
		if r.Name == sectionUnguided {
			line(r)
		}
	}
	w.Flush()
	lists := []struct {
		title string
		rows  []nameRow
	}{{"kernels, by the device's time", out.Kernels}, {"operators, by the host's own time", out.Operators}, {"waits", out.Waits}}
	for _, l := range lists {
		if len(l.rows) == 0 {
			continue
		}
		fmt.Fprintf(to, "\n%s:\n", l.title)
		for _, r := range l.rows {
			name := r.Name
			if len(name) > 110 {
				name = name[:110] + "…"
			}
			fmt.Fprintf(to, "%10.3f ms %6d  %-20s %s\n", r.Time, r.Count, r.Section, name)
		}
	}
}
