// Package isac is Instance-to-Semantic Attention Control (arXiv 2505.20935), and nothing else: it reads the attention of a
// diffusion model, measures how much the instances and the classes that a prompt asks for overlap in it, and moves the latent
// one gradient step away from that overlap. It trains nothing and uses no detector.
//
// What one guided step does, with the paper's equation numbers:
//
//	latent X_t ─ guidance.Model ─► q, k of the attention layers
//	  accumulate  (1)-(4)  self-attention map SA [HW,HW], cross-attention map CA [HW,L]
//	  normalise   (14)     min-max, or row-stochastic
//	  propagate   (7)      CA^prop = SA·CA, one column for each class
//	  foreground  (9)      pixels where some class is above its own mean
//	  cluster     (10)(11) K-means on SA[I,I] and pixel coordinates, one cluster for each instance
//	  masks                M = SA[I,I]·K, soft masks of the instances
//	  losses      (6)(8)(12)(5)  the largest overlap of two instances, and of two classes, weighted by the schedule
//	  step        (Alg. 1) X̃_t = X_t − η ∇L
//
// A step costs little more than the model's own forward and backward pass: the losses are maxima, each of one pixel, so everything that is
// decided is decided without gradient, and with gradient only the rows of SA at those pixels are made again (rowLosses has the
// derivation). Options.Engine has the plain reading too, with every map's gradient; both give the same.
//
// Options choose among readings of these lines that the paper leaves open, and what its ablations put in their place: other
// overlaps, other clusterings, other schedules. They are a guidance.Method: package guidance takes the step, and knows neither
// ISAC nor the model.
package isac
