package isac

// SelfNorm says how the accumulated self-attention map SA is normalised.
type SelfNorm string

const (
	// SelfRow leaves SA as it was accumulated. With UpsampleNorm its rows sum to 1, so that soft masks stay within [0,1], as (8) needs.
	SelfRow SelfNorm = "row"
	// SelfMinMax rescales SA to [0,1] over the whole matrix, as appendix B.1 says.
	SelfMinMax SelfNorm = "minmax"
)

// CrossNorm says how the accumulated cross-attention map CA is normalised.
type CrossNorm string

const (
	// CrossMinMax is (14) over the whole matrix, all tokens: the beginning-of-text token, which draws most attention, sets the scale.
	CrossMinMax CrossNorm = "minmax"
	// CrossMinMaxClasses is (14) over the columns of the class tokens alone, with one minimum and one maximum for all of them.
	CrossMinMaxClasses CrossNorm = "minmax-classes"
	// CrossMinMaxEach is (14) over each class column on its own, so that a class of weak attention counts as much as one of strong.
	CrossMinMaxEach CrossNorm = "minmax-each"
	// CrossNone leaves CA as it was accumulated.
	CrossNone CrossNorm = "none"
	// CrossSoftmax is (13), softmax(100·CA) over the tokens but the first: what Attend-and-Excite and its kin do.
	CrossSoftmax CrossNorm = "softmax100"
)

// TokenMerge says how the columns of a class word of several tokens become one.
type TokenMerge string

const (
	// MergeMean takes the mean of the columns.
	MergeMean TokenMerge = "mean"
	// MergeMax takes the largest value at each pixel.
	MergeMax TokenMerge = "max"
)

// Overlap says how the overlap of two soft masks A and B is measured (the paper's Table 3). Both losses are the largest overlap
// of any pair, and more is always worse. The paper names the alternatives to MPO without their formulas; these are the plain
// readings.
type Overlap string

const (
	// OverlapMPO is max_p A[p]·B[p] (6), the paper's own: one pixel decides.
	OverlapMPO Overlap = "mpo"
	// OverlapMAE is 1 − mean_p |A[p] − B[p]|. It is 1 for equal masks and at least 0 for masks in [0,1].
	OverlapMAE Overlap = "mae"
	// OverlapKL is −½·(KL(a‖b) + KL(b‖a)) of the masks as distributions over the pixels, a = A/ΣA and b = B/ΣB, with 1e-8 added
	// to each share within the logarithm: SynGen's distance, negated. It is 0 for equal masks, about −18.4 for disjoint ones.
	OverlapKL Overlap = "kl"
	// OverlapIoU is the soft intersection over union Σ_p min(A,B) / Σ_p max(A,B), in [0,1] for masks of any scale.
	OverlapIoU Overlap = "iou"
)
