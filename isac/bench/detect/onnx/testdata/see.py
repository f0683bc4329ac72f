"""What the detectors of make_models.py see, computed without the Go code: OpenCV or Pillow, onnxruntime, numpy."""

import cv2
import numpy as np
import onnxruntime
from PIL import Image

from tiny_models import MEAN, STD, WORDS


def letterbox(image, height, width):
    h, w = image.shape[:2]
    scale = min(height / h, width / w)
    new_w, new_h = round(w * scale), round(h * scale)
    dw, dh = (width - new_w) / 2, (height - new_h) / 2
    top, bottom, left, right = round(dh - 0.1), round(dh + 0.1), round(dw - 0.1), round(dw + 0.1)
    image = cv2.resize(image, (new_w, new_h), interpolation=cv2.INTER_LINEAR)
    image = cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(114, 114, 114))
    return image, (new_w / w, new_h / h), left, top


def overlaps(boxes):
    low, high = np.maximum(boxes[:, None, :2], boxes[None, :, :2]), np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    both = np.prod(np.clip(high - low, 0, None), axis=2)
    area = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return both / (area[:, None] + area[None, :] - both)


def suppress(boxes, scores, kinds, limit=0.7):
    order = np.argsort(-scores, kind="stable")
    covered = (overlaps(boxes) > limit) & (kinds[:, None] == kinds[None, :])
    kept = []
    for i in order:
        if not covered[i, kept].any():
            kept.append(i)
    return kept


def corners(boxes):
    return np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], axis=1)


def listed(words, scores, boxes, wanted):
    rows = [
        {"class": w, "score": round(float(s), 5), "box": dict(zip(("x0", "y0", "x1", "y1"), (round(float(v), 3) for v in b)))}
        for w, s, b in zip(words, scores, boxes)
        if w in wanted
    ]
    return sorted(rows, key=lambda r: -r["score"])


def see_yolo(path, image, wanted, height=64, width=64, words=WORDS):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    boxed, scale, left, top = letterbox(image, height, width)
    out = session.run(["output0"], {"images": boxed.transpose(2, 0, 1)[None].astype(np.float32) / 255})[0][0]
    if out.shape[1] == 6:
        boxes, scores, kinds = out[:, :4], out[:, 4], out[:, 5].astype(int)
        kept = np.flatnonzero(scores > 0.25)
    else:
        table = out[4 : 4 + len(words)]
        boxes, scores, kinds = corners(out[:4].T), table.max(0), table.argmax(0)
        sure = np.flatnonzero(scores > 0.25)
        kept = sure[suppress(boxes[sure], scores[sure], kinds[sure])]
    boxes = (boxes - [left, top, left, top]) / (scale * 2)
    boxes = boxes.clip(0, [image.shape[1], image.shape[0]] * 2)
    return listed([words[k] for k in kinds[kept]], scores[kept], boxes[kept], wanted)


def see_dino(path, image, wanted, size, tokenizer, length=None):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    width, height = size
    pixels = np.array(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR), np.float32) / 255
    found = []
    for word in wanted:
        text = f"{'an' if word[0] in 'aeiou' else 'a'} {word}."
        coded = tokenizer.encode(text)
        begin = text.index(word)
        own = [i for i, (a, b) in enumerate(coded.offsets) if begin <= a < b <= begin + len(word)]
        pad = (length or len(coded.ids)) - len(coded.ids)
        row = lambda values: np.array([values + [0] * pad], np.int64)  # noqa: E731
        logits, boxes = session.run(
            ["logits", "pred_boxes"],
            {
                "pixel_values": ((pixels - MEAN) / STD).transpose(2, 0, 1)[None],
                "pixel_mask": np.ones((1, height, width), np.int64),
                "input_ids": row(coded.ids),
                "token_type_ids": row(coded.type_ids),
                "attention_mask": row(coded.attention_mask),
            },
        )
        scores = (1 / (1 + np.exp(-logits[0].astype(np.float64))))[:, own].max(1)
        boxes = corners(boxes[0]) * ([image.shape[1], image.shape[0]] * 2)
        sure = np.flatnonzero(scores > 0.3)
        kept = sure[suppress(boxes[sure], scores[sure], np.zeros(len(sure)))]
        found += listed([word] * len(kept), scores[kept], boxes[kept].clip(0, [image.shape[1], image.shape[0]] * 2), wanted)
    return sorted(found, key=lambda r: -r["score"])
