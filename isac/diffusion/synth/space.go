package synth

import "fmt"

// spare is left on a disk, for headers, config files and whatever else is being written.
const spare = 64 << 20

func fits(dir string, bytes, free int64) error {
	if free >= bytes+spare {
		return nil
	}
	return fmt.Errorf("the checkpoint takes %s and the disk of %s has %s free: make space, write elsewhere, or write a small one: %w", gib(bytes), dir, gib(free), ErrSpace)
}

func gib(bytes int64) string { return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30)) }
