// Package upscale is networks that make pictures larger: ESRGAN and what has its form (RRDBNet: Real-ESRGAN, BSRGAN, ESRGAN+), and
// Real-ESRGAN's compact form (SRVGG). Pictures are worked on in tiles, so that their size is bounded by the result alone.
package upscale
