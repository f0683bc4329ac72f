package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
)

// benchCase is a model at a size.
type benchCase struct {
	name, title string
	// family is what isac-plugin synth writes, "" for the mini model.
	family string
	pixels int // 0 is the model's own
	// needs is the memory on the CPU in GiB of whichever side takes most, in float32 with whole maps.
	needs int
}

var cases = []benchCase{
	{"mini", "the mini model, 64×64 pixels", "", 0, 2},
	{"sd1-256", "Stable Diffusion 1.5's size, 256×256 pixels", "sd1", 256, 8},
	{"sd1-512", "Stable Diffusion 1.5's size, 512×512 pixels", "sd1", 512, 16},
	{"sdxl-256", "SDXL's size, 256×256 pixels", "sdxl", 256, 18},
	{"sdxl-512", "SDXL's size, 512×512 pixels", "sdxl", 512, 22},
	{"sdxl-1024", "SDXL's size, 1024×1024 pixels", "sdxl", 1024, 64},
	{"sd3-256", "Stable Diffusion 3.5 medium's size, 256×256 pixels", "sd3", 256, 20},
	{"sd3-512", "Stable Diffusion 3.5 medium's size, 512×512 pixels", "sd3", 512, 24},
	{"sd3-1024", "Stable Diffusion 3.5 medium's size, 1024×1024 pixels", "sd3", 1024, 140},
}

func caseNames() []string {
	var names []string
	for _, c := range cases {
		names = append(names, c.name)
	}
	return names
}

// casesNamed finds cases by their names, with commas between.
func casesNamed(names string) ([]benchCase, error) {
	var found []benchCase
	var errs []error
next:
	for _, name := range strings.Split(names, ",") {
		for _, c := range cases {
			if c.name == strings.TrimSpace(name) {
				found = append(found, c)
				continue next
			}
		}
		errs = append(errs, fmt.Errorf("no case is called %q: use %s", name, strings.Join(caseNames(), ", ")))
	}
	return found, errors.Join(errs...)
}

// tooLarge says why a case does not fit into the machine's free memory, "" where it does or nobody knows. A GPU says so itself.
func (c benchCase) tooLarge(device string) string {
	f, err := os.Open("/proc/meminfo")
	if err != nil || device != "cpu" {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var kilobytes int
		if n, _ := fmt.Sscanf(lines.Text(), "MemAvailable: %d kB", &kilobytes); n == 1 && kilobytes>>20 < c.needs {
			return fmt.Sprintf("%d GiB of memory are free, it needs about %d", kilobytes>>20, c.needs)
		}
	}
	return ""
}
