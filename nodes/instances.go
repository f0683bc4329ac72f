package nodes

import "github.com/isac-guidance/isac/isac/prompt"

// Instances is the value of type ISAC_INSTANCES: which objects a picture shall hold, and where a text names them.
type Instances struct {
	held
	Parsed prompt.Parsed
}

// ComfyType is "ISAC_INSTANCES".
func (*Instances) ComfyType() string { return "ISAC_INSTANCES" }
