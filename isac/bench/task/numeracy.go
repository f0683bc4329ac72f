package task

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/isac-guidance/isac/isac/bench/score"
	"github.com/isac-guidance/isac/isac/prompt"
)

const (
	// maxLine is the longest line of a prompt file, in bytes.
	maxLine = 1 << 20
	// maxPrompt is the longest prompt, in bytes. No text encoder reads more.
	maxPrompt = 4000
	// maxObjects is how many objects a prompt may ask for. No detector counts so many.
	maxObjects = 50
)

// Numeracy reads prompts from a file with one prompt a line, the form of T2I-CompBench++'s numeracy set
// (examples/dataset/numeracy_val.txt of github.com/Karine-Huang/T2I-CompBench, 300 prompts: "two cars stuck on the road"). Classes and
// counts are those that package prompt reads, but for "the garage", "their cargo": a number or "a" says what is asked for, "the"
// mostly where it is. The level is the number of objects.
//
// Lines that cannot be judged have a note that names the line and the reason: prompts that the reader does not understand, a
// prompt that was there before, more than 50 objects or 4000 bytes, text that is not UTF-8. Blank lines are passed over. It is an
// error if the file cannot be read or no line is left. ReadNumeracy tells them apart.
func Numeracy(r io.Reader) ([]Item, []string, error) {
	items, _, notes, err := ReadNumeracy(r)
	return items, notes, err
}

// ReadNumeracy is Numeracy that also tells how well package prompt read the file: prompts without an object, with objects but no
// number, or with a number that is not read as one of objects are failures of the reader. Lines that are skipped are none.
func ReadNumeracy(r io.Reader) ([]Item, Reader, []string, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	var items []Item
	var notes []string
	var reader Reader
	seen := map[string]int{}
	n := 0
	for lines.Scan() {
		n++
		text := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
		if text == "" {
			continue
		}
		skip := func(format string, args ...any) {
			notes = append(notes, fmt.Sprintf("line %d is skipped: %s", n, fmt.Sprintf(format, args...)))
		}
		if !utf8.ValidString(text) {
			skip("it is not UTF-8")
			continue
		}
		if len(text) > maxPrompt {
			skip("it has %d bytes, more than %d are no prompt", len(text), maxPrompt)
			continue
		}
		if first := seen[text]; first > 0 {
			skip("%q is line %d too", text, first)
			continue
		}
		seen[text] = n
		item, err := numeracyItem(text)
		if errors.Is(err, errTooMany) {
			skip("%q %v", text, err)
			continue
		}
		reader.Prompts++
		if err != nil {
			reader.fail(Unread{Line: n, Prompt: text, Why: err.Error()})
			notes = append(notes, fmt.Sprintf("line %d is not read: %q %v", n, text, err))
			continue
		}
		items = append(items, item)
	}
	if err := lines.Err(); err != nil {
		return nil, reader, notes, fmt.Errorf("numeracy prompts: after line %d: %w", n, err)
	}
	if len(items) == 0 {
		return nil, reader, notes, fmt.Errorf("numeracy prompts: none of %d lines names objects and their numbers, one prompt a line is expected", n)
	}
	return sorted(items), reader, notes, nil
}

var errTooMany = fmt.Errorf("more than %d cannot be counted", maxObjects)

// numeracyItem reads one prompt.
func numeracyItem(text string) (Item, error) {
	item := Item{Task: score.TaskNumeracy, Prompt: text}
	phrases := prompt.Parse(text).Phrases
	if lost := unread(text, phrases); lost != "" {
		return item, fmt.Errorf("has a %q that is not read as a number of objects", lost)
	}
	for _, ph := range phrases {
		if definite(text[:ph.Start]) {
			continue
		}
		if ph.Vague {
			return item, fmt.Errorf("gives no number for %q", ph.Text)
		}
		item.Level += ph.Count
		item.add(ph.Class, ph.Count)
	}
	switch {
	case item.Level == 0:
		return item, errors.New("names no object to count")
	case item.Level > maxObjects:
		return item, fmt.Errorf("asks for %d objects: %w", item.Level, errTooMany)
	}
	return item, nil
}

// add wants more of a class, which a prompt may name twice.
func (i *Item) add(class string, count int) {
	for k := range i.Wanted {
		if i.Wanted[k].Class == class {
			i.Wanted[k].Count += count
			return
		}
	}
	i.Wanted = append(i.Wanted, score.Wanted{Class: class, Count: count})
}
