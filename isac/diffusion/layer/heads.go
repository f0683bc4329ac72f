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

// AddTokens adds pixels as a sequence, t [B,H·W,C], to x [B,C,H,W]. The sum lies in memory as x does, for a sum lies as its first term: as
// the sequence does, each convolution behind it would bring its weights, which are many times as large, into that order too.
func AddTokens(x, t torch.Tensor) torch.Tensor {
	return x.Add(t.Transpose(1, 2).Reshape(x.Shape()...))
}
