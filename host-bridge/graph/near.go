package graph

import (
	"fmt"
	"path"
	"strings"

	"github.com/isac-guidance/isac/plugin/pyvalue"
)

// near says which of the choices may be meant by a name of a file that is none of them: the same name with another ending, in another folder,
// or written with other slashes. Workflows come from other machines. "" where there is none.
func (in *InputSchema) near(given any) string {
	name, ok := given.(string)
	if !ok || path.Ext(plainPath(name)) == "" {
		return ""
	}
	for _, same := range []struct {
		key func(string) string
		how string
	}{
		{plainPath, "slashes or capital letters"},
		{func(s string) string { return withoutEnding(plainPath(s)) }, "its ending"},
		{func(s string) string { return path.Base(plainPath(s)) }, "its folder"},
		{func(s string) string { return withoutEnding(path.Base(plainPath(s))) }, "its folder and its ending"},
	} {
		for _, choice := range in.Choices {
			if text, ok := choice.(string); ok && strings.EqualFold(same.key(text), same.key(name)) {
				return fmt.Sprintf("%s is there, which differs only by %s: give that", pyvalue.Repr(text), same.how)
			}
		}
	}
	return ""
}

func plainPath(name string) string { return strings.ReplaceAll(name, `\`, "/") }

func withoutEnding(name string) string { return strings.TrimSuffix(name, path.Ext(name)) }
