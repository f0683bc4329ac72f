package sampling

// ddpm is ancestral sampling as Ho et al. have it (arXiv:2006.11239, Algorithm 2, with the posterior variance), between any two noise
// levels. In x = X/√ᾱ its mean is D + (σ'/σ)²·(x − D) and its variance σ'²·(σ² − σ'²)/σ²: that is eulerAncestral. ComfyUI computes it in X
// and comes to the same numbers.
var ddpm = solver{name: "ddpm", noise: true, formula: eulerAncestral.formula}
