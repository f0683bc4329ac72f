package guidance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/diffusion"
	core "github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/methods"
	"github.com/isac-guidance/isac/isac/prompt"
	"github.com/isac-guidance/isac/plugin/isacpb"
)

// checkInstances notes what is wrong with what the request says of the target, as far as it can be told without a model.
func checkInstances(r *isacpb.GuidanceOpen, wrong *mistakes) {
	placed := 0
	for i, class := range r.Instances {
		if class.Name == "" || class.Count < 1 {
			wrong.add("instances", "class %d is %q with count %d, expected a name and a count of at least 1", i+1, class.Name, class.Count)
		}
		if len(class.Tokens) > 0 {
			placed++
		}
	}
	if placed != 0 && placed != len(r.Instances) {
		wrong.add("instances", "%d of %d classes have token positions: give those of all, or of none to have them found in the prompt", placed, len(r.Instances))
	}
	if len(r.Instances) > 0 && r.Counts != "" {
		wrong.add("counts", "instances are given as well: give one of the two")
	}
	if r.Prompt == "" && placed == 0 {
		wrong.add("prompt", "empty: give the text that the image is made from, or instances with their token positions")
	}
	if r.Prompt == "" && r.Encoded == nil {
		wrong.add("encoded", "missing: without a prompt the host has to give what it encoded")
	}
}

// aim gives what guidance aims at, and what is to be known of how the prompt was read.
func aim(r *isacpb.GuidanceOpen, c diffusion.Conditioning) (core.Target, []string, error) {
	var wrong mistakes
	if len(r.Instances) > 0 && len(r.Instances[0].Tokens) > 0 {
		target := placed(r.Instances)
		if err := target.Validate(); err != nil {
			wrong.check("instances", err)
		} else {
			wrong.check("instances", target.CheckTokens(int(c.Hidden.Size(1))))
		}
		return target, nil, wrong.err()
	}
	counts, field := r.Counts, "counts"
	if len(r.Instances) > 0 {
		counts, field = countsOf(r.Instances), "instances"
	}
	var parsed prompt.Parsed
	if strings.TrimSpace(counts) == "" {
		parsed, field = prompt.Parse(r.Prompt), "prompt"
	} else {
		var err error
		if parsed, err = prompt.ParseCounts(counts, r.Prompt); err != nil {
			wrong.check(field, err)
			return core.Target{}, nil, wrong.err()
		}
	}
	target, left, err := methods.Aim(parsed, c.Spans)
	wrong.check(field, err)
	return target, append(slices.Clone(parsed.Notes), left...), wrong.err()
}

// placed is a target whose token positions the host knows.
func placed(instances []*isacpb.GuidanceInstances) core.Target {
	var target core.Target
	for _, i := range instances {
		class := core.Class{Name: i.Name, Count: int(i.Count)}
		for _, t := range i.Tokens {
			class.Tokens = append(class.Tokens, int(t))
		}
		target.Classes = append(target.Classes, class)
	}
	return target
}

// countsOf writes instances as "cat=2, dog=1".
func countsOf(instances []*isacpb.GuidanceInstances) string {
	var parts []string
	for _, i := range instances {
		parts = append(parts, fmt.Sprintf("%s=%d", i.Name, i.Count))
	}
	return strings.Join(parts, ", ")
}
