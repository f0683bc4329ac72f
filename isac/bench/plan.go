package bench

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/bench/detect"
	"github.com/isac-guidance/isac/isac/bench/score"
	"github.com/isac-guidance/isac/isac/bench/task"
	"github.com/isac-guidance/isac/isac/diffusion"
	"github.com/isac-guidance/isac/isac/diffusion/text/clip"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/methods"
	"github.com/isac-guidance/isac/isac/prompt"
)

// Plan is a request whose files were looked at: the pictures that it comes to, in the order in which they are made.
type Plan struct {
	Request
	Settings Settings
	// Pairs are the prompts and seeds. Each is made with every method, one after the other, from the same noise.
	Pairs []task.Pair
	// Classes are what closed detectors look for in every picture, sorted.
	Classes []string
	// Notes are what the user should know before hours are spent, a sentence each.
	Notes []string
}

// Unit is one picture to be made.
type Unit struct {
	task.Pair
	Method Method
}

// Record is what is known of the picture before it is made.
func (u Unit) Record(split string) score.Record {
	return score.Record{
		Task: u.Task, Split: split, Level: u.Level, Prompt: u.Prompt, Wanted: u.Wanted, Seed: u.Seed,
		Method: u.Method.String(), Options: u.Method.Options(),
	}
}

// NewPlan checks a request, opens its detectors for the classes that they know, and lists the pictures. The model itself is not
// loaded. All mistakes of the request are reported together.
func NewPlan(r Request) (*Plan, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	settings, err := r.settings()
	if err != nil {
		return nil, err
	}
	detectors, err := OpenDetectors(r.Detectors)
	if err != nil {
		return nil, err
	}
	p := &Plan{Request: r, Settings: settings}
	items, err := p.items(detectors)
	if err = errors.Join(err, closeDetectors(detectors)); err != nil {
		return nil, err
	}
	if items, err = p.aimable(items); err != nil {
		return nil, err
	}
	if r := p.Settings.Reader; r != nil && len(r.Unread) > 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("%s: %s: they have no pictures, and the report lists them", p.NumeracyFile, r))
	}
	p.Pairs = task.Pairs(items, r.Split, r.Prompts, r.Seeds)
	if len(p.Pairs) == 0 {
		return nil, fmt.Errorf("no pictures: the tasks %s have no prompts in the split %s with the %d classes that all detectors know",
			strings.Join(r.Tasks, ", "), r.Split, len(p.Classes))
	}
	p.noteTwins()
	p.noteFew(items)
	return p, nil
}

// items are the prompts of all tasks, of one split.
func (p *Plan) items(detectors []detect.Detector) ([]task.Item, error) {
	groups := task.PaperGroups()
	if known := commonClasses(detectors); known != nil {
		if groups = task.Restrict(groups, known); len(groups) == 0 {
			return nil, fmt.Errorf("the detectors have no class of the benchmark in common: their common classes are %q", known)
		}
	}
	for _, g := range groups {
		p.Classes = append(p.Classes, g.Classes...)
	}
	options := task.Options{Groups: groups, Sample: p.Sample, Levels: []int{2, 3, 4, 5}, Seed: p.TaskSeed}
	var items []task.Item
	var errs []error
	for _, name := range p.Tasks {
		var made []task.Item
		var err error
		if name == numeracy {
			made, err = p.numeracyItems(commonClasses(detectors))
		} else {
			made, err = task.Make(name, options)
		}
		errs = append(errs, err)
		items = append(items, made...)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, item := range items {
		for _, w := range item.Wanted {
			p.Classes = append(p.Classes, w.Class)
		}
	}
	slices.Sort(p.Classes)
	p.Classes = slices.Compact(p.Classes)
	return task.Split(items, p.Split)
}

func (p *Plan) numeracyItems(known []string) ([]task.Item, error) {
	f, err := os.Open(p.NumeracyFile)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	items, reader, notes, err := task.ReadNumeracy(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.NumeracyFile, err)
	}
	for _, n := range notes {
		p.Notes = append(p.Notes, p.NumeracyFile+": "+n)
	}
	p.Settings.Reader = &reader
	kept := task.RestrictItems(items, known)
	if left := len(items) - len(kept); left > 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("%s: %d of %d prompts are left out, because not all detectors know their classes", p.NumeracyFile, left, len(items)))
	}
	return kept, nil
}

// aimable leaves out, with a note, prompts that guidance could not read as they are meant: what guidance aims at has to be what
// is counted in the end, and all methods have to be given the same prompts.
func (p *Plan) aimable(items []task.Item) ([]task.Item, error) {
	tokenizer, length, err := diffusion.TokenizerOf(p.Model)
	if err != nil {
		return nil, err
	}
	var kept []task.Item
	for _, item := range items {
		spans := tokenizer.Prompt(item.Prompt, clip.Chunking{Length: length}).Spans()
		if _, err := aim(item, spans); err != nil {
			if p.Settings.Reader != nil && item.Task == numeracy && errors.Is(err, errMisread) {
				p.Settings.Reader.Misread(item.Prompt, err.Error())
			}
			p.Notes = append(p.Notes, fmt.Sprintf("left out %q of %s: %v", item.Prompt, item.Task, err))
			continue
		}
		kept = append(kept, item)
	}
	return kept, nil
}

// errMisread begins the error of a prompt that guidance reads as something else than is wanted.
var errMisread = errors.New("guidance reads")

// aim reads a prompt as the nodes do, and checks that what it reads is what is wanted.
func aim(item task.Item, spans [][2]int) (guidance.Target, error) {
	target, err := methods.TargetFromPrompt(prompt.Parse(item.Prompt), spans)
	if err != nil {
		return target, err
	}
	var read []score.Wanted
	for _, c := range target.Classes {
		read = append(read, score.Wanted{Class: c.Name, Count: c.Count})
	}
	if !slices.Equal(sortedWanted(read), sortedWanted(item.Wanted)) {
		return target, fmt.Errorf("%w %v where %v is wanted", errMisread, read, item.Wanted)
	}
	return target, nil
}

func sortedWanted(w []score.Wanted) []score.Wanted {
	return slices.SortedFunc(slices.Values(w), func(a, b score.Wanted) int { return cmp.Compare(a.Class, b.Class) })
}

// noteTwins tells of methods that do the same under two names.
func (p *Plan) noteTwins() {
	for i, m := range p.Methods {
		for _, o := range p.Methods[:i] {
			if m.sameOptions(o) {
				p.Notes = append(p.Notes, fmt.Sprintf("%s and %s stand for the same options: both are run", o, m))
			}
		}
	}
}

// noteFew tells of tasks that have fewer prompts than were asked for.
func (p *Plan) noteFew(items []task.Item) {
	count := map[string]int{}
	for _, item := range items {
		count[item.Task]++
	}
	for _, name := range p.Tasks {
		if n := count[name]; n < p.Prompts {
			p.Notes = append(p.Notes, fmt.Sprintf("%s has %d prompts in the split %s, %d were asked for: more seeds give more pairs, and for some tasks a larger sample more prompts",
				name, n, p.Split, p.Prompts))
		}
	}
}

// Units are the pictures of one of several shards (0 ≤ shard < shards) that are not done yet, in order. Pairs are dealt out in
// turn, so that every shard sees all kinds and all methods of a pair are made by one process.
func (p *Plan) Units(shard, shards int, done func(key string) bool) []Unit {
	var units []Unit
	for i, pair := range p.Pairs {
		if i%shards != shard {
			continue
		}
		for _, m := range p.Methods {
			u := Unit{Pair: pair, Method: m}
			if !done(u.Record(p.Split).Key()) {
				units = append(units, u)
			}
		}
	}
	return units
}

// Pictures is the number of pictures of the whole plan.
func (p *Plan) Pictures() int { return len(p.Pairs) * len(p.Methods) }

// Counts says in a line for each task and level how many pairs there are.
func (p *Plan) Counts() []string {
	type kind struct {
		task  string
		level int
	}
	var kinds []kind
	count := map[kind]int{}
	for _, pair := range p.Pairs {
		k := kind{pair.Task, pair.Level}
		if count[k]++; count[k] == 1 {
			kinds = append(kinds, k)
		}
	}
	slices.SortFunc(kinds, func(a, b kind) int {
		return cmp.Or(cmp.Compare(slices.Index(p.Tasks, a.task), slices.Index(p.Tasks, b.task)), cmp.Compare(a.level, b.level))
	})
	var lines []string
	for _, k := range kinds {
		lines = append(lines, fmt.Sprintf("%s #%d: %d", k.task, k.level, count[k]))
	}
	return lines
}
