package bench

import (
	"fmt"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/cluster"
)

// ablation is one row of the ablations: the settings that are tried, each as the text of a method has them.
type ablation struct {
	name     string
	settings []string
}

// ablations are the paper's: the schedule (Table 2), the measure of overlap, the clustering, the step size, and class propagation
// (figure 7); the schedules within the guided window; and the windows
// of the run, one after the other, which tell in which of them guidance matters; and the modes that do less than the exact method,
// which is the first of them.
var ablations = []ablation{
	{"cluster", each("clustering", string(cluster.KMeans), string(cluster.Spectral), string(cluster.GMM))},
	{"eta", each("eta", "5e-3", "1e-2", "2e-2", "5e-2", "1e-1")},
	{"modes", []string{"reuse=none", "reuse=conditional", "reuse=shared", "every=2", "depth=0.5", "depth=0.5+reuse=shared", "skip_below=0.04"}},
	{"overlap", each("overlap", string(isac.OverlapMPO), string(isac.OverlapMAE), string(isac.OverlapKL), string(isac.OverlapIoU))},
	{"propagation", each("no_propagation", "false", "true")},
	{"schedule", each("schedule", "A", "B", "C", "D", "E")},
	{"schedule-in-window", each("schedule_in_window=true+schedule", "A", "B", "C", "D", "E")},
	{"window", []string{"start=0+end=0.1", "start=0.1+end=0.2", "start=0.2+end=0.3", "start=0.3+end=0.5", "start=0.5+end=1"}},
}

// each sets one option, by its JSON name, to each value.
func each(key string, values ...string) []string {
	var settings []string
	for _, value := range values {
		settings = append(settings, key+"="+value)
	}
	return settings
}

// AblationNames lists what Ablate knows, sorted.
func AblationNames() []string {
	var names []string
	for _, a := range ablations {
		names = append(names, a.name)
	}
	return names
}

// Ablate gives the methods of one ablation, plain sampling first: base, a guided method such as "isac:typed", with each of the
// settings that name stands for.
func Ablate(name, base string) ([]Method, error) {
	i := slices.IndexFunc(ablations, func(a ablation) bool { return a.name == name })
	if i < 0 {
		return nil, fmt.Errorf("no ablation is called %q: expected one of %s", name, strings.Join(AblationNames(), ", "))
	}
	m, err := ParseMethod(base)
	if err != nil {
		return nil, fmt.Errorf("ablation %s: %w", name, err)
	}
	if !m.Guided() {
		return nil, fmt.Errorf("ablation %s: the base is %q, expected a guided method such as isac:typed", name, base)
	}
	none, err := ParseMethod(Base)
	if err != nil {
		return nil, err
	}
	methods := []Method{none}
	for _, settings := range ablations[i].settings {
		next, err := m.with(settings)
		if err != nil {
			return nil, fmt.Errorf("ablation %s: %w", name, err)
		}
		methods = append(methods, next)
	}
	return methods, nil
}
