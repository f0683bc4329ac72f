package nodes

import "github.com/isac-guidance/isac/isac/diffusion"

// ControlNet is the value of type CONTROL_NET. Conditionings that it was applied to hold its weights as well.
type ControlNet struct {
	held
	net *diffusion.ControlNet
}

// ComfyType is "CONTROL_NET".
func (*ControlNet) ComfyType() string { return "CONTROL_NET" }

// newControlNet takes a share of net over.
func newControlNet(net *diffusion.ControlNet) *ControlNet {
	v := &ControlNet{net: net}
	v.held.free = net.Close
	return v
}
