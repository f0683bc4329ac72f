#!/usr/bin/env python3
"""Writes what the Go tests of isac/diffusion compare themselves with: inputs and outputs of diffusers and transformers.

  make_fixtures.py tiny            tiny random models and their outputs, into testdata/tiny and testdata/tiny-linear
  make_fixtures.py shapes          names and shapes of all tensors of Stable Diffusion 1.5, 2.1 and XL in folders, into testdata/shapes
  make_fixtures.py mini [MODEL]    outputs of the mini model (default examples/mini/model), into testdata/mini

See README.md beside this file. Weights are rounded to float16 before anything is computed, so that files are small and the numbers
are those of the file.
"""

import hashlib
import json
import sys
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, EulerDiscreteScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

HERE = Path(__file__).resolve().parent
BOUND = ["unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors",
         "unet/config.json", "vae/config.json", "text_encoder/config.json", "scheduler/scheduler_config.json",
         "tokenizer/vocab.json", "tokenizer/merges.txt"]  # a fixture of the mini model holds for these very files
torch.set_grad_enabled(False)


def halve(model):
    """Rounds weights to float16 and goes on in float32."""
    for p in model.parameters():
        p.data = p.data.half().float()
        p.requires_grad_(False)
    return model.eval()


def save_half(model, folder, name, config):
    folder.mkdir(parents=True, exist_ok=True)
    state = {k: v.half().contiguous() for k, v in model.state_dict().items() if v.is_floating_point()}
    save_file(state, folder / name)
    (folder / "config.json").write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")


def plain(config):
    return {k: v for k, v in dict(config).items() if not k.startswith("_") or k == "_class_name"}


class Probe:
    """Attention computed plainly, keeping one number a key: probabilities, averaged over heads, weighted over queries."""

    def __init__(self, name, out):
        self.name, self.out = name, out

    def __call__(self, attn: Attention, hidden_states, encoder_hidden_states=None, attention_mask=None, **kw):
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        q, k, v = (attn.head_to_batch_dim(x) for x in (attn.to_q(hidden_states), attn.to_k(context), attn.to_v(context)))
        probs = attn.get_attention_scores(q, k)
        b = hidden_states.shape[0]
        mean = probs.reshape(b, attn.heads, *probs.shape[1:]).mean(1)
        ramp = torch.linspace(0, 1, mean.shape[1])
        self.out["tap." + self.name] = (mean * ramp[None, :, None]).sum(1).contiguous()
        return attn.to_out[0](attn.batch_to_head_dim(probs @ v))


def unet_outputs(unet, channels, size, context, seed, **added):
    """added goes to every call of the UNet: what it takes beside the context."""
    g = torch.Generator().manual_seed(seed)
    out = {"unet.context": context}
    x = torch.randn(2, channels, *size, generator=g)
    out["unet.x"] = x
    for t in (1, 500, 999):
        out[f"unet.out.{t}"] = unet(x, t, context, **added).sample
    # the gradient of a fixed weighting of the output with respect to x
    w = torch.randn(2, unet.config.out_channels, *size, generator=g)
    with torch.enable_grad():
        xg = x.clone().requires_grad_(True)
        (unet(xg, 500, context, **added).sample * w).sum().backward()
    out["unet.weighting"], out["unet.grad"] = w, xg.grad
    taps = {}
    names = [n for n, m in unet.named_modules() if isinstance(m, Attention)]
    old = unet.attn_processors
    unet.set_attn_processor({n + ".processor": Probe(n, taps) for n in names})
    unet(x, 500, context, **added)
    unet.set_attn_processor(old)
    return out | taps, list(k[4:] for k in taps)


def vae_outputs(vae, image, seed):
    g = torch.Generator().manual_seed(seed)
    f = 2 ** (len(vae.config.block_out_channels) - 1)
    z = torch.randn(1, vae.config.latent_channels, image.shape[2] // f, image.shape[3] // f, generator=g)
    moments = vae.encode(image).latent_dist
    return {"vae.z": z, "vae.decoded": vae.decode(z).sample, "vae.image": image, "vae.mean": moments.mean, "vae.logvar": moments.logvar}


def vocabulary(words):
    """A byte-level BPE vocabulary in CLIP's layout: all bytes, all bytes that end a word, the merges that spell words, two specials."""
    kept = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    chars = [chr(b) for b in kept] + [chr(256 + i) for i in range(256 - len(kept))]
    vocab, merges = chars + [c + "</w>" for c in chars], []
    for word in words:
        parts = list(word[:-1]) + [word[-1] + "</w>"]
        while len(parts) > 1:
            pair = (parts[0], parts[1])
            if pair not in merges:
                merges.append(pair)
                vocab.append("".join(pair))
            parts = ["".join(pair)] + parts[2:]
    vocab += ["<|startoftext|>", "<|endoftext|>"]
    return {v: i for i, v in enumerate(dict.fromkeys(vocab))}, merges


def make_tiny():
    root = HERE / "tiny"
    torch.manual_seed(1)
    vocab, merges = vocabulary(["a", "photo", "of", "two", "three", "cats", "cat", "dog", "dogs", "and"])
    (root / "tokenizer").mkdir(parents=True, exist_ok=True)
    (root / "tokenizer/vocab.json").write_text(json.dumps(vocab, ensure_ascii=False, separators=(",", ":")) + "\n")
    (root / "tokenizer/merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))

    eos = vocab["<|endoftext|>"]
    tc = dict(vocab_size=len(vocab), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
              max_position_embeddings=24, hidden_act="quick_gelu", bos_token_id=eos - 1, eos_token_id=eos, pad_token_id=eos)
    text = halve(CLIPTextModel(CLIPTextConfig(**tc)))
    torch.nn.init.normal_(text.final_layer_norm.weight, 1, 0.2)
    halve(text)
    save_half(text, root / "text_encoder", "model.safetensors", tc)

    unet = halve(UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, layers_per_block=2, block_out_channels=(8, 16, 16), norm_num_groups=4,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D", "CrossAttnUpBlock2D"), cross_attention_dim=32, attention_head_dim=[2, 2, 4]))
    save_half(unet, root / "unet", "diffusion_pytorch_model.safetensors", plain(unet.config))
    vae = halve(AutoencoderKL(block_out_channels=(8, 16, 16), layers_per_block=1, norm_num_groups=4, latent_channels=4,
                              down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3, scaling_factor=0.5))
    save_half(vae, root / "vae", "diffusion_pytorch_model.safetensors", plain(vae.config))
    scheduler = DDIMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, steps_offset=1, clip_sample=False,
                              set_alpha_to_one=True)
    (root / "scheduler").mkdir(exist_ok=True)
    (root / "scheduler/scheduler_config.json").write_text(json.dumps(plain(scheduler.config), indent=1, sort_keys=True, default=str) + "\n")
    index = {"_class_name": "StableDiffusionPipeline"}
    (root / "model_index.json").write_text(json.dumps(index) + "\n")

    g = torch.Generator().manual_seed(2)
    ids = torch.randint(0, len(vocab), (2, 24), generator=g)
    context = text(ids).last_hidden_state
    out, taps = unet_outputs(unet, 4, (8, 8), context, 3)
    out |= vae_outputs(vae, torch.rand(1, 3, 32, 24, generator=g) * 2 - 1, 4)
    out |= {"text.ids": ids, "text.out": context}
    gelu = CLIPTextModel(CLIPTextConfig(**(tc | {"hidden_act": "gelu"}))).eval()
    gelu.load_state_dict(text.state_dict())
    out["text.gelu"] = gelu(ids).last_hidden_state
    # sides that three levels do not divide: 6 → 3 → 2, 10 → 5 → 3
    odd = torch.randn(1, 4, 6, 10, generator=g)
    out |= {"unet.odd": odd, "unet.odd.out": unet(odd, 250, context[:1]).sample}
    save(out, root, {"taps": taps})

    linear = halve(UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, layers_per_block=1, block_out_channels=(8, 16), norm_num_groups=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=32, attention_head_dim=2, use_linear_projection=True, transformer_layers_per_block=2,
        flip_sin_to_cos=False, freq_shift=1))
    root = HERE / "tiny-linear"
    save_half(linear, root, "unet.safetensors", plain(linear.config))
    out, taps = unet_outputs(linear, 4, (4, 6), context, 5)
    save(out, root, {"taps": taps})


def make_shapes():
    """The real names and shapes, from the real classes with the real settings, without any weights."""
    root = HERE / "shapes"
    root.mkdir(exist_ok=True)
    sd15 = dict(sample_size=64, block_out_channels=(320, 640, 1280, 1280), layers_per_block=2, cross_attention_dim=768,
                attention_head_dim=8)
    sd21 = sd15 | dict(sample_size=96, cross_attention_dim=1024, attention_head_dim=[5, 10, 20, 20], use_linear_projection=True)
    sdxl = dict(sample_size=128, block_out_channels=(320, 640, 1280), layers_per_block=2, cross_attention_dim=2048,
                attention_head_dim=[5, 10, 20], use_linear_projection=True, transformer_layers_per_block=[1, 2, 10],
                down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
                up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), addition_embed_type="text_time",
                addition_time_embed_dim=256, projection_class_embeddings_input_dim=2816)
    clip_l = CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12)
    clip_h = CLIPTextConfig(hidden_size=1024, intermediate_size=4096, num_hidden_layers=23, num_attention_heads=16, hidden_act="gelu")
    clip_g = CLIPTextConfig(hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, num_attention_heads=20, hidden_act="gelu",
                            projection_dim=1280)
    vae = dict(block_out_channels=(128, 256, 512, 512), layers_per_block=2, latent_channels=4,
               down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4)
    with torch.device("meta"):
        models = {
            "sd15-unet": UNet2DConditionModel(**sd15), "sd21-unet": UNet2DConditionModel(**sd21),
            "sd15-text": CLIPTextModel(clip_l), "sd21-text": CLIPTextModel(clip_h), "sd15-vae": AutoencoderKL(**vae),
            "sdxl-unet": UNet2DConditionModel(**sdxl), "sdxl-text2": CLIPTextModelWithProjection(clip_g),
        }
    for name, model in models.items():
        lines = [f"{k} {' '.join(map(str, v.shape))}" for k, v in sorted(model.state_dict().items())]
        (root / f"{name}.txt").write_text("\n".join(lines) + "\n")
        print(f"{root / name}.txt: {len(lines)} tensors")


def save(tensors, folder, about):
    save_file({k: v.contiguous().clone() for k, v in tensors.items()}, folder / "fixture.safetensors")
    (folder / "fixture.json").write_text(json.dumps(about, indent=1) + "\n")
    print(f"{folder}: {sum(f.stat().st_size for f in folder.rglob('*') if f.is_file()) // 1024} KiB")


def load(cls, folder):
    """Loads one part of a model in float32, whichever prefix its text encoder's keys have."""
    if cls is CLIPTextModel:
        config = json.loads((folder / "config.json").read_text())
        known = CLIPTextConfig().to_dict()
        model = cls(CLIPTextConfig(**{k: v for k, v in config.items() if k in known and k not in ("architectures", "model_type")}))
        state = load_file(folder / "model.safetensors")
        model.load_state_dict({k.removeprefix("text_model."): v.float() for k, v in state.items() if "position_ids" not in k})
        return halve(model)
    return halve(cls.from_pretrained(folder, torch_dtype=torch.float32))


def guided(unet, cond, uncond, cfg):
    """One evaluation of [uncond; cond], combined as classifier-free guidance says."""
    context = torch.cat([uncond, cond])

    def run(x, t):
        u, c = unet(torch.cat([x, x]), t, context).sample.chunk(2)
        return u + cfg * (c - u)
    return run


def checksums(model):
    return {name: hashlib.sha256((model / name).read_bytes()).hexdigest() for name in BOUND}


def make_mini(model):
    from transformers import CLIPTokenizer
    sums = checksums(model)
    text = load(CLIPTextModel, model / "text_encoder")
    unet, vae = load(UNet2DConditionModel, model / "unet"), load(AutoencoderKL, model / "vae")
    tokenizer = CLIPTokenizer.from_pretrained(model / "tokenizer")
    prompt, negative, seed, steps, cfg = "a photo of two cats and a dog", "", 7, 20, 3.0
    length = text.config.max_position_embeddings
    ids = tokenizer([prompt, negative], padding="max_length", max_length=length, truncation=True, return_tensors="pt").input_ids
    hidden = text(ids).last_hidden_state
    cond, uncond = hidden[:1], hidden[1:]
    channels, size = unet.config.in_channels, unet.config.sample_size
    f = 2 ** (len(vae.config.block_out_channels) - 1)

    out, taps = unet_outputs(unet, channels, (size, size), cond.repeat(2, 1, 1), 8)
    g = torch.Generator().manual_seed(9)
    smooth = torch.nn.functional.interpolate(torch.rand(1, 3, 8, 8, generator=g), size=(size * f, size * f), mode="bilinear")
    out |= vae_outputs(vae, smooth * 2 - 1, 10)
    out |= {"text.ids": ids, "text.out": hidden}

    about = json.loads((model / "scheduler/scheduler_config.json").read_text())
    common = dict(num_train_timesteps=about.get("num_train_timesteps", 1000), beta_start=about["beta_start"], beta_end=about["beta_end"],
                  beta_schedule=about["beta_schedule"], prediction_type=about.get("prediction_type", "epsilon"))
    noise = torch.randn(1, channels, size, size, generator=torch.Generator().manual_seed(seed))
    predict = guided(unet, cond, uncond, cfg)

    ddim = DDIMScheduler(**common, clip_sample=False, set_alpha_to_one=True, timestep_spacing="leading", steps_offset=1)
    ddim.set_timesteps(steps)
    x = noise * (1 - ddim.alphas_cumprod[ddim.timesteps[0]]).sqrt()  # ComfyUI's start below the highest sigma: noise·σ, in its own scale
    for t in ddim.timesteps:
        x = ddim.step(predict(x, t), t, x, eta=0).prev_sample
    out |= {"run.noise": noise, "run.ddim": x, "run.image": vae.decode(x / vae.config.scaling_factor).sample}

    euler = EulerDiscreteScheduler(**common)
    a = torch.cumprod(1 - euler.betas.double(), 0)
    table = ((1 - a) / a).sqrt()
    stride = len(table) / steps  # ComfyUI's "simple": every 50th sigma from the highest down
    sigmas = [float(table[-(1 + int(i * stride))]) for i in range(steps)]
    euler.set_timesteps(sigmas=sigmas + [0.0])
    x = noise * (1 + euler.sigmas[0] ** 2).sqrt()
    for t in euler.timesteps:
        x = euler.step(predict(euler.scale_model_input(x, t), t), t, x).prev_sample
    out |= {"run.euler": x}

    root = HERE / "mini"
    root.mkdir(exist_ok=True)
    if sums != checksums(model):
        sys.exit(f"{model} was replaced meanwhile: run this again")
    save(out, root, {"taps": taps, "prompt": prompt, "negative": negative, "seed": seed, "steps": steps, "cfg": cfg,
                     "sigmas": sigmas, "sha256": sums})


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in ("tiny", "shapes", "mini"):
        sys.exit(__doc__)
    if sys.argv[1] == "tiny":
        make_tiny()
    elif sys.argv[1] == "shapes":
        make_shapes()
    else:
        make_mini(Path(sys.argv[2]) if len(sys.argv) > 2 else HERE.parents[2] / "examples/mini/model")


if __name__ == "__main__":
    main()
