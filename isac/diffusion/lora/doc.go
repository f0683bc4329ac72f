// Package lora reads LoRA files and their kin: small tensors by which a model's weights are changed. It knows how such files name and
// compute their changes, and no model's layers: which layer a name means is said by package family.
//
// The change of a weight W at a strength s is, as ComfyUI computes it, with a = alpha/rank, or 1 in a file without alpha:
//
//	LoRA         W + s·a·Up·Down             (LoCon: the kernel of a middle convolution between the two)
//	LoHa         W + s·a·(A₁·B₁ ⊙ A₂·B₂)
//	LoKr         W + s·a·(A ⊗ B)
//	difference   W + s·D
//	DoRA         W + s·(m·(W + a·ΔW)/‖·‖ − W), ‖·‖ along the outputs of W, or along the inputs of the changed weight
package lora
