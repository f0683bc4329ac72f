package nodes

import "github.com/isac-guidance/isac/isac/diffusion"

// Conditioning is the value of type CONDITIONING: an encoded text, with the text itself and where its tokens stand in it, which
// is what guidance finds class tokens by.
type Conditioning struct {
	held
	// Encoded holds the text encoder's output, [1,L,D], kept until Close.
	Encoded diffusion.Conditioning
}

// ComfyType is "CONDITIONING".
func (*Conditioning) ComfyType() string { return "CONDITIONING" }

// newConditioning takes c over.
func newConditioning(c diffusion.Conditioning) *Conditioning {
	v := &Conditioning{Encoded: c}
	v.held.free = v.Encoded.Close
	return v
}
