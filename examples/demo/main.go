// Command demo makes one picture of what `isac-host run examples/workflows/two-cats-and-a-dog.json` wrote: the plain images,
// the guided ones of the same seeds below them, and the instance masks that guidance saw.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	dir := flag.String("dir", "out/demo", "the folder that isac-host wrote to")
	out := flag.String("out", "", "the picture to write (default: sheet.png in that folder)")
	zoom := flag.Int("zoom", 4, "how many times each image is enlarged")
	flag.Parse()
	if *out == "" {
		*out = filepath.Join(*dir, "sheet.png")
	}
	if err := run(*dir, *out, *zoom); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
	fmt.Println(*out)
}

// rows are the filename prefixes of the workflow's three SaveImage nodes, and what the sheet calls them.
var rows = []struct{ prefix, label, remark string }{
	{"plain", "plain", "no guidance"},
	{"isac", "ISAC", "same seed"},
	{"masks", "masks", "what ISAC saw"},
}

func run(dir, out string, zoom int) error {
	if zoom < 1 || zoom > 32 {
		return fmt.Errorf("-zoom %d: expected 1 to 32", zoom)
	}
	var s sheet
	for _, r := range rows {
		pictures, err := newest(dir, r.prefix)
		if err != nil {
			return err
		}
		if len(s.rows) == 0 {
			s.title(pictures[0])
		}
		s.rows = append(s.rows, row{label: r.label, remark: r.remark, pictures: pictures})
	}
	return s.write(out, zoom)
}
