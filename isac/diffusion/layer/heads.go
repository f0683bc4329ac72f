package layer

import "github.com/isac-guidance/isac/isac/torch"

// SplitHeads maps [B,N,heads·d] to [B,heads,N,d].
func SplitHeads(x torch.Tensor, heads int64) torch.Tensor {
	s := x.Shape()
	return x.Reshape(s[0], s[1], heads, s[2]/heads).Transpose(1, 2)
}

// JoinHeads maps [B,heads,N,d] to [B,N,heads·d].
func JoinHeads(x torch.Tensor) torch.Tensor {
	s := x.Shape()
	return x.Transpose(1, 2).Reshape(s[0], s[2], s[1]*s[3])
}
