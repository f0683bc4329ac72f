#!/usr/bin/env python3
"""Writes testdata/prompts: what ComfyUI makes of prompts with weights, embeddings and many tokens.

  make_prompts.py FOLDER [COUNT]      FOLDER is a checkout of comfyanonymous/ComfyUI (0.3.64), its requirements installed;
                                      COUNT random prompts are added (60)

tokens in fixture.json are ComfyUI's own for OpenAI's vocabulary, of the tokenizers of SD1 ("l"), SD2 ("h") and SDXL and SD3 ("l", "g").
Vectors of embeddings are written as [file, tensor, row]. fixture.safetensors holds the conditionings of the tiny models here, made by
ComfyUI's SDClipModel and its families' encode_token_weights. The embeddings are written too.
"""

import json
import logging
import random
import sys
from pathlib import Path
from types import SimpleNamespace

import torch
from safetensors.torch import load_file, save_file

sys.path.insert(0, sys.argv[1])
del sys.argv[1]
from comfy.cli_args import args  # noqa: E402

args.cpu = True
from comfy import ops, sd1_clip, sdxl_clip  # noqa: E402
from comfy.text_encoders import sd2_clip, sd3_clip  # noqa: E402

HERE = Path(__file__).resolve().parent
OUT = HERE / "prompts"
FOLDER = OUT / "embeddings"
LONG = "two cats " + "very " * 68 + "big and three tennis rackets"
FIELD = "a photo of two cats in a green field under a blue sky on a warm summer day with very soft light, and a dog"

PROMPTS = [
    "", " ", "\n", "a cat", "two cats and a dog", "(cat)", "((cat))", "(((a cat)) and dogs)", "(cat:1.3)", "(cat:0)", "(cat:-0.5)",
    "(cat:.5)", "(cat: 1.2 )", "(cat:1_0)", "(cat:1e-1)", "(cat:0x1)", "(cat:)", "(cat:abc)", "(:1.3)", "(a:b:1.3)", "((cat:1.3))",
    "((cat:1.3):0.5)", "(a (b:1.2) c:1.5) d", "a (big (red)) (cat:1.2), dog", "()", "( )", "(", ")", "((", "))", "(a", "a)", "((a)",
    "(a))", "a) (b) c", ")(", "a)(b)c)(d:2)(e", "(a)(b:0.7)(c)", r"a \(cat\)", r"(a \(cat\):1.3)", r"\(cat:1.3\)", r"\\(cat\\)", "a \\",
    "[cat]", "[[cat]]", "[cat:dog:0.5]", "{red|blue} cat", "a cat <lora:name:0.8>", "a cat BREAK a dog", "(cat:1.3)\n(dog:0.8)",
    "é(ñ:1.1) 猫(犬:1.2)", "İ(İ:2)", "a cat<|endoftext|>(dog:1.2)", "embedding:one", "a embedding:one cat", "a embedding:many cat",
    "(embedding:many:1.3) cat", "embedding:one, a cat", "embedding:many,, dog", "a, embedding:one\nembedding:many and",
    "a embedding:absent cat", "a embedding:absent, cat", "embedding:sub/deep", "embedding:deep", "embedding:one.safetensors x",
    "xembedding:one", "embedding:one embedding:one", "(embedding:one) (embedding:1.2)", r"embedding:one\(x\)", "embedding:bundle a",
    "word " * 74 + "cat", "word " * 75 + "cat", "word " * 76 + "cat", "word " * 160 + "(tennis rackets:1.4)", LONG, FIELD,
    "a " * 70 + "(one two three four five six seven:1.2) end", "a " * 70 + "(one two three four five six seven eight:1.2) end",
    "a " * 73 + "embedding:many cat", "a " * 75 + "embedding:big cat", "embedding:big " * 30,
    "antidisestablishmentarianism " * 15 + "(x:1.1)", "a " * 72 + "(tennis rackets)(supercalifragilistic:1.2)", "a " * 75,
    "a " * 75 + "(b)",
]

PARTS = ["(", "(", ")", ")", ":1.2", ":0.5)", ":", " ", " ", "\n", "\\(", "\\)", "\\", "cat",
         "two dogs", "[", "]", "embedding:one", " embedding:many ", ", ", "1.5", "é"]

STATES = [
    "", "a photo of two cats and a dog", "a photo of (two cats:1.4) and ((a dog))", "(two cats:0) and (three dogs:-1.5)",
    "a cat " * 14 + "and (dogs:1.3)", "a " * 60 + "photo of (cat:0.7)", "a embedding:one cat", "(a embedding:many dog:1.2) and cats",
    "a " * 21 + "embedding:many and dogs", "a embedding:absent cat", "a <|endoftext|> embedding:one dog",
    "a embedding:first cat and (two dogs:1.3)", "a embedding:one dog" + " and" * 20 + " embedding:uneven",
]
STOPS = (-1, -2, -3, -24)  # of the tiny text encoders' layers; they have not so many as the last
FEW = [STATES[i] for i in (1, 2, 5, 7, 8, 11)]  # for the other two families


def mixed(count):
    """Prompts of random parts, most of them malformed."""
    r = random.Random(7)
    return ["".join(r.choice(PARTS) for _ in range(r.randint(3, 24))) for _ in range(count)]


def embeddings():
    """Files of embeddings for text encoders of 16 and 24, SDXL's, and of 32, SD1's."""
    (FOLDER / "sub").mkdir(parents=True, exist_ok=True)
    g = torch.Generator().manual_seed(5)

    def three(n):
        return {key: torch.randn(n, width, generator=g) * 0.2 for key, width in (("clip_l", 16), ("clip_g", 24), ("clip_h", 32))}

    save_file(three(1), FOLDER / "one.safetensors")
    save_file(three(3), FOLDER / "many.safetensors")
    save_file(three(9), FOLDER / "big.safetensors")
    save_file(three(2), FOLDER / "sub/deep.safetensors")
    save_file({"emb_params": torch.randn(2, 16, generator=g) * 0.2}, FOLDER / "first.safetensors")
    save_file({"emb_params": torch.randn(2, 32, generator=g) * 0.2}, FOLDER / "plain.safetensors")
    uneven = {"clip_g": torch.randn(30, 24, generator=g) * 0.2, "clip_l": torch.randn(1, 16, generator=g) * 0.2}
    save_file(uneven, FOLDER / "uneven.safetensors")
    bundle = {f"bundle_emb.{name}.string_to_param.*": torch.randn(n, 16, generator=g) for name, n in (("a", 1), ("b", 2))}
    save_file(bundle | {"lora_te_x": torch.zeros(1)}, FOLDER / "bundle.safetensors")
    known = {}
    for path in sorted(FOLDER.rglob("*.safetensors")):
        for name, t in load_file(path).items():
            for i, row in enumerate(t.reshape(-1, t.shape[-1])):
                known[row.numpy().tobytes()] = [str(path.relative_to(FOLDER)), name, i]
    return known


def written(rows, known):
    """Rows as {ids, weights}: tokens up to the first of the padding, the number of all, and the weights that are not 1."""
    out = []
    for row in rows:
        ids = [known[t.numpy().tobytes()] if torch.is_tensor(t) else int(t) for t, _ in row]
        padding = 0
        while padding < len(ids) - 1 and ids[-1 - padding] == ids[-1]:
            padding += 1
        weights = [[i, w] for i, (_, w) in enumerate(row) if w != 1.0]
        out.append({"ids": ids[:len(ids) - padding + 1], "length": len(ids), "weights": weights})
    return out


def tokens(known):
    folder = str(FOLDER)
    of = {"sd1": sd1_clip.SD1Tokenizer(folder), "sd2": sd2_clip.SD2Tokenizer(folder), "sdxl": sdxl_clip.SDXLTokenizer(folder)}
    sd3 = sd3_clip.SD3Tokenizer.__new__(sd3_clip.SD3Tokenizer)  # without T5's files
    sd3.clip_l, sd3.clip_g = sd1_clip.SDTokenizer(embedding_directory=folder), sdxl_clip.SDXLClipGTokenizer(embedding_directory=folder)
    sd3.t5xxl = SimpleNamespace(tokenize_with_weights=lambda *a, **k: [])
    of["sd3"] = sd3
    cases = []
    for text in PROMPTS + mixed(int(sys.argv[1]) if len(sys.argv) > 1 else 60):
        case = {"text": text}
        for name, tokenizer in of.items():
            for key, rows in tokenizer.tokenize_with_weights(text).items():
                if key != "t5xxl":
                    case[f"{name}.{key}"] = written(rows, known)
        assert case["sd1.l"] == case["sdxl.l"] == case["sd3.l"] and case["sdxl.g"] == case["sd3.g"]
        cases.append({"text": text, "l": case["sd1.l"], "g": case["sdxl.g"], "h": case["sd2.h"]})
    return cases


def text_model(model, part, pad, **more):
    """ComfyUI's text model with the weights of a tiny one. Sizes that it takes for granted are set first."""
    folder = HERE / model / part
    config = json.loads((folder / "config.json").read_text())
    weights = {k.replace("text_model.", ""): t.float() for k, t in load_file(folder / "model.safetensors").items()}
    eos = config["eos_token_id"]
    special = {"start": eos - 1, "end": eos, "pad": pad}
    m = sd1_clip.SDClipModel(textmodel_json_config=config, max_length=24, special_tokens=special, **more)
    m.transformer.set_input_embeddings(ops.manual_cast.Embedding(config["vocab_size"], config["hidden_size"]))
    if "text_projection.weight" in weights:
        m.transformer.text_projection = ops.manual_cast.Linear(*reversed(weights["text_projection.weight"].shape), bias=False)
    else:
        del m.transformer.text_projection
        m.transformer.text_projection = torch.nn.Identity()
    named = {("" if k.startswith("text_projection") else "text_model.") + k: t for k, t in weights.items()}
    missing, unexpected = m.transformer.load_state_dict(named, strict=False)
    assert not missing and all(k.endswith("position_ids") for k in unexpected), (missing, unexpected)
    return m


def tokenizer(model, part, size, key):
    """A tiny model's tokenizer, which pads with what its files name, and that token."""
    folder = HERE / model / part
    t = sd1_clip.SDTokenizer(str(folder), max_length=24, embedding_directory=str(FOLDER), embedding_size=size, embedding_key=key)
    special = folder / "special_tokens_map.json"
    if special.exists():
        name = json.loads(special.read_text())["pad_token"]
        t.pad_token = json.loads((folder / "vocab.json").read_text())[name if isinstance(name, str) else name["content"]]
    return t, t.pad_token


def single(model, name, key, texts, stop=None):
    t, pad = tokenizer(model, "tokenizer", 32, key)
    m = text_model(model, "text_encoder", pad)
    if stop is not None:
        m.set_clip_options({"layer": stop})
    return {f"{name}.{i}.text": m.encode_token_weights(t.tokenize_with_weights(x))[0] for i, x in enumerate(texts)}


def double(model, name, texts, encode, projected, stop=None):
    first, pad = tokenizer(model, "tokenizer", 16, "clip_l")
    second, pad2 = tokenizer(model, "tokenizer_2", 24, "clip_g")
    hidden = dict(layer="hidden", layer_idx=-2, layer_norm_hidden_state=False)
    # SD3's first encoder is taken with its projection: real files have the unit matrix there, and ComfyUI leaves it out.
    clip = SimpleNamespace(clip_l=text_model(model, "text_encoder", pad, return_projected_pooled=projected, **hidden),
                           clip_g=text_model(model, "text_encoder_2", pad2, **hidden), t5xxl=None)
    if stop is not None:
        clip.clip_l.set_clip_options({"layer": stop})
        clip.clip_g.set_clip_options({"layer": stop})
    out = {}
    for i, x in enumerate(texts):
        pairs = {"l": first.tokenize_with_weights(x), "g": second.tokenize_with_weights(x), "t5xxl": []}
        text, pooled = encode(clip, pairs)[:2]
        out |= {f"{name}.{i}.text": text[..., :40], f"{name}.{i}.pooled": pooled}
    return out


def main():
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    known = embeddings()
    cases = tokens(known)
    with torch.no_grad():
        states = single("tiny", "sd1", "clip_l", STATES) | single("tiny-sd2", "sd2", "clip_h", FEW)
        states |= double("tiny-sdxl", "sdxl", STATES, sdxl_clip.SDXLClipModel.encode_token_weights, False)
        states |= double("tiny-sd3", "sd3", FEW, sd3_clip.SD3ClipModel.encode_token_weights, True)
        for stop in STOPS:
            states |= single("tiny", f"sd1.stop{stop}", "clip_l", STATES[1:2], stop)
            states |= double("tiny-sdxl", f"sdxl.stop{stop}", STATES[1:2], sdxl_clip.SDXLClipModel.encode_token_weights, False, stop)
    save_file({k: t.contiguous() for k, t in states.items()}, OUT / "fixture.safetensors")
    about = {"tokens": cases, "states": STATES, "few": FEW}
    (OUT / "fixture.json").write_text(json.dumps(about, ensure_ascii=False, separators=(",", ":")) + "\n")


main()
