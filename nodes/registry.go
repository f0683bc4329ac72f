package nodes

import (
	"fmt"
	"slices"
)

// Registry is a sorted set of nodes. It is not changed after it was made, so any goroutine may read it.
type Registry struct {
	nodes map[string]Node
	names []string
}

// NewRegistry makes a registry. It panics if two nodes have one class: that is a mistake in the program.
func NewRegistry(list ...Node) *Registry {
	r := &Registry{nodes: make(map[string]Node, len(list))}
	for _, n := range list {
		if _, dup := r.nodes[n.Class()]; dup {
			panic(fmt.Sprintf("nodes: class %q is registered twice", n.Class()))
		}
		r.nodes[n.Class()] = n
		r.names = append(r.names, n.Class())
	}
	slices.Sort(r.names)
	return r
}

// Standard makes a registry of all nodes of this package. Its checkpoint loader keeps what it loads for as long as values of
// that checkpoint are open; two registries share nothing.
func Standard() *Registry {
	cache := &checkpoints{}
	return NewRegistry(
		checkpointLoaderSimple(cache),
		clipLoader(cache),
		clipSetLastLayer(),
		clipTextEncode(),
		clipTextEncodeSDXL(),
		conditioningCombine(),
		conditioningConcat(),
		conditioningSetArea(),
		conditioningSetAreaPercentage(),
		conditioningSetMask(),
		controlNetApply(),
		controlNetApplyAdvanced(),
		controlNetLoader(),
		dualCLIPLoader(cache),
		emptyLatentImage(),
		emptySD3LatentImage(),
		imageBatch(),
		imageScale(),
		imageScaleBy(),
		imageToMask(),
		imageUpscaleWithModel(),
		invertMask(),
		isacCountRetry(),
		isacGuidance(),
		isacInstances(),
		isacMasks(),
		isacSelect(),
		kSampler(),
		kSamplerAdvanced(),
		latentFromBatch(),
		latentUpscale(),
		latentUpscaleBy(),
		loadImage(),
		loadImageMask(),
		loadLatent(),
		loraLoader(),
		loraLoaderModelOnly(),
		maskToImage(),
		modelSamplingSD3(),
		previewImage(),
		repeatLatentBatch(),
		saveImage(),
		saveLatent(),
		setLatentNoiseMask(),
		tripleCLIPLoader(cache),
		unetLoader(cache),
		upscaleModelLoader(),
		vaeDecode(),
		vaeDecodeTiled(),
		vaeEncode(),
		vaeEncodeForInpaint(),
		vaeEncodeTiled(),
		vaeLoader(),
	)
}

// Names lists the classes, sorted.
func (r *Registry) Names() []string { return slices.Clone(r.names) }

// Get finds a node by its class.
func (r *Registry) Get(class string) (Node, bool) {
	n, ok := r.nodes[class]
	return n, ok
}

// Infos gives the /object_info entries of all nodes by class (see Node.Info).
func (r *Registry) Infos(env *Env) map[string]NodeInfo {
	infos := make(map[string]NodeInfo, len(r.nodes))
	for class, n := range r.nodes {
		infos[class] = n.Info(env)
	}
	return infos
}
