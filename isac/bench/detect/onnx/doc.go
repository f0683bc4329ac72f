// Package onnx runs object detectors of others, as ONNX files, on ONNX Runtime: the YOLO family and Grounding DINO. The paper's three
// (B.3) are YOLOv12, YOLOE and Grounding DINO. Nothing here holds weights; a user brings them.
//
// # The library
//
// ONNX Runtime 1.24 or later is opened when the first detector is (Runtime); nothing is linked. It is part of a Python package:
//
//	pip install onnxruntime
//
// Runtime finds it in the active environment, or where ISAC_ONNXRUNTIME says. The package onnxruntime-gpu has the same library
// with CUDA, which the option CUDA turns on.
//
// # The weights
//
// YOLO, with Ultralytics' package (pip install ultralytics; its weights are AGPL-3.0):
//
//	yolo export model=yolo12x.pt format=onnx
//
// YOLOE takes its classes before the export, after that it is a YOLO like any other:
//
//	from ultralytics import YOLOE
//	model = YOLOE("yoloe-11l-seg.pt")
//	words = ["cat", "dog", "horse"]
//	model.set_classes(words, model.get_text_pe(words))
//	model.export(format="onnx")
//
// Grounding DINO, with Hugging Face's package (pip install huggingface_hub; Apache-2.0, 690 MB in float32):
//
//	hf download onnx-community/grounding-dino-tiny-ONNX onnx/model.onnx tokenizer.json --local-dir grounding-dino
//
// and then grounding-dino/onnx/model.onnx is the file to name: the tokenizer is looked for beside it and one folder up. That export
// answers for the first phrase of a prompt alone, which is why each class has a pass of its own here.
//
// # What comes out
//
// Thresholds are those that the detectors' own tools use, see Confidence, BoxThreshold and MaxIoU. Suppression of overlapping boxes
// is by class: a box that one detector calls a horse and a cow comes out twice, because mixed creatures are what a bench looks for.
package onnx
