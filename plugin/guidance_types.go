package plugin

import (
	"crypto/sha256"
	"time"

	"github.com/isac-guidance/isac/plugin/isacpb"
)

// GuidanceMethod is a way to guide.
type GuidanceMethod struct {
	// Name as GuidanceConfig.Method takes it; Title and Help are for people.
	Name, Title, Help string
	// Presets are sets of options, the recommended one first.
	Presets []GuidancePreset
	// Options are what GuidanceConfig.Options may set.
	Options []GuidanceOption
}

// GuidancePreset is a named set of all options of a method, as GuidanceConfig.Options has them.
type GuidancePreset struct {
	Name    string
	Options map[string]string
}

// GuidanceOption is one option of a method.
type GuidanceOption struct {
	Name string
	// Type is "text", "number", "switch", "integer" or "unsigned".
	Type string
	// Choices are the values that a text may have.
	Choices []string
	// Most is the largest value of a number that has one, else 0; Step is what an editor's arrows change it by, else 0.
	Most, Step float64
	// Help says in a sentence what the option does.
	Help string
}

// Parametrisation says what a host's latents x are at a noise level.
type Parametrisation int32

// The parametrisations, in the order of isac.proto.
const (
	// ParametrisationComfyUI: x as ComfyUI's samplers step on it, X_t·√(1+σ²) of models that predict noise or velocity and X_t itself of
	// flow models.
	ParametrisationComfyUI = Parametrisation(isacpb.Parametrisation_PARAMETRISATION_COMFYUI)
	// ParametrisationModel: x is X_t, what the model takes in, as diffusers' pipelines have it.
	ParametrisationModel = Parametrisation(isacpb.Parametrisation_PARAMETRISATION_MODEL)
)

// GuidanceConfig is what a session is opened with.
type GuidanceConfig struct {
	// Checkpoint is a name that CheckpointLoaderSimple offers.
	Checkpoint string
	// Prompt is the positive prompt as it was typed, weights such as "(cat:1.2)" and "embedding:name" included.
	Prompt string
	// Hidden [1,L,D] and Pooled [1,P] are the prompt as the host encoded it; zero for the plugin to encode it. Families without pooled
	// text have no Pooled.
	Hidden, Pooled Tensor
	// Sizes are what SDXL is told of the picture's size and crop; nil is the whole picture at the size of the latents.
	Sizes *GuidanceSizes
	// Instances, else Counts such as "cat=2, dog=1", else the prompt itself say what the picture shall hold.
	Instances []GuidanceInstances
	Counts    string
	// Method and Preset by name; empty is the recommended one. Options change single options of it.
	Method, Preset string
	Options        map[string]string
	// Parametrisation has to be given.
	Parametrisation Parametrisation
	// Images of the batch, 1 if 0.
	Images int
	// Seed decides what is random in guidance; image i has Seed+i.
	Seed uint64
	// Measure has every step looked at and none moved.
	Measure bool
	// LoRAs are added to the checkpoint's weights in this order, to those of the text encoders where the plugin encodes the prompt.
	LoRAs []GuidanceLoRA
	// Weights are of the model that the host evaluates, before LoRAs. A checkpoint with others is refused.
	Weights []GuidanceWeight
	// SharedWeights are tensors of the host's denoiser on the CUDA device that both processes use. The process uses them where they are, and
	// the host keeps them as they are until the session is closed. What cannot be opened is loaded from the checkpoint, with a note.
	SharedWeights []SharedWeight
}

// GuidanceLoRA is a LoRA that the host's model has as well.
type GuidanceLoRA struct {
	// Name as LoraLoader offers it.
	Name string
	// Model and Clip multiply what is added to the denoiser and to the text encoders; 0 adds nothing.
	Model, Clip float64
}

// GuidanceWeight identifies a tensor of the denoiser.
type GuidanceWeight struct {
	// Name as in a checkpoint of one file: "model.diffusion_model.out.2.weight".
	Name string
	// DType that the host has it in, and the SHA-256 of its elements in that type, row-major and little-endian.
	DType  DType
	SHA256 [sha256.Size]byte
}

// SharedWeight is a tensor in CUDA memory of the host, without gaps.
type SharedWeight struct {
	// Name as the checkpoint's file has it.
	Name  string
	DType DType
	Shape []int64
	// Handle is what cudaIpcGetMemHandle gives for the allocation that the tensor lies in; Offset is its distance from the start, in bytes.
	Handle [64]byte
	Offset int64
}

// GuidanceSizes are in pixels: the picture before cropping, the crop's corner in it, and the crop.
type GuidanceSizes struct{ Height, Width, Top, Left, TargetHeight, TargetWidth int }

// GuidanceInstances are the instances of one class.
type GuidanceInstances struct {
	// Name of the class: "cat", "hot dog".
	Name  string
	Count int
	// Tokens are the positions of the class word in the token sequence, 0 being the beginning of text. Empty for every class: they are
	// found in the prompt.
	Tokens []int
}

// GuidanceInfo is what a session that was opened tells.
type GuidanceInfo struct {
	// Family, Device and DType of the model.
	Family, Device, DType string
	// LatentChannels is C of latents [B,C,h,w]; Factor is how many pixels one of theirs stands for.
	LatentChannels, Factor int
	// SigmaMin and SigmaMax are the noise levels that the model was trained on.
	SigmaMin, SigmaMax float64
	// Target is what guidance aims at.
	Target []GuidanceInstances
	// Method, and all its options.
	Method  string
	Options map[string]string
	// Notes are things that the user should know.
	Notes []string
	// SharedFolder is where large latents go in files, which Guide does by itself; "" where host and plugin share none.
	SharedFolder string
}

// NoiseLevel is where in the noise a step is. One of the two is enough where the host's noise schedule is the model's own.
type NoiseLevel struct {
	// Sigma is √((1−ᾱ)/ᾱ) of models that predict noise or velocity, t in (0,1] of flow models; nil if not given.
	Sigma *float64
	// Timestep is what the model is told; nil if not given.
	Timestep *float64
}

// AtSigma is a noise level by its σ.
func AtSigma(sigma float64) NoiseLevel { return NoiseLevel{Sigma: &sigma} }

// AtTimestep is a noise level by its timestep.
func AtTimestep(t float64) NoiseLevel { return NoiseLevel{Timestep: &t} }

// GuidanceStep is one step of the host's run.
type GuidanceStep struct {
	// Index of the step, from 0 for the noisiest; Count of steps of the run.
	Index, Count int
	Level        NoiseLevel
	// Latents [B,C,h,w], all finite.
	Latents Tensor
	// Masks asks for labels and masks in the reports.
	Masks bool
}

// GuidanceResult is what a step gives.
type GuidanceResult struct {
	// Latents to go on with, of the same shape and type.
	Latents Tensor
	// Reports has one for each image.
	Reports []GuidanceReport
	// Worked is the time that the plugin worked on it.
	Worked time.Duration
}

// GuidanceReport says what a step saw and did on one image.
type GuidanceReport struct {
	Sigma, Timestep float64
	// Skipped tells why the latent was left as it was; "" where it was guided.
	Skipped string
	// Wanted: the step was to be guided. One that is wanted and skipped is guidance that did not happen.
	Wanted bool
	// Losses before the step; Loss is their weighted sum.
	Losses []GuidanceLoss
	Loss   float64
	// Moves that the latent took at this step.
	Moves int
	// GradNorm is the norm of the first move's gradient, StepNorm that of all moves together, LatentNorm that of the latent, all of X_t.
	GradNorm, StepNorm, LatentNorm float64
	// Foreground is the number of foreground pixels of a grid Height·Width, 0·0 where the model was not looked at.
	Foreground, Height, Width int
	// Labels hold the instance of each pixel, -1 on the background, in row-major order; Masks are soft masks, float32
	// [instances,Height,Width]. Only where the step asked for them.
	Labels []int
	Masks  Tensor
}

// GuidanceLoss is one term of what a step lowers.
type GuidanceLoss struct {
	Name          string
	Value, Weight float64
}
