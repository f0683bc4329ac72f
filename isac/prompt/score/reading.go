package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/isac-guidance/isac/isac/prompt"
)

// open is the count of a class of which the prompt gives no number.
const open = -1

// reading is the number of objects of each class.
type reading map[string]int

// Result is how well a file was read.
type Result struct {
	Prompts     int
	Differences []string // one line each: where, the prompt, what was read, what was expected, what the reader noted
}

// Rate is the share of prompts that were read differently, in percent.
func (r Result) Rate() float64 {
	if r.Prompts == 0 {
		return 0
	}
	return 100 * float64(len(r.Differences)) / float64(r.Prompts)
}

func scoreFile(name string, show bool) (Result, error) {
	f, err := os.Open(name)
	if err != nil {
		return Result{}, err
	}
	defer f.Close()
	if show {
		return Result{}, printLines(os.Stdout, f)
	}
	return scoreLines(name, f)
}

// scoreLines reads each prompt and compares. Lines that are no readings are reported together.
func scoreLines(name string, r io.Reader) (Result, error) {
	var result Result
	var errs []error
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimRight(strings.TrimPrefix(lines.Text(), "\ufeff"), "\r")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		text, objects, _ := strings.Cut(line, "\t")
		want, err := parseReading(objects)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %w", name, n, err))
			continue
		}
		result.Prompts++
		parsed := prompt.Parse(text)
		if got := readingOf(parsed); !same(got, want) {
			result.Differences = append(result.Differences, fmt.Sprintf("%s:%d: %q is read as %q, expected %q %q", name, n, text, got, want, parsed.Notes))
		}
	}
	return result, errors.Join(append(errs, lines.Err())...)
}

// printLines writes each prompt, a tab, its reading, a tab, and what the reader notes.
func printLines(w io.Writer, r io.Reader) error {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		text, _, _ := strings.Cut(lines.Text(), "\t")
		parsed := prompt.Parse(text)
		if _, err := fmt.Fprintf(w, "%s\t%s\t%s\n", text, readingOf(parsed), strings.Join(parsed.Notes, "; ")); err != nil {
			return err
		}
	}
	return lines.Err()
}

// parseReading reads "cat=2, dog=?".
func parseReading(s string) (reading, error) {
	r := reading{}
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item == "" || item == "-" {
			continue
		}
		class, count, ok := strings.Cut(item, "=")
		n, err := strconv.Atoi(count)
		if count == "?" {
			n, err = open, nil
		}
		if !ok || class == "" || err != nil || n == 0 {
			return nil, fmt.Errorf("%q is no reading: expected a class and a count, such as cat=2, or cat=? where the prompt gives no number", item)
		}
		r.add(class, n)
	}
	return r, nil
}

func readingOf(p prompt.Parsed) reading {
	r := reading{}
	for _, ph := range p.Phrases {
		n := ph.Count
		if ph.Vague {
			n = open
		}
		r.add(ph.Class, n)
	}
	return r
}

func (r reading) add(class string, n int) {
	if have, known := r[class]; known && (n == open || have == open) {
		n = open
	} else {
		n += have
	}
	r[class] = n
}

// String writes a reading in the form that parseReading takes.
func (r reading) String() string {
	parts := make([]string, 0, len(r))
	for class, n := range r {
		count := strconv.Itoa(n)
		if n == open {
			count = "?"
		}
		parts = append(parts, class+"="+count)
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// same compares two readings. A compound and its head are one class: people write "trap" or "bear trap" of the same thing.
func same(a, b reading) bool {
	if len(a) != len(b) {
		return false
	}
	for class, n := range a {
		found := false
		for other, m := range b {
			found = found || n == m && (class == other || strings.HasSuffix(class, " "+other) || strings.HasSuffix(other, " "+class))
		}
		if !found {
			return false
		}
	}
	return true
}
