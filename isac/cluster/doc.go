// Package cluster divides pixels into instances by what they attend to: K-means, and what the paper's Table 4 compares it with,
// spectral clustering and Gaussian mixtures. It knows matrices and coordinates, and no model.
package cluster
