package bench

import (
	"fmt"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac"
)

// ablation is one row of the paper's ablations: an option, by its JSON name, and the values that are tried.
type ablation struct {
	name, key string
	values    []string
}

// ablations are the paper's: the schedule (Table 2), the measure of overlap, the clustering, and the step size.
var ablations = []ablation{
	{"cluster", "clustering", []string{string(isac.ClusterKMeans), string(isac.ClusterSpectral), string(isac.ClusterGMM)}},
	{"eta", "eta", []string{"5e-3", "1e-2", "2e-2", "5e-2", "1e-1"}},
	{"overlap", "overlap", []string{string(isac.OverlapMPO), string(isac.OverlapMAE), string(isac.OverlapKL), string(isac.OverlapIoU)}},
	{"schedule", "schedule", []string{"A", "B", "C", "D", "E"}},
}

// AblationNames lists what Ablate knows, sorted.
func AblationNames() []string {
	var names []string
	for _, a := range ablations {
		names = append(names, a.name)
	}
	return names
}

// Ablate gives the methods of one of the paper's ablations, plain sampling first: base, a guided method such as "isac:typed",
// with each value of the option that name stands for.
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
	for _, value := range ablations[i].values {
		next, err := m.with(ablations[i].key, value)
		if err != nil {
			return nil, fmt.Errorf("ablation %s: %w", name, err)
		}
		methods = append(methods, next)
	}
	return methods, nil
}
