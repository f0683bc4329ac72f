package onnx

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	ort "github.com/yalue/onnxruntime_go"
)

// Option says how a detector runs.
type Option func(*settings)

type settings struct {
	threads int
	device  int // CUDA device, -1 for the CPU
}

// Threads sets how many threads one picture's computation may use. The default is OMP_NUM_THREADS, else the CPUs of the process.
func Threads(n int) Option {
	return func(s *settings) { s.threads = n }
}

// CUDA runs the detector on a GPU. It takes the library of the Python package onnxruntime-gpu, and CUDA and cuDNN as that wants them.
func CUDA(device int) Option {
	return func(s *settings) { s.device = device }
}

// model is an open ONNX file.
type model struct {
	path     string
	inputs   []ort.InputOutputInfo
	outputs  []ort.InputOutputInfo
	metadata map[string]string
	settings settings
	session  *ort.DynamicAdvancedSession // nil before start and after Close
}

// tensor is an output, copied to Go memory.
type tensor struct {
	shape []int64
	data  []float32
}

// describe reads what goes into a model and what comes out, in the file's order. It is separate from start because onnxruntime_go
// wants the names of inputs and outputs before it opens a session, and tells them only from a session of its own.
func describe(path string, options []Option) (*model, error) {
	if err := Runtime(""); err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("cannot open the detector's model: %w", err)
	}
	m := &model{path: path, settings: settings{threads: threads(), device: -1}}
	for _, o := range options {
		o(&m.settings)
	}
	if m.settings.threads < 1 {
		return nil, fmt.Errorf("a detector was given %d threads, it needs 1 or more", m.settings.threads)
	}
	quick, err := ort.NewSessionOptions()
	if err != nil {
		return nil, fmt.Errorf("onnx runtime: %w", err)
	}
	defer quick.Destroy()
	err = errors.Join(quick.SetGraphOptimizationLevel(ort.GraphOptimizationLevelDisableAll), quick.SetIntraOpNumThreads(1))
	if err != nil {
		return nil, fmt.Errorf("onnx runtime: %w", err)
	}
	if m.inputs, m.outputs, err = ort.GetInputOutputInfoWithOptions(path, quick); err != nil {
		return nil, fmt.Errorf("%s cannot be read as an ONNX model by ONNX Runtime %s: %w", path, ort.GetVersion(), err)
	}
	return m, nil
}

// start opens the session that computes the named outputs, and reads the metadata.
func (m *model) start(outputs ...string) error {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return fmt.Errorf("onnx runtime: %w", err)
	}
	defer options.Destroy()
	// Threads that spin while they wait take the CPU from libtorch, which runs in the same process between two detections.
	err = errors.Join(options.SetIntraOpNumThreads(m.settings.threads), options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0"))
	if err != nil {
		return fmt.Errorf("onnx runtime: %w", err)
	}
	if m.settings.device >= 0 {
		if err := useCUDA(options, m.settings.device); err != nil {
			return fmt.Errorf("ONNX Runtime %s cannot use CUDA device %d: %w; `pip install onnxruntime-gpu` contains a library that can", ort.GetVersion(), m.settings.device, err)
		}
	}
	if m.session, err = ort.NewDynamicAdvancedSession(m.path, names(m.inputs), outputs, options); err != nil {
		m.session = nil
		return fmt.Errorf("cannot open %s: %w", m.path, err)
	}
	if m.metadata, err = metadata(m.session); err != nil {
		return errors.Join(fmt.Errorf("cannot read the metadata of %s: %w", m.path, err), m.Close())
	}
	return nil
}

func useCUDA(options *ort.SessionOptions, device int) error {
	cuda, err := ort.NewCUDAProviderOptions()
	if err != nil {
		return err
	}
	defer cuda.Destroy()
	if err := cuda.Update(map[string]string{"device_id": strconv.Itoa(device)}); err != nil {
		return err
	}
	return options.AppendExecutionProviderCUDA(cuda)
}

func metadata(session *ort.DynamicAdvancedSession) (map[string]string, error) {
	data, err := session.GetModelMetadata()
	if err != nil {
		return nil, err
	}
	defer data.Destroy()
	keys, err := data.GetCustomMetadataMapKeys()
	if err != nil {
		return nil, err
	}
	all := make(map[string]string, len(keys))
	for _, key := range keys {
		value, _, err := data.LookupCustomMetadataMap(key)
		if err != nil {
			return nil, err
		}
		all[key] = value
	}
	return all, nil
}

// run computes the outputs that start named. inputs are in the order of m.inputs; run frees them.
func (m *model) run(inputs []ort.Value, outputs int) ([]tensor, error) {
	defer func() {
		for _, v := range inputs {
			v.Destroy()
		}
	}()
	if m.session == nil {
		return nil, fmt.Errorf("the detector of %s is closed", m.path)
	}
	values := make([]ort.Value, outputs)
	defer func() {
		for _, v := range values {
			if v != nil {
				v.Destroy()
			}
		}
	}()
	if err := m.session.Run(inputs, values); err != nil {
		return nil, fmt.Errorf("%s: %w", m.path, err)
	}
	results := make([]tensor, outputs)
	for i, v := range values {
		floats, ok := v.(*ort.Tensor[float32])
		if !ok {
			return nil, fmt.Errorf("%s: output %d is no float32 tensor; export the model in float32", m.path, i)
		}
		results[i] = tensor{shape: slices.Clone([]int64(floats.GetShape())), data: slices.Clone(floats.GetData())}
	}
	return results, nil
}

// Close frees the session.
func (m *model) Close() error {
	if m.session == nil {
		return nil
	}
	err := m.session.Destroy()
	m.session = nil
	return err
}

// value makes an input.
func value[T ort.TensorData](data []T, shape ...int64) (ort.Value, error) {
	return ort.NewTensor(ort.NewShape(shape...), data)
}

func names(infos []ort.InputOutputInfo) []string {
	list := make([]string, len(infos))
	for i, info := range infos {
		list[i] = info.Name
	}
	return list
}

// described writes inputs or outputs as a person reads them: "images float [1 3 640 640], scale float []"; -1 is an open axis.
func described(infos []ort.InputOutputInfo) string {
	list := make([]string, len(infos))
	for i, info := range infos {
		list[i] = fmt.Sprintf("%s %s %v", info.Name, kind(info.DataType), []int64(info.Dimensions))
	}
	return strings.Join(list, ", ")
}

// kind is a data type's short name: "float" is float32, "float16", "int64".
func kind(t ort.TensorElementDataType) string {
	return strings.ToLower(strings.TrimPrefix(t.String(), "ONNX_TENSOR_ELEMENT_DATA_TYPE_"))
}

// threads follows isac/torch: OMP_NUM_THREADS, else the CPUs that this process may use. ONNX Runtime's own default counts the
// machine's cores and pins threads to them, which fails in containers.
func threads() int {
	if n, err := strconv.Atoi(os.Getenv("OMP_NUM_THREADS")); err == nil && n > 0 {
		return n
	}
	return runtime.GOMAXPROCS(0)
}
