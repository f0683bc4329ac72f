package syntax

import (
	"fmt"
	"regexp"
	"strings"
)

// foreign are forms that other programs read in prompts and ComfyUI reads as text.
var foreign = []struct {
	form *regexp.Regexp
	what string
}{
	{regexp.MustCompile(`<(?:lora|lyco|hypernet):[^<>\s][^<>]*>`), "is read as text, as in ComfyUI: load the file with the node LoraLoader"},
	{regexp.MustCompile(`\bBREAK\b`), "is read as text, as in ComfyUI: long prompts begin a new chunk by themselves"},
	{regexp.MustCompile(`\{[^{}]*\|[^{}]*\}`), "is read as text: a page such as ComfyUI's chooses one of the words before it sends the prompt"},
	{regexp.MustCompile(`__[\w\-/]+__`), "is read as text: wildcards are filled in by extensions of ComfyUI"},
	{regexp.MustCompile(`\[[^\[\]]*[:|][^\[\]]*\]`), "is read as text, as in ComfyUI: words do not change during a run"},
	{regexp.MustCompile(`\[[^\[\]:|]+\]`), "is read as text, brackets and all, as in ComfyUI: write (text:0.9) to lower a weight"},
}

// Unread says, a sentence for each kind, what a prompt has that other programs read as syntax and that is encoded as it stands.
func Unread(prompt string) []string {
	var out []string
	for _, f := range foreign {
		found := f.form.FindAllString(prompt, -1)
		if len(found) == 0 {
			continue
		}
		shown := found[0]
		if n := []rune(shown); len(n) > 40 {
			shown = string(n[:40]) + "…"
		}
		and := ""
		if len(found) > 1 {
			and = fmt.Sprintf(" (and %d more)", len(found)-1)
		}
		out = append(out, fmt.Sprintf("%s%s %s", strings.Join(strings.Fields(shown), " "), and, f.what))
	}
	return out
}
