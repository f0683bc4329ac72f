package bench

import (
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/bench/task"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// The prompts of the paper are what they are meant to be for guidance too, and the splits share nothing.
func TestPlan(t *testing.T) {
	torchtest.Require(t)
	r := miniRequest(t, "none", "isac", "isac:"+isac.PresetNames()[0])
	r.Tasks, r.Prompts, r.Seeds = []string{"mixed", "multi-class", "multi-instance", "single"}, 0, 3
	seen := map[string]string{}
	for _, split := range Splits() {
		r.Split = split
		p := planOf(t, r)
		if p.Pictures() != 3*len(p.Pairs) || len(p.Counts()) < 4 {
			t.Errorf("%d pictures of %d pairs, %q", p.Pictures(), len(p.Pairs), p.Counts())
		}
		for _, pair := range p.Pairs {
			if other := seen[pair.Prompt]; other != "" && other != split {
				t.Errorf("%q is in both splits", pair.Prompt)
			}
			seen[pair.Prompt] = split
			for _, w := range pair.Wanted {
				if !slices.Contains(p.Classes, w.Class) {
					t.Errorf("nobody looks for %q", w.Class)
				}
			}
		}
		if len(p.Notes) != 1 { // isac is that preset
			t.Errorf("notes %q", p.Notes)
		}
	}
}

// Prompts of a user's file join the others; those that cannot be judged are left out with a note.
func TestPlanOfNumeracy(t *testing.T) {
	torchtest.Require(t)
	r := miniRequest(t, "none")
	r.Tasks, r.Prompts, r.Split = []string{numeracy}, 0, "report"
	r.NumeracyFile = write(t, t.TempDir()+"/numeracy.txt", "two cats and three dogs\nfive xylophones\nfour apples\nthree horses and a cow\nsome cats\nthe cat and two dogs\n")
	p := planOf(t, r)
	for _, pair := range p.Pairs {
		if pair.Task != numeracy || strings.Contains(pair.Prompt, "xylophone") {
			t.Errorf("%+v", pair)
		}
	}
	if len(p.Pairs) == 0 || len(p.Notes) == 0 || p.Settings.Numeracy == nil {
		t.Errorf("%d pairs, notes %q", len(p.Pairs), p.Notes)
	}
	// "the cat" is no number for the bench, and an object for guidance: a failure of the reader, as is a prompt without numbers.
	if got := p.Settings.Reader; got == nil || got.Prompts != 6 || len(got.Unread) != 2 || got.Unread[0].Line != 5 || got.Unread[1].Prompt != "the cat and two dogs" {
		t.Errorf("the reader: %+v", got)
	}
	if !slices.ContainsFunc(p.Notes, func(n string) bool { return strings.Contains(n, "failed on 2 of 6 (33.3 %)") }) {
		t.Errorf("notes %q", p.Notes)
	}
	r.NumeracyFile = write(t, t.TempDir()+"/numeracy.txt", "five cats\n")
	if _, err := p.Settings.join(settingsOf(t, r)); err == nil || !strings.Contains(err.Error(), "prompts of numeracy") {
		t.Errorf("another file of prompts: %v", err)
	}
}

// Shards divide the work: every picture belongs to one, and all methods of a pair to the same.
func TestUnits(t *testing.T) {
	plan := &Plan{Request: Request{Methods: parsed(t, "none", "isac"), Split: "select"}}
	for seed := range uint64(7) {
		plan.Pairs = append(plan.Pairs, task.Pair{Item: task.Item{Task: "single", Prompt: "A photo of a cat."}, Seed: seed})
	}
	const done = "single|A photo of a cat.|4|none"
	owner := map[string]int{}
	for shard := range 3 {
		for _, u := range plan.Units(shard, 3, func(key string) bool { return key == done }) {
			key := u.Record("select").Key()
			if _, twice := owner[key]; twice || int(u.Seed)%3 != shard {
				t.Errorf("%s is of shard %d", key, shard)
			}
			owner[key] = shard
		}
	}
	if _, again := owner[done]; again || len(owner) != plan.Pictures()-1 {
		t.Errorf("%d pictures to make, %q among them is %v", len(owner), done, again)
	}
}
