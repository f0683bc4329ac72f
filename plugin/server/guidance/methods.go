package guidance

import (
	"context"
	"fmt"

	core "github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/methods"
	"github.com/isac-guidance/isac/plugin/isacpb"
)

// Methods lists what guides.
func (s *Service) Methods(context.Context, *isacpb.MethodsRequest) (*isacpb.MethodsResponse, error) {
	answer := &isacpb.MethodsResponse{}
	for _, entry := range methods.Guiding() {
		m := &isacpb.GuidanceMethod{Name: entry.Name, Title: entry.Title, Help: entry.Help}
		for _, preset := range entry.Presets {
			m.Presets = append(m.Presets, &isacpb.GuidancePreset{Name: preset.Name, Options: options(preset.Method)})
		}
		for _, o := range core.Settings(entry.Presets[0].Method) {
			m.Options = append(m.Options, &isacpb.GuidanceOption{Name: o.Name, Type: typeOf(o.Value), Choices: o.Choices, Most: o.Most, Step: o.Step, Help: o.Help})
		}
		answer.Methods = append(answer.Methods, m)
	}
	return answer, nil
}

// options are the values of all options of a method, as a session's options are set from.
func options(m core.Method) map[string]string {
	values := map[string]string{}
	for _, o := range core.Settings(m) {
		values[o.Name] = fmt.Sprint(o.Value)
	}
	return values
}

// typeOf is the contract's word for the type of an option.
func typeOf(value any) string {
	switch value.(type) {
	case float64:
		return "number"
	case bool:
		return "switch"
	case int:
		return "integer"
	case uint64:
		return "unsigned"
	}
	return "text"
}
