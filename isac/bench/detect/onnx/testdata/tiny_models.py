"""The graphs of make_models.py."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WORDS = ["cat", "dog", "sports ball"]
COCO_INDEX = [15, 16, 32]
# How much of a colour is in a pixel: the colour less half of each other one.
PURITY = np.array([[1, -0.5, -0.5], [-0.5, 1, -0.5], [-0.5, -0.5, 1]], np.float32)
# Copies of each box: shift to the right in widths, factor of the score.
COPIES = [(0.0, 1.0), (0.1, 0.9), (0.3, 0.8), (0.6, 0.2)]
MEAN, STD = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)
PIECES = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    ".",
    ",",
    "'",
    "-",
    "a",
    "an",
    "cat",
    "dog",
    "sports",
    "ball",
    "hot",
    "ze",
    "##bra",
    "##s",
    "driver",
    "license",
    "jalapeno",
    "x",
    "##x",
    "球",
]
# What a piece stands for in red, green and blue. "." and [CLS] like every colour: only the class word's own pieces may count.
MEANING = {
    ".": (3, 3, 3),
    "[CLS]": (3, 3, 3),
    "cat": (1, 0, 0),
    "dog": (0, 1, 0),
    "sports": (0, 0, 0.7),
    "ball": (0, 0, 1),
    "ze": (0, 0, 0),
    "##bra": (1, 0, 0),
}


class Graph:
    """Collects nodes; an op is the name of its output."""

    def __init__(self):
        self.nodes, self.constants = [], []

    def op(self, kind, *inputs, outputs=1, **attributes):
        names = [f"{kind}_{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, [self.name(x) for x in inputs], names, **attributes))
        return names[0] if outputs == 1 else names

    def name(self, x):
        if isinstance(x, str):
            return x
        self.constants.append(numpy_helper.from_array(np.asarray(x), f"constant_{len(self.constants)}"))
        return self.constants[-1].name

    def ints(self, *values):
        return np.array(values, np.int64)

    def floats(self, *values):
        return np.array(values, np.float32)

    def save(self, path, inputs, outputs, metadata=None):
        for name, (value, _, _) in outputs.items():
            self.nodes.append(helper.make_node("Identity", [value], [name]))
        graph = helper.make_graph(
            self.nodes,
            "tiny",
            [helper.make_tensor_value_info(n, t, s) for n, (t, s) in inputs.items()],
            [helper.make_tensor_value_info(n, t, s) for n, (_, t, s) in outputs.items()],
            self.constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="make_models.py")
        helper.set_model_props(model, metadata or {})
        onnx.checker.check_model(model, full_check=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(model, path)


def regions(g, purity):
    """From [1,3,H,W] purities: boxes [4,6] (x0 y0 x1 y1 of three colours in two halves) and mean purities in them [3,6]."""
    shape = g.op("Shape", purity)
    h, w = (g.op("Gather", shape, np.int64(i), axis=0) for i in (2, 3))
    xs, ys = (g.op("Cast", g.op("Range", np.int64(0), n, np.int64(1)), to=TensorProto.FLOAT) for n in (w, h))
    middle = g.op("Div", g.op("Cast", w, to=TensorProto.FLOAT), np.float32(2))
    left = g.op("Cast", g.op("Less", xs, middle), to=TensorProto.FLOAT)
    halves = g.op(
        "Concat", g.op("Unsqueeze", left, g.ints(0, 1)), g.op("Unsqueeze", g.op("Sub", np.float32(1), left), g.ints(0, 1)), axis=0
    )  # [2,1,W]
    mask = g.op("Cast", g.op("Greater", purity, np.float32(0.5)), to=TensorProto.FLOAT)
    mask = g.op("Mul", g.op("Unsqueeze", mask, g.ints(2)), halves)  # [1,3,2,H,W]
    edges = []
    for axis, numbers, size in ((3, xs, w), (4, ys, h)):
        seen = g.op("Greater", g.op("ReduceMax", mask, axes=[axis], keepdims=0), np.float32(0))
        first = g.op("ReduceMin", g.op("Where", seen, numbers, g.op("Cast", size, to=TensorProto.FLOAT)), axes=[3], keepdims=0)
        last = g.op("ReduceMax", g.op("Where", seen, g.op("Add", numbers, np.float32(1)), np.float32(0)), axes=[3], keepdims=0)
        edges.append((first, last))
    boxes = g.op("Concat", *[g.op("Reshape", e, g.ints(1, 6)) for e in (edges[0][0], edges[1][0], edges[0][1], edges[1][1])], axis=0)
    flat = g.op("Reshape", mask, g.ints(6, -1))
    total = g.op("MatMul", g.op("Reshape", purity, g.ints(3, -1)), g.op("Transpose", flat, perm=[1, 0]))
    count = g.op("Max", g.op("ReduceSum", flat, g.ints(1), keepdims=0), np.float32(1))
    return boxes, g.op("Div", total, count)


def measure(g, images, weights, bias):
    return g.op("Relu", g.op("Conv", images, weights.reshape(3, 3, 1, 1), bias))


def copies(g, boxes, scores):
    """Boxes [4,24] as cx cy w h, and scores [3,24]."""
    x0, y0, x1, y1 = g.op("Split", boxes, outputs=4, axis=0)
    w, h = g.op("Sub", x1, x0), g.op("Sub", y1, y0)
    cx, cy = (g.op("Mul", g.op("Add", a, b), np.float32(0.5)) for a, b in ((x0, x1), (y0, y1)))
    moved, weaker = [], []
    for shift, factor in COPIES:
        x = g.op("Add", cx, g.op("Mul", w, np.float32(shift)))
        moved.append(g.op("Concat", x, cy, w, h, axis=0))
        weaker.append(g.op("Mul", scores, np.float32(factor)))
    return g.op("Concat", *moved, axis=1), g.op("Concat", *weaker, axis=1)


def image_input(height, width):
    return {"images": (TensorProto.FLOAT, [1, 3, height, width])}


def yolo(path, height=64, width=64, classes=3, masks=False, metadata=None):
    """The head of v8 to v12: [1,4+C,N]."""
    g = Graph()
    purity = measure(g, "images", PURITY, g.floats(0, 0, 0))
    boxes, scores = copies(g, *regions(g, purity))
    if classes == 80:
        place = np.zeros((80, 3), np.float32)
        place[COCO_INDEX, range(3)] = 1
        scores = g.op("MatMul", place, scores)
    rows = [boxes, scores]
    outputs = {"output0": (None, TensorProto.FLOAT, [1, 4 + classes, 24])}
    if masks:
        rows.append(np.full((32, 24), 5, np.float32))  # more than any score, to be noticed when taken for one
        protos = g.op("Conv", g.op("AveragePool", purity, kernel_shape=[4, 4], strides=[4, 4]), np.ones((32, 3, 1, 1), np.float32))
        outputs = {
            "output0": (None, TensorProto.FLOAT, [1, 4 + classes + 32, 24]),
            "output1": (protos, TensorProto.FLOAT, [1, 32, height // 4, width // 4]),
        }
    head = g.op("Unsqueeze", g.op("Concat", *rows, axis=0), g.ints(0))
    outputs["output0"] = (head, *outputs["output0"][1:])
    g.save(path, image_input(height, width), outputs, metadata)


def yolo_end_to_end(path, metadata):
    """The head of v10 and 26: [1,300,6], sorted, empty rows at the end."""
    g = Graph()
    boxes, scores = regions(g, measure(g, "images", PURITY, g.floats(0, 0, 0)))
    best = g.op("ReduceMax", scores, axes=[0], keepdims=0)
    kind = g.op("Cast", g.op("ArgMax", scores, axis=0, keepdims=0), to=TensorProto.FLOAT)
    best, order = g.op("TopK", best, g.ints(6), outputs=2)
    columns = g.op(
        "Concat",
        g.op("Gather", boxes, order, axis=1),
        g.op("Unsqueeze", best, g.ints(0)),
        g.op("Unsqueeze", g.op("Gather", kind, order), g.ints(0)),
        axis=0,
    )
    rows = g.op("Pad", g.op("Transpose", columns, perm=[1, 0]), g.ints(0, 0, 294, 0))
    g.save(path, image_input(64, 64), {"output0": (g.op("Unsqueeze", rows, g.ints(0)), TensorProto.FLOAT, [1, 300, 6])}, metadata)


def dino(path, height="height", width="width", length="length"):
    """Grounding DINO's inputs and outputs; a logit is large where a piece of the text means the colour of a box."""
    g = Graph()
    # The picture comes with ImageNet's mean and deviation taken out; the convolution puts them back.
    purity = measure(g, "pixel_values", PURITY * STD, PURITY @ MEAN)
    shown = g.op("Unsqueeze", g.op("Cast", "pixel_mask", to=TensorProto.FLOAT), g.ints(1))
    boxes, scores = copies(g, *regions(g, g.op("Mul", purity, shown)))
    size = g.op("Cast", g.op("Shape", "pixel_values", start=2), to=TensorProto.FLOAT)
    h, w = (g.op("Gather", size, g.ints(i)) for i in (0, 1))
    boxes = g.op("Div", boxes, g.op("Unsqueeze", g.op("Concat", w, h, w, h, axis=0), g.ints(1)))
    meaning = np.array([MEANING.get(p, (0, 0, 0)) for p in PIECES], np.float32)
    text = g.op("Gather", meaning, "input_ids", axis=0)  # [1,L,3]
    logits = g.op("MatMul", g.op("Transpose", scores, perm=[1, 0]), g.op("Transpose", text, perm=[0, 2, 1]))  # [1,24,L]
    logits = g.op("Sub", g.op("Mul", logits, np.float32(8)), np.float32(4))
    kinds = g.op("Unsqueeze", g.op("Cast", "token_type_ids", to=TensorProto.FLOAT), g.ints(1))
    logits = g.op("Sub", logits, g.op("Mul", kinds, np.float32(100)))
    real = g.op("Unsqueeze", g.op("Cast", "attention_mask", to=TensorProto.BOOL), g.ints(1))
    nothing = np.float32(-np.inf)
    logits = g.op("Where", real, logits, nothing)
    rest = g.op("Sub", g.ints(256), g.op("Shape", "input_ids", start=1))
    logits = g.op("Pad", logits, g.op("Concat", g.ints(0, 0, 0, 0, 0), rest, axis=0), nothing)
    ids = (TensorProto.INT64, [1, length])
    inputs = {
        "pixel_values": (TensorProto.FLOAT, [1, 3, height, width]),
        "input_ids": ids,
        "token_type_ids": ids,
        "attention_mask": ids,
        "pixel_mask": (TensorProto.INT64, [1, height, width]),
    }
    boxes = g.op("Unsqueeze", g.op("Transpose", boxes, perm=[1, 0]), g.ints(0))
    g.save(path, inputs, {"logits": (logits, TensorProto.FLOAT, [1, 24, 256]), "pred_boxes": (boxes, TensorProto.FLOAT, [1, 24, 4])})
