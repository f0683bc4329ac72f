package graph

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// pattern is a file name with at most one counter: "cats_%05d_.png", a literal percent sign being doubled.
type pattern struct {
	before, after string
	counts        bool
	// width is the least number of digits.
	width int
}

func parsePattern(text string) (pattern, error) {
	var p pattern
	var b strings.Builder
	for rest := text; rest != ""; {
		literal, verb, found := strings.Cut(rest, "%")
		b.WriteString(literal)
		if !found {
			break
		}
		if after, ok := strings.CutPrefix(verb, "%"); ok {
			b.WriteByte('%')
			rest = after
			continue
		}
		digits := verb[:len(verb)-len(strings.TrimLeft(verb, "0123456789"))]
		after, ok := strings.CutPrefix(verb[len(digits):], "d")
		width, err := strconv.Atoi("0" + digits)
		if !ok || err != nil || width > 12 || digits != "" && digits[0] != '0' {
			return p, fmt.Errorf("file name %q: expected a counter such as %%05d after the percent sign, or a doubled one", text)
		}
		if p.counts {
			return p, fmt.Errorf("file name %q has two counters", text)
		}
		p.counts, p.width, p.before = true, width, b.String()
		b.Reset()
		rest = after
	}
	if p.counts {
		p.after = b.String()
	} else {
		p.before = b.String()
	}
	return p, nil
}

// String is the name with the number 1.
func (p pattern) String() string { return p.numbered(1) }

func (p pattern) numbered(n int) string {
	if !p.counts {
		return p.before
	}
	return fmt.Sprintf("%s%0*d%s", p.before, p.width, n, p.after)
}

// next is one more than the largest number in the folder. As in ComfyUI files that differ only in their extension count
// together.
func (p pattern) next(root *os.Root, dir string) (int, error) {
	folder, err := root.Open(dir)
	if err != nil {
		return 0, err
	}
	defer folder.Close()
	names, err := folder.Readdirnames(-1)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	largest := 0
	for _, name := range names {
		if n, ok := p.number(name); ok {
			largest = max(largest, n)
		}
	}
	return largest + 1, nil
}
