#!/usr/bin/env python3
"""Writes tiny ONNX detectors, pictures, and what the detectors see in them, for the Go tests beside this folder.

  pip install onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6 pillow==13.0.0 opencv-python-headless==5.0.0.93 tokenizers==0.23.3
  python make_models.py

The models compute: a convolution measures how red, green and blue each pixel is, and reductions find, for each colour and each half
of the picture, where its pixels begin and end. Red is a cat, green a dog, blue a sports ball. Each box comes with copies that must be
suppressed, must stay, or are not certain enough. What the detectors see is computed here with OpenCV or Pillow, onnxruntime, and
a decoding in numpy that shares nothing with the Go code.
"""

import json
import shutil
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

import tiny_models
from see import letterbox, see_dino, see_yolo
from tiny_models import COCO_INDEX, PIECES, WORDS

HERE = Path(__file__).resolve().parent
COLOURS = {"cat": (230, 30, 20), "dog": (30, 210, 50), "sports ball": (25, 40, 235)}


def picture(name, width, height, objects, seed):
    """Draws objects (word, x0, y0, x1, y1) before a grey that wavers."""
    noise = np.random.default_rng(seed).integers(-12, 13, (height // 4 + 1, width // 4 + 1, 3))
    ground = (150 + np.kron(noise, np.ones((4, 4, 1), int))[:height, :width]).astype(np.uint8)
    image = Image.fromarray(ground)
    for word, x0, y0, x1, y1 in objects:
        ImageDraw.Draw(image).rectangle((x0, y0, x1 - 1, y1 - 1), COLOURS[word])
    image.save(HERE / "pictures" / f"{name}.png")
    return np.array(image)


def bert():
    tokenizer = Tokenizer(models.WordPiece({p: i for i, p in enumerate(PIECES)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", PIECES.index("[SEP]")), ("[CLS]", PIECES.index("[CLS]")))
    return tokenizer


def main():
    for folder in ("pictures", "letterbox", "stretch", "dino", "dino-fixed"):
        shutil.rmtree(HERE / folder, ignore_errors=True)
        (HERE / folder).mkdir()
    named = {"names": repr(dict(enumerate(WORDS))), "task": "detect", "imgsz": "[64, 64]", "stride": "32"}
    tiny_models.yolo(HERE / "yolo.onnx", metadata=named)
    tiny_models.yolo(HERE / "yolo-coco.onnx", classes=80)
    tiny_models.yolo(HERE / "yolo-dynamic.onnx", "height", "width", metadata={"imgsz": "[64, 96]"})
    tiny_models.yolo(HERE / "yolo-seg.onnx", masks=True, metadata=named | {"task": "segment"})
    tiny_models.yolo(HERE / "yolo-pose.onnx", metadata=named | {"task": "pose"})
    tiny_models.yolo_end_to_end(HERE / "yolo-end.onnx", named | {"end2end": "True"})
    tiny_models.dino(HERE / "dino" / "onnx" / "model.onnx")  # the folders of onnx-community/grounding-dino-tiny-ONNX
    tiny_models.dino(HERE / "dino-fixed" / "model.onnx", 64, 96, 16)
    tokenizer = bert()
    tokenizer.save(str(HERE / "dino" / "tokenizer.json"))
    (HERE / "dino-fixed" / "vocab.txt").write_text("\n".join(PIECES) + "\n", encoding="utf-8")

    pictures = {
        "square": picture("square", 64, 64, [("cat", 5, 8, 27, 40), ("dog", 36, 20, 60, 50)], 1),
        "wide": picture("wide", 100, 60, [("cat", 4, 5, 31, 44), ("cat", 60, 10, 96, 33), ("sports ball", 53, 38, 71, 56)], 2),
        "high": picture("high", 37, 81, [("sports ball", 2, 50, 16, 74), ("dog", 20, 6, 35, 45)], 3),
        "large": picture("large", 201, 150, [("dog", 110, 20, 173, 141), ("cat", 20, 35, 85, 120)], 4),
        "empty": picture("empty", 48, 48, [], 5),
    }
    boxed = {}
    for name, image in pictures.items():
        shown, scale, left, top = letterbox(image, 64, 64)
        Image.fromarray(shown).save(HERE / "letterbox" / f"{name}.png")
        Image.fromarray(image).resize((96, 64), Image.Resampling.BILINEAR).save(HERE / "stretch" / f"{name}.png")
        boxed[name] = {"scale": scale, "left": left, "top": top}

    cases = []
    for name, image in pictures.items():
        for model in ("yolo", "yolo-coco", "yolo-seg", "yolo-end", "yolo-dynamic"):
            height, width = (64, 96) if model == "yolo-dynamic" else (64, 64)
            words = WORDS
            if model == "yolo-coco":
                words = [dict(zip(COCO_INDEX, WORDS)).get(i, f"class {i}") for i in range(80)]
            for wanted in (WORDS, ["cat", "unicorn"]):
                seen = see_yolo(HERE / f"{model}.onnx", image, wanted, height, width, words)
                cases.append({"model": f"{model}.onnx", "picture": name, "wanted": wanted, "found": seen})
        # The sizes are transformers' for shortest edge 800, longest edge 1333.
        scaled = {"square": (800, 800), "wide": (1333, 800), "high": (609, 1333), "large": (1072, 800), "empty": (800, 800)}[name]
        for model, size, length in (("dino/onnx", scaled, None), ("dino-fixed", (96, 64), 16)):
            for wanted in (WORDS, ["zebra", "cat"]) if length or name == "square" else (WORDS,):
                seen = see_dino(HERE / model / "model.onnx", image, wanted, size, tokenizer, length)
                cases.append({"model": f"{model}/model.onnx", "picture": name, "wanted": wanted, "found": seen})

    texts = [
        "a cat.",
        "an sports ball.",
        "a zebra.",
        "A Hot DOG!",
        "cats, dogs",
        "driver's license",
        "jalapeño",
        "a\tcat\n . ",
        "hot-dog",
        "cat球cat",
        "xx xxx",
        "unknown cat",
        "x" * 100,
        "x" * 101,
        "\u200bcat\u0000 dog",
        "",
        "  ",
        "«cat»",
        "don't",
        "zebras",
    ]
    tokens = [{"text": t, "ids": tokenizer.encode(t, add_special_tokens=False).ids} for t in texts]
    golden = {"letterbox": boxed, "cases": cases, "tokens": tokens}
    (HERE / "golden.json").write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
