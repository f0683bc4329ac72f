from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
DTYPE_BFLOAT16: DType
DTYPE_FLOAT16: DType
DTYPE_FLOAT32: DType
DTYPE_UNSPECIFIED: DType
KIND_CANCELLED: Kind
KIND_FAILED: Kind
KIND_INTERNAL: Kind
KIND_INVALID_INPUT: Kind
KIND_OUT_OF_MEMORY: Kind
KIND_OUT_OF_ORDER: Kind
KIND_UNAVAILABLE: Kind
KIND_UNKNOWN_HANDLE: Kind
KIND_UNSPECIFIED: Kind
PARAMETRISATION_COMFYUI: Parametrisation
PARAMETRISATION_MODEL: Parametrisation
PARAMETRISATION_UNSPECIFIED: Parametrisation

class DescribeRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class DescribeResponse(_message.Message):
    __slots__ = ["devices", "families", "nodes", "protocols", "torch", "version"]
    class NodesEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: bytes
        def __init__(self, key: _Optional[str] = ..., value: _Optional[bytes] = ...) -> None: ...
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    FAMILIES_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    PROTOCOLS_FIELD_NUMBER: _ClassVar[int]
    TORCH_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    devices: _containers.RepeatedCompositeFieldContainer[Device]
    families: _containers.RepeatedScalarFieldContainer[str]
    nodes: _containers.ScalarMap[str, bytes]
    protocols: _containers.RepeatedScalarFieldContainer[int]
    torch: Torch
    version: str
    def __init__(self, version: _Optional[str] = ..., protocols: _Optional[_Iterable[int]] = ..., nodes: _Optional[_Mapping[str, bytes]] = ..., families: _Optional[_Iterable[str]] = ..., devices: _Optional[_Iterable[_Union[Device, _Mapping]]] = ..., torch: _Optional[_Union[Torch, _Mapping]] = ...) -> None: ...

class Device(_message.Message):
    __slots__ = ["allocated_bytes", "description", "free_bytes", "name", "reserved_bytes", "text_away_bytes", "text_bytes", "total_bytes"]
    ALLOCATED_BYTES_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    FREE_BYTES_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    RESERVED_BYTES_FIELD_NUMBER: _ClassVar[int]
    TEXT_AWAY_BYTES_FIELD_NUMBER: _ClassVar[int]
    TEXT_BYTES_FIELD_NUMBER: _ClassVar[int]
    TOTAL_BYTES_FIELD_NUMBER: _ClassVar[int]
    allocated_bytes: int
    description: str
    free_bytes: int
    name: str
    reserved_bytes: int
    text_away_bytes: int
    text_bytes: int
    total_bytes: int
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., total_bytes: _Optional[int] = ..., free_bytes: _Optional[int] = ..., allocated_bytes: _Optional[int] = ..., reserved_bytes: _Optional[int] = ..., text_bytes: _Optional[int] = ..., text_away_bytes: _Optional[int] = ...) -> None: ...

class EncodedPrompt(_message.Message):
    __slots__ = ["hidden", "pooled"]
    HIDDEN_FIELD_NUMBER: _ClassVar[int]
    POOLED_FIELD_NUMBER: _ClassVar[int]
    hidden: Tensor
    pooled: Tensor
    def __init__(self, hidden: _Optional[_Union[Tensor, _Mapping]] = ..., pooled: _Optional[_Union[Tensor, _Mapping]] = ...) -> None: ...

class Error(_message.Message):
    __slots__ = ["class_type", "code", "inputs", "kind", "message", "node_id"]
    CLASS_TYPE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    class_type: str
    code: int
    inputs: _containers.RepeatedScalarFieldContainer[str]
    kind: Kind
    message: str
    node_id: str
    def __init__(self, kind: _Optional[_Union[Kind, str]] = ..., message: _Optional[str] = ..., node_id: _Optional[str] = ..., class_type: _Optional[str] = ..., inputs: _Optional[_Iterable[str]] = ..., code: _Optional[int] = ...) -> None: ...

class ExecuteRequest(_message.Message):
    __slots__ = ["call_id", "class_type", "files", "inputs", "node_id", "previews", "prompt_id", "workflow"]
    class FilesEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: bytes
        def __init__(self, key: _Optional[str] = ..., value: _Optional[bytes] = ...) -> None: ...
    class InputsEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[Value, _Mapping]] = ...) -> None: ...
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    CLASS_TYPE_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    PREVIEWS_FIELD_NUMBER: _ClassVar[int]
    PROMPT_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_FIELD_NUMBER: _ClassVar[int]
    call_id: str
    class_type: str
    files: _containers.ScalarMap[str, bytes]
    inputs: _containers.MessageMap[str, Value]
    node_id: str
    previews: bool
    prompt_id: str
    workflow: bytes
    def __init__(self, prompt_id: _Optional[str] = ..., node_id: _Optional[str] = ..., class_type: _Optional[str] = ..., inputs: _Optional[_Mapping[str, Value]] = ..., workflow: _Optional[bytes] = ..., call_id: _Optional[str] = ..., previews: bool = ..., files: _Optional[_Mapping[str, bytes]] = ...) -> None: ...

class ExecuteResponse(_message.Message):
    __slots__ = ["file", "preview", "progress", "result", "step"]
    FILE_FIELD_NUMBER: _ClassVar[int]
    PREVIEW_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    file: File
    preview: Preview
    progress: Progress
    result: Result
    step: bytes
    def __init__(self, progress: _Optional[_Union[Progress, _Mapping]] = ..., preview: _Optional[_Union[Preview, _Mapping]] = ..., step: _Optional[bytes] = ..., file: _Optional[_Union[File, _Mapping]] = ..., result: _Optional[_Union[Result, _Mapping]] = ...) -> None: ...

class File(_message.Message):
    __slots__ = ["data", "name", "subfolder", "type"]
    DATA_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SUBFOLDER_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    name: str
    subfolder: str
    type: str
    def __init__(self, name: _Optional[str] = ..., subfolder: _Optional[str] = ..., type: _Optional[str] = ..., data: _Optional[bytes] = ...) -> None: ...

class FreeRequest(_message.Message):
    __slots__ = ["handles"]
    HANDLES_FIELD_NUMBER: _ClassVar[int]
    handles: bool
    def __init__(self, handles: bool = ...) -> None: ...

class FreeResponse(_message.Message):
    __slots__ = ["released"]
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    released: int
    def __init__(self, released: _Optional[int] = ...) -> None: ...

class GuidanceClose(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class GuidanceClosed(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class GuidanceInstances(_message.Message):
    __slots__ = ["count", "name", "tokens"]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    count: int
    name: str
    tokens: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, name: _Optional[str] = ..., count: _Optional[int] = ..., tokens: _Optional[_Iterable[int]] = ...) -> None: ...

class GuidanceLora(_message.Message):
    __slots__ = ["name", "strength_clip", "strength_model"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    STRENGTH_CLIP_FIELD_NUMBER: _ClassVar[int]
    STRENGTH_MODEL_FIELD_NUMBER: _ClassVar[int]
    name: str
    strength_clip: float
    strength_model: float
    def __init__(self, name: _Optional[str] = ..., strength_model: _Optional[float] = ..., strength_clip: _Optional[float] = ...) -> None: ...

class GuidanceLoss(_message.Message):
    __slots__ = ["name", "value", "weight"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: float
    weight: float
    def __init__(self, name: _Optional[str] = ..., value: _Optional[float] = ..., weight: _Optional[float] = ...) -> None: ...

class GuidanceMethod(_message.Message):
    __slots__ = ["help", "name", "options", "presets", "title"]
    HELP_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    PRESETS_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    help: str
    name: str
    options: _containers.RepeatedCompositeFieldContainer[GuidanceOption]
    presets: _containers.RepeatedCompositeFieldContainer[GuidancePreset]
    title: str
    def __init__(self, name: _Optional[str] = ..., title: _Optional[str] = ..., help: _Optional[str] = ..., presets: _Optional[_Iterable[_Union[GuidancePreset, _Mapping]]] = ..., options: _Optional[_Iterable[_Union[GuidanceOption, _Mapping]]] = ...) -> None: ...

class GuidanceOpen(_message.Message):
    __slots__ = ["checkpoint", "counts", "encoded", "images", "instances", "loras", "measure", "method", "options", "parametrisation", "preset", "prompt", "seed", "shared_weights", "sizes", "weights"]
    class OptionsEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    ENCODED_FIELD_NUMBER: _ClassVar[int]
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    INSTANCES_FIELD_NUMBER: _ClassVar[int]
    LORAS_FIELD_NUMBER: _ClassVar[int]
    MEASURE_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    PARAMETRISATION_FIELD_NUMBER: _ClassVar[int]
    PRESET_FIELD_NUMBER: _ClassVar[int]
    PROMPT_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    SHARED_WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    SIZES_FIELD_NUMBER: _ClassVar[int]
    WEIGHTS_FIELD_NUMBER: _ClassVar[int]
    checkpoint: str
    counts: str
    encoded: EncodedPrompt
    images: int
    instances: _containers.RepeatedCompositeFieldContainer[GuidanceInstances]
    loras: _containers.RepeatedCompositeFieldContainer[GuidanceLora]
    measure: bool
    method: str
    options: _containers.ScalarMap[str, str]
    parametrisation: Parametrisation
    preset: str
    prompt: str
    seed: int
    shared_weights: _containers.RepeatedCompositeFieldContainer[SharedWeight]
    sizes: Sizes
    weights: _containers.RepeatedCompositeFieldContainer[GuidanceWeight]
    def __init__(self, checkpoint: _Optional[str] = ..., prompt: _Optional[str] = ..., encoded: _Optional[_Union[EncodedPrompt, _Mapping]] = ..., sizes: _Optional[_Union[Sizes, _Mapping]] = ..., instances: _Optional[_Iterable[_Union[GuidanceInstances, _Mapping]]] = ..., counts: _Optional[str] = ..., method: _Optional[str] = ..., preset: _Optional[str] = ..., options: _Optional[_Mapping[str, str]] = ..., parametrisation: _Optional[_Union[Parametrisation, str]] = ..., images: _Optional[int] = ..., seed: _Optional[int] = ..., measure: bool = ..., loras: _Optional[_Iterable[_Union[GuidanceLora, _Mapping]]] = ..., weights: _Optional[_Iterable[_Union[GuidanceWeight, _Mapping]]] = ..., shared_weights: _Optional[_Iterable[_Union[SharedWeight, _Mapping]]] = ...) -> None: ...

class GuidanceOpened(_message.Message):
    __slots__ = ["device", "dtype", "factor", "family", "latent_channels", "method", "notes", "options", "shared_folder", "sigma_max", "sigma_min", "target"]
    class OptionsEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    FACTOR_FIELD_NUMBER: _ClassVar[int]
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    LATENT_CHANNELS_FIELD_NUMBER: _ClassVar[int]
    METHOD_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    SHARED_FOLDER_FIELD_NUMBER: _ClassVar[int]
    SIGMA_MAX_FIELD_NUMBER: _ClassVar[int]
    SIGMA_MIN_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    device: str
    dtype: str
    factor: int
    family: str
    latent_channels: int
    method: str
    notes: _containers.RepeatedScalarFieldContainer[str]
    options: _containers.ScalarMap[str, str]
    shared_folder: str
    sigma_max: float
    sigma_min: float
    target: _containers.RepeatedCompositeFieldContainer[GuidanceInstances]
    def __init__(self, family: _Optional[str] = ..., device: _Optional[str] = ..., dtype: _Optional[str] = ..., latent_channels: _Optional[int] = ..., factor: _Optional[int] = ..., sigma_min: _Optional[float] = ..., sigma_max: _Optional[float] = ..., target: _Optional[_Iterable[_Union[GuidanceInstances, _Mapping]]] = ..., method: _Optional[str] = ..., options: _Optional[_Mapping[str, str]] = ..., notes: _Optional[_Iterable[str]] = ..., shared_folder: _Optional[str] = ...) -> None: ...

class GuidanceOption(_message.Message):
    __slots__ = ["choices", "help", "most", "name", "step", "type"]
    CHOICES_FIELD_NUMBER: _ClassVar[int]
    HELP_FIELD_NUMBER: _ClassVar[int]
    MOST_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    choices: _containers.RepeatedScalarFieldContainer[str]
    help: str
    most: float
    name: str
    step: float
    type: str
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., choices: _Optional[_Iterable[str]] = ..., most: _Optional[float] = ..., step: _Optional[float] = ..., help: _Optional[str] = ...) -> None: ...

class GuidancePrepare(_message.Message):
    __slots__ = ["count", "noise", "sigma", "timestep"]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    NOISE_FIELD_NUMBER: _ClassVar[int]
    SIGMA_FIELD_NUMBER: _ClassVar[int]
    TIMESTEP_FIELD_NUMBER: _ClassVar[int]
    count: int
    noise: Tensor
    sigma: float
    timestep: float
    def __init__(self, noise: _Optional[_Union[Tensor, _Mapping]] = ..., count: _Optional[int] = ..., sigma: _Optional[float] = ..., timestep: _Optional[float] = ...) -> None: ...

class GuidancePrepared(_message.Message):
    __slots__ = ["changed", "noise"]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    NOISE_FIELD_NUMBER: _ClassVar[int]
    changed: bool
    noise: Tensor
    def __init__(self, noise: _Optional[_Union[Tensor, _Mapping]] = ..., changed: bool = ...) -> None: ...

class GuidancePreset(_message.Message):
    __slots__ = ["name", "options"]
    class OptionsEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    name: str
    options: _containers.ScalarMap[str, str]
    def __init__(self, name: _Optional[str] = ..., options: _Optional[_Mapping[str, str]] = ...) -> None: ...

class GuidanceReport(_message.Message):
    __slots__ = ["foreground", "grad_norm", "height", "labels", "latent_norm", "loss", "losses", "masks", "moves", "sigma", "skipped", "step_norm", "timestep", "wanted", "width"]
    FOREGROUND_FIELD_NUMBER: _ClassVar[int]
    GRAD_NORM_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    LATENT_NORM_FIELD_NUMBER: _ClassVar[int]
    LOSSES_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    MASKS_FIELD_NUMBER: _ClassVar[int]
    MOVES_FIELD_NUMBER: _ClassVar[int]
    SIGMA_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    STEP_NORM_FIELD_NUMBER: _ClassVar[int]
    TIMESTEP_FIELD_NUMBER: _ClassVar[int]
    WANTED_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    foreground: int
    grad_norm: float
    height: int
    labels: _containers.RepeatedScalarFieldContainer[int]
    latent_norm: float
    loss: float
    losses: _containers.RepeatedCompositeFieldContainer[GuidanceLoss]
    masks: Tensor
    moves: int
    sigma: float
    skipped: str
    step_norm: float
    timestep: float
    wanted: bool
    width: int
    def __init__(self, sigma: _Optional[float] = ..., timestep: _Optional[float] = ..., skipped: _Optional[str] = ..., wanted: bool = ..., losses: _Optional[_Iterable[_Union[GuidanceLoss, _Mapping]]] = ..., loss: _Optional[float] = ..., moves: _Optional[int] = ..., grad_norm: _Optional[float] = ..., step_norm: _Optional[float] = ..., latent_norm: _Optional[float] = ..., foreground: _Optional[int] = ..., height: _Optional[int] = ..., width: _Optional[int] = ..., labels: _Optional[_Iterable[int]] = ..., masks: _Optional[_Union[Tensor, _Mapping]] = ...) -> None: ...

class GuidanceStep(_message.Message):
    __slots__ = ["count", "index", "latents", "masks", "sigma", "timestep"]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    LATENTS_FIELD_NUMBER: _ClassVar[int]
    MASKS_FIELD_NUMBER: _ClassVar[int]
    SIGMA_FIELD_NUMBER: _ClassVar[int]
    TIMESTEP_FIELD_NUMBER: _ClassVar[int]
    count: int
    index: int
    latents: Tensor
    masks: bool
    sigma: float
    timestep: float
    def __init__(self, index: _Optional[int] = ..., count: _Optional[int] = ..., sigma: _Optional[float] = ..., timestep: _Optional[float] = ..., latents: _Optional[_Union[Tensor, _Mapping]] = ..., masks: bool = ...) -> None: ...

class GuidanceStepped(_message.Message):
    __slots__ = ["latents", "reports"]
    LATENTS_FIELD_NUMBER: _ClassVar[int]
    REPORTS_FIELD_NUMBER: _ClassVar[int]
    latents: Tensor
    reports: _containers.RepeatedCompositeFieldContainer[GuidanceReport]
    def __init__(self, latents: _Optional[_Union[Tensor, _Mapping]] = ..., reports: _Optional[_Iterable[_Union[GuidanceReport, _Mapping]]] = ...) -> None: ...

class GuidanceWeight(_message.Message):
    __slots__ = ["dtype", "name", "sha256"]
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    dtype: DType
    name: str
    sha256: bytes
    def __init__(self, name: _Optional[str] = ..., dtype: _Optional[_Union[DType, str]] = ..., sha256: _Optional[bytes] = ...) -> None: ...

class GuideRequest(_message.Message):
    __slots__ = ["close", "open", "prepare", "step"]
    CLOSE_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    PREPARE_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    close: GuidanceClose
    open: GuidanceOpen
    prepare: GuidancePrepare
    step: GuidanceStep
    def __init__(self, open: _Optional[_Union[GuidanceOpen, _Mapping]] = ..., prepare: _Optional[_Union[GuidancePrepare, _Mapping]] = ..., step: _Optional[_Union[GuidanceStep, _Mapping]] = ..., close: _Optional[_Union[GuidanceClose, _Mapping]] = ...) -> None: ...

class GuideResponse(_message.Message):
    __slots__ = ["closed", "error", "opened", "prepared", "seconds", "stepped"]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    OPENED_FIELD_NUMBER: _ClassVar[int]
    PREPARED_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    STEPPED_FIELD_NUMBER: _ClassVar[int]
    closed: GuidanceClosed
    error: Error
    opened: GuidanceOpened
    prepared: GuidancePrepared
    seconds: float
    stepped: GuidanceStepped
    def __init__(self, opened: _Optional[_Union[GuidanceOpened, _Mapping]] = ..., prepared: _Optional[_Union[GuidancePrepared, _Mapping]] = ..., stepped: _Optional[_Union[GuidanceStepped, _Mapping]] = ..., closed: _Optional[_Union[GuidanceClosed, _Mapping]] = ..., error: _Optional[_Union[Error, _Mapping]] = ..., seconds: _Optional[float] = ...) -> None: ...

class Handle(_message.Message):
    __slots__ = ["id", "type"]
    ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    id: str
    type: str
    def __init__(self, id: _Optional[str] = ..., type: _Optional[str] = ...) -> None: ...

class MethodsRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class MethodsResponse(_message.Message):
    __slots__ = ["methods"]
    METHODS_FIELD_NUMBER: _ClassVar[int]
    methods: _containers.RepeatedCompositeFieldContainer[GuidanceMethod]
    def __init__(self, methods: _Optional[_Iterable[_Union[GuidanceMethod, _Mapping]]] = ...) -> None: ...

class Preview(_message.Message):
    __slots__ = ["data", "format"]
    DATA_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    format: str
    def __init__(self, format: _Optional[str] = ..., data: _Optional[bytes] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ["max", "value"]
    MAX_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    max: int
    value: int
    def __init__(self, value: _Optional[int] = ..., max: _Optional[int] = ...) -> None: ...

class ReleaseRequest(_message.Message):
    __slots__ = ["call_ids", "ids"]
    CALL_IDS_FIELD_NUMBER: _ClassVar[int]
    IDS_FIELD_NUMBER: _ClassVar[int]
    call_ids: _containers.RepeatedScalarFieldContainer[str]
    ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, ids: _Optional[_Iterable[str]] = ..., call_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class ReleaseResponse(_message.Message):
    __slots__ = ["released"]
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    released: int
    def __init__(self, released: _Optional[int] = ...) -> None: ...

class Result(_message.Message):
    __slots__ = ["outputs", "ui"]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    UI_FIELD_NUMBER: _ClassVar[int]
    outputs: _containers.RepeatedCompositeFieldContainer[Value]
    ui: bytes
    def __init__(self, outputs: _Optional[_Iterable[_Union[Value, _Mapping]]] = ..., ui: _Optional[bytes] = ...) -> None: ...

class Running(_message.Message):
    __slots__ = ["class_type", "node_id", "prompt_id", "seconds", "waiting"]
    CLASS_TYPE_FIELD_NUMBER: _ClassVar[int]
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    PROMPT_ID_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    WAITING_FIELD_NUMBER: _ClassVar[int]
    class_type: str
    node_id: str
    prompt_id: str
    seconds: float
    waiting: bool
    def __init__(self, prompt_id: _Optional[str] = ..., node_id: _Optional[str] = ..., class_type: _Optional[str] = ..., waiting: bool = ..., seconds: _Optional[float] = ...) -> None: ...

class SharedWeight(_message.Message):
    __slots__ = ["dtype", "handle", "name", "offset", "shape"]
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    dtype: DType
    handle: bytes
    name: str
    offset: int
    shape: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, name: _Optional[str] = ..., dtype: _Optional[_Union[DType, str]] = ..., shape: _Optional[_Iterable[int]] = ..., handle: _Optional[bytes] = ..., offset: _Optional[int] = ...) -> None: ...

class Sizes(_message.Message):
    __slots__ = ["height", "left", "target_height", "target_width", "top", "width"]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    TARGET_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    TARGET_WIDTH_FIELD_NUMBER: _ClassVar[int]
    TOP_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    height: int
    left: int
    target_height: int
    target_width: int
    top: int
    width: int
    def __init__(self, height: _Optional[int] = ..., width: _Optional[int] = ..., top: _Optional[int] = ..., left: _Optional[int] = ..., target_height: _Optional[int] = ..., target_width: _Optional[int] = ...) -> None: ...

class StatsRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class StatsResponse(_message.Message):
    __slots__ = ["devices", "guidance_sessions", "handles", "pid", "resident_bytes", "running", "tensors", "uptime_seconds"]
    class HandlesEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    GUIDANCE_SESSIONS_FIELD_NUMBER: _ClassVar[int]
    HANDLES_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    RESIDENT_BYTES_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    TENSORS_FIELD_NUMBER: _ClassVar[int]
    UPTIME_SECONDS_FIELD_NUMBER: _ClassVar[int]
    devices: _containers.RepeatedCompositeFieldContainer[Device]
    guidance_sessions: int
    handles: _containers.ScalarMap[str, int]
    pid: int
    resident_bytes: int
    running: _containers.RepeatedCompositeFieldContainer[Running]
    tensors: int
    uptime_seconds: float
    def __init__(self, handles: _Optional[_Mapping[str, int]] = ..., tensors: _Optional[int] = ..., resident_bytes: _Optional[int] = ..., devices: _Optional[_Iterable[_Union[Device, _Mapping]]] = ..., running: _Optional[_Iterable[_Union[Running, _Mapping]]] = ..., uptime_seconds: _Optional[float] = ..., pid: _Optional[int] = ..., guidance_sessions: _Optional[int] = ...) -> None: ...

class Tensor(_message.Message):
    __slots__ = ["data", "dtype", "shape", "shared"]
    DATA_FIELD_NUMBER: _ClassVar[int]
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    SHARED_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    dtype: DType
    shape: _containers.RepeatedScalarFieldContainer[int]
    shared: str
    def __init__(self, dtype: _Optional[_Union[DType, str]] = ..., shape: _Optional[_Iterable[int]] = ..., data: _Optional[bytes] = ..., shared: _Optional[str] = ...) -> None: ...

class Torch(_message.Message):
    __slots__ = ["error", "library", "loaded", "threads", "version"]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    LIBRARY_FIELD_NUMBER: _ClassVar[int]
    LOADED_FIELD_NUMBER: _ClassVar[int]
    THREADS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    error: str
    library: str
    loaded: bool
    threads: int
    version: str
    def __init__(self, loaded: bool = ..., error: _Optional[str] = ..., library: _Optional[str] = ..., version: _Optional[str] = ..., threads: _Optional[int] = ...) -> None: ...

class Value(_message.Message):
    __slots__ = ["handle", "json", "list"]
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    LIST_FIELD_NUMBER: _ClassVar[int]
    handle: Handle
    json: bytes
    list: ValueList
    def __init__(self, json: _Optional[bytes] = ..., handle: _Optional[_Union[Handle, _Mapping]] = ..., list: _Optional[_Union[ValueList, _Mapping]] = ...) -> None: ...

class ValueList(_message.Message):
    __slots__ = ["values"]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedCompositeFieldContainer[Value]
    def __init__(self, values: _Optional[_Iterable[_Union[Value, _Mapping]]] = ...) -> None: ...

class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class DType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class Parametrisation(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
