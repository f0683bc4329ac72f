package pickle

import "strings"

// widths are the bytes of an element, by safetensors' names of types.
var widths = map[string]int64{
	"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1, "U16": 2, "U32": 4, "U64": 8,
	"F8_E4M3": 1, "F8_E5M2": 1,
}

// storages are PyTorch's classes of storages, by the types of their elements.
var storages = map[string]string{
	"DoubleStorage": "F64", "FloatStorage": "F32", "HalfStorage": "F16", "BFloat16Storage": "BF16", "LongStorage": "I64", "IntStorage": "I32",
	"ShortStorage": "I16", "CharStorage": "I8", "ByteStorage": "U8", "BoolStorage": "BOOL", "UntypedStorage": "",
}

// dtypes are PyTorch's types of elements.
var dtypes = map[string]string{
	"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8",
	"uint8": "U8", "bool": "BOOL", "uint16": "U16", "uint32": "U32", "uint64": "U64", "float8_e4m3fn": "F8_E4M3", "float8_e5m2": "F8_E5M2",
}

// storageType gives the element type of a class of storages.
func (g global) storageType() (dtype string, ok bool) {
	if g.module == "torch" || g.module == "torch.cuda" || g.module == "torch.storage" {
		dtype, ok = storages[g.name]
	}
	return dtype, ok
}

// elementType gives the type that g is.
func (g global) elementType() (dtype string, ok bool) {
	if g.module == "torch" {
		dtype, ok = dtypes[g.name]
	}
	return dtype, ok
}

// makers are the functions that make values which matter.
var makers = map[global]func(args []any) (any, error){
	{"torch._utils", "_rebuild_tensor"}:               rebuildTensor,
	{"torch._utils", "_rebuild_tensor_v2"}:            rebuildTensor,
	{"torch._utils", "_rebuild_tensor_v3"}:            rebuildTyped,
	{"torch._utils", "_rebuild_parameter"}:            rebuildParameter,
	{"torch._utils", "_rebuild_parameter_with_state"}: rebuildParameter,
	{"torch._tensor", "_rebuild_from_type_v2"}:        nil, // see machine.reduce
	{"collections", "OrderedDict"}:                    makeDict,
	{"collections", "defaultdict"}:                    func([]any) (any, error) { return &dict{}, nil },
	{"collections", "Counter"}:                        makeDict,
	{"torch", "Size"}:                                 makeSize,
}

// harmless are classes that checkpoints are known to hold: settings and counters of their training. Their values become empty. A module that
// ends with a point stands for all below it.
var harmless = map[string][]string{
	"builtins":               {"set", "frozenset", "complex", "bytearray", "slice", "object", "int", "float", "str", "bool", "list", "dict", "tuple", "range"},
	"__builtin__":            {"set", "frozenset", "complex", "bytearray", "slice", "object", "int", "float", "str", "unicode", "bool", "list", "dict", "tuple", "long"},
	"argparse":               {"Namespace"},
	"_codecs":                {"encode"}, // of bytes, in pickles that Python 2 can read
	"datetime":               {"datetime", "timedelta", "date"},
	"pathlib":                {"Path", "PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath"},
	"typing":                 {"Any"},
	"numpy":                  {"dtype", "ndarray", "float64", "float32", "int64", "int32", "bool_"},
	"numpy.dtypes":           {"Float64DType", "Float32DType", "Float16DType", "Int64DType", "Int32DType", "BoolDType"},
	"numpy.core.multiarray":  {"scalar", "_reconstruct"},
	"numpy._core.multiarray": {"scalar", "_reconstruct"},
	"torch":                  {"device", "Tensor", "Generator"},
	"torch.nn.parameter":     {"Parameter", "Buffer"},
	"torch.torch_version":    {"TorchVersion"},
	"pytorch_lightning.":     nil,
	"lightning.":             nil,
	"lightning_fabric.":      nil,
	"omegaconf.":             nil,
}

// known says whether a name may stand in a pickle.
func (g global) known() bool {
	if _, ok := makers[g]; ok {
		return true
	}
	if _, ok := g.storageType(); ok {
		return true
	}
	if _, ok := g.elementType(); ok {
		return true
	}
	return g.harmless()
}

func (g global) harmless() bool {
	if strings.Contains(g.name, ".") { // a way through a module to another
		return false
	}
	for _, name := range harmless[g.module] {
		if name == g.name {
			return true
		}
	}
	for at := range g.module {
		if g.module[at] == '.' {
			if names, ok := harmless[g.module[:at+1]]; ok && names == nil {
				return true
			}
		}
	}
	return false
}
