// Package mini finds the objects in pictures of the mini model (examples/mini): two small networks, "heatmap" and "segments", that
// look in different ways, so that what both see can be trusted.
//
// heatmap knows an object by its centre: a map of centres for each class, whose peaks are the objects, and at each peak the
// distances to the four sides of the box (CenterNet). segments knows it by its pixels: each pixel is ground or a class, and
// part of a core or not; cores of neighbours never touch, so a connected piece of core is an object, which then grows through the
// pixels that are no ground, and they vote for its class.
//
// An object is what shows more than about 60 % of one class's drawing. Half a drawing, a blob in a class's colours, and a cross of
// two classes are nothing, as far as the networks have learnt it; examples/mini/detector/README.md says how far.
//
// # Folder
//
//	detector.json           classes, side of the pictures, and for each detector its file and how its answer is read
//	heatmap.safetensors     plain convolutions; their batch norms are folded into them
//	segments.safetensors
//
// Both run in libtorch on the CPU, on the caller's goroutine.
package mini
