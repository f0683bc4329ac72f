package lora

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// adapterKey is where newer diffusers write an adapter's settings into the file's header.
const adapterKey = "lora_adapter_metadata"

// Unscaled says that the file's header has an alpha that is not its rank. diffusers multiplies by alpha/rank then, and ComfyUI, as this
// package, reads only alphas that are tensors. It is "" where there is nothing to say.
func (f *File) Unscaled() string {
	headed, ok := f.src.(interface{ Metadata() map[string]string })
	if !ok {
		return ""
	}
	var settings map[string]any
	if json.Unmarshal([]byte(headed.Metadata()[adapterKey]), &settings) != nil {
		return ""
	}
	for _, l := range f.layers {
		if l.of[alpha] != "" {
			return ""
		}
	}
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		part, ok := strings.CutSuffix(key, ".lora_alpha")
		a, number := settings[key].(float64)
		r, ranked := settings[part+".r"].(float64)
		if ok && number && ranked && a != r && r > 0 {
			return fmt.Sprintf("its header has alpha %v at rank %v of %s, and no alpha among its tensors: as in ComfyUI it is added unscaled; for what diffusers makes of it multiply the strength by %v", a, r, part, a/r)
		}
	}
	return ""
}
