"""Pipelines of diffusers, guided, held against loops that are written out here and against this project's own sampler."""
import inspect
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
diffusers = pytest.importorskip("diffusers")
transformers = pytest.importorskip("transformers")

import isac_client  # noqa: E402
from isac_client.diffusers import Guidance  # noqa: E402
from isac_client.torch import from_tensor, to_tensor  # noqa: E402

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TINY = ROOT / "isac" / "diffusion" / "testdata"
PLUGIN = Path(os.environ.get("ISAC_PLUGIN", ROOT / "build" / "bin" / "isac-plugin"))
PROMPT = "a photo of two cats and a dog"
torch.set_num_threads(1)
BASES = {}


@pytest.fixture(scope="module")
def plugin():
    if not PLUGIN.exists():
        pytest.skip(f"{PLUGIN} is not built: make build")
    with isac_client.start(PLUGIN, models=[ROOT / "examples" / "mini", TINY]) as plugin:
        yield plugin


@pytest.fixture(scope="module")
def mini():
    pipe = diffusers.StableDiffusionPipeline.from_pretrained(ROOT / "examples" / "mini" / "model")
    pipe.set_progress_bar_config(disable=True)
    return pipe


def schedule(pipe, name, **changes):
    # Of the model's own settings, not of those that a test before has changed.
    own = BASES.setdefault(id(pipe.vae), dict(pipe.scheduler.config))
    pipe.scheduler = getattr(diffusers, name).from_config(own, **changes)


# The evaluations at which a step's latents are whole, of a run of four steps.
SCHEDULERS = {
    "DDIMScheduler": ([0, 1, 2, 3], {}),
    "DDPMScheduler": ([0, 1, 2, 3], {}),
    "DPMSolverMultistepScheduler": ([0, 1, 2, 3], {"use_karras_sigmas": True}),
    "DEISMultistepScheduler": ([0, 1, 2, 3], {}),
    "LCMScheduler": ([0, 1, 2, 3], {}),
    "TCDScheduler": ([0, 1, 2, 3], {}),
    "PNDMScheduler": ([0, 2, 3, 4], {"skip_prk_steps": True}),
    "EulerDiscreteScheduler": ([0, 1, 2, 3], {}),
    "EulerAncestralDiscreteScheduler": ([0, 1, 2, 3], {}),
    "LMSDiscreteScheduler": ([0, 1, 2, 3], {}),
    "HeunDiscreteScheduler": ([0, 2, 4, 6], {}),
    "KDPM2DiscreteScheduler": ([0, 2, 4, 6], {}),
    "KDPM2AncestralDiscreteScheduler": ([0, 2, 4, 6], {}),
}


def by_hand(pipe, session, begins, noise, scale, hears_sigma, generator, added=None):
    """The loop of a pipeline, with guidance in its right place. added are the embeddings of positive and negative prompt of SDXL."""
    scheduler, device = pipe.scheduler, "cpu"
    embeddings = pipe.encode_prompt(PROMPT, device=device, num_images_per_prompt=1, do_classifier_free_guidance=True)
    text = torch.cat([embeddings[1], embeddings[0]])
    more = {}
    if len(embeddings) == 4:
        sizes = pipe._get_add_time_ids(*added, dtype=text.dtype, text_encoder_projection_dim=pipe.text_encoder_2.config.projection_dim)
        more = {"text_embeds": torch.cat([embeddings[3], embeddings[2]]), "time_ids": torch.cat([sizes, sizes])}
    scheduler.set_timesteps(4)
    x = noise * scheduler.init_noise_sigma
    for i, t in enumerate(scheduler.timesteps):
        if i in begins:
            # Schedulers of two evaluations say themselves whether one is the first.
            assert getattr(scheduler, "state_in_first_order", True)
            level = {"sigma": float(scheduler.sigmas[i])} if hears_sigma else {}
            x = from_tensor(session.step(begins.index(i), 4, to_tensor(x), timestep=float(t), **level).latents)
        both = scheduler.scale_model_input(torch.cat([x, x]), t)
        negative, positive = pipe.unet(both, t, encoder_hidden_states=text, added_cond_kwargs=more or None).sample.chunk(2)
        takes = inspect.signature(scheduler.step).parameters  # as pipelines ask it
        keywords = {name: value for name, value in {"generator": generator, "eta": 0.0}.items() if name in takes}
        x = scheduler.step(negative + scale * (positive - negative), t, x, **keywords).prev_sample
    return x


@pytest.mark.parametrize("name", SCHEDULERS)
@torch.no_grad()
def test_equals_a_loop_by_hand(plugin, mini, name):
    begins, changes = SCHEDULERS[name]
    if name == "LMSDiscreteScheduler":
        pytest.importorskip("scipy", reason="diffusers asks for scipy for LMS")
    schedule(mini, name, **changes)
    plain = bool(mini.scheduler.init_noise_sigma == 1)
    noise = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(7))
    with plugin.guide(checkpoint="mini", prompt=PROMPT, parametrisation="model" if plain else "comfyui") as session:
        hears_sigma = hasattr(mini.scheduler, "sigmas") and (not plain or "DPM" in name)
        want = by_hand(mini, session, begins, noise, 5.0, hears_sigma, torch.Generator().manual_seed(1))
    guidance = Guidance(plugin, "mini")
    how = {"num_inference_steps": 4, "guidance_scale": 5.0, "output_type": "latent", "latents": noise.clone()}
    got = guidance(mini, PROMPT, **how, generator=torch.Generator().manual_seed(1)).images
    assert len(guidance.reports) == 4 and guidance.reports[0][0].moves == 1
    assert torch.equal(how["latents"], noise), "the caller's latents were changed"
    assert apart(got, want) < 1e-4
    plain = mini(PROMPT, **how, generator=torch.Generator().manual_seed(1)).images
    assert apart(plain, want) > 1e-3, "guidance did nothing"


def apart(a, b):
    assert torch.isfinite(a).all()
    return ((a - b).norm() / b.norm()).item()


@pytest.mark.parametrize(("name", "sampler"), [("DDIMScheduler", "ddim"), ("EulerDiscreteScheduler", "euler")])
@torch.no_grad()
def test_equals_our_own_sampler(plugin, mini, name, sampler):
    """The same noise, timesteps and prompt in a process that knows nothing of diffusers."""
    if shutil.which("go") is None:
        pytest.skip("go is not installed")
    schedule(mini, name, timestep_spacing="leading", steps_offset=1, **({"set_alpha_to_one": True} if sampler == "ddim" else {}))
    command = ["go", "run", "./examples/diffusers/latents", "-prompt", PROMPT, "-sampler", sampler, "-steps", "10", "-seed", "3"]
    env = {"ISAC_TORCH_SHIM": str(ROOT / "build" / "lib" / "libisactorch.so"), **os.environ}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    want = torch.frombuffer(bytearray(done.stdout), dtype=torch.float32).reshape(1, 4, 16, 16) * mini.vae.config.scaling_factor
    # Below the noisiest level ComfyUI's samplers, and ours, start with σ·noise in the place of √(1+σ²)·noise.
    kept = mini.scheduler.alphas_cumprod[901]
    noise = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(3)) * (1 - kept).sqrt()
    guidance = Guidance(plugin, "mini", seed=3)
    how = {"num_inference_steps": 10, "guidance_scale": 5.0, "output_type": "latent", "latents": noise}
    assert (guidance(mini, PROMPT, **how).images - want).abs().max() < 1e-3
    assert (mini(PROMPT, **how).images - want).abs().max() > 1e-2


@torch.no_grad()
def test_prompts_and_images(plugin, mini):
    """Two images of each of two prompts are those that are made alone."""
    schedule(mini, "DDIMScheduler")
    noise = torch.randn(4, 4, 16, 16, generator=torch.Generator().manual_seed(2))
    how = {"num_inference_steps": 3, "output_type": "latent"}
    prompts = [PROMPT, "a photo of three dogs"]
    guidance = Guidance(plugin, "mini", seed=10, options={"end": 1})
    got = guidance(mini, prompts, num_images_per_prompt=2, latents=noise, **how).images
    assert [len(reports) for reports in guidance.reports] == [4, 4, 4]
    for i in range(4):
        alone = Guidance(plugin, "mini", seed=10 + i, options={"end": 1})(mini, prompts[i // 2], latents=noise[i : i + 1], **how).images
        assert apart(got[i : i + 1], alone) < 1e-4


@torch.no_grad()
def test_parentheses_are_text(plugin, mini):
    """In diffusers they have tokens of their own, and class words stand behind them."""
    schedule(mini, "DDIMScheduler")
    guidance = Guidance(plugin, "mini")
    prompt = "a photo (a scene) of two cats and a dog"
    guidance(mini, prompt, num_inference_steps=1, output_type="latent")
    ids = mini.tokenizer(prompt).input_ids
    for name, word in (("cat", "cats"), ("dog", "dog")):
        token = mini.tokenizer(word).input_ids[-2]
        (aimed,) = [c for c in guidance.opened.target if c.name == name]
        assert list(aimed.tokens) == [ids.index(token)]


@torch.no_grad()
def test_from_a_picture(plugin, mini):
    """strength leaves out the first steps: guidance counts those that are taken, at their own noise levels."""
    for name, fits in (("DDIMScheduler", 1), ("EulerDiscreteScheduler", 1), ("HeunDiscreteScheduler", 2)):
        schedule(mini, name)
        pipe = diffusers.StableDiffusionImg2ImgPipeline(**mini.components, requires_safety_checker=False)
        pipe.set_progress_bar_config(disable=True)
        picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(5))
        guidance = Guidance(plugin, "mini", end=1)
        how = {"image": picture, "strength": 0.5, "num_inference_steps": 8, "output_type": "latent"}
        got = guidance(pipe, PROMPT, **how, generator=torch.Generator().manual_seed(1)).images
        assert len(guidance.reports) == 4 and all(r[0].moves == 1 for r in guidance.reports)
        scheduler = pipe.scheduler
        want = [float(t) for t in scheduler.timesteps[4 * fits :: fits]]
        assert [r[0].timestep for r in guidance.reports] == want[:4]
        if name != "DDIMScheduler":
            assert [r[0].sigma for r in guidance.reports] == [float(s) for s in scheduler.sigmas[4 * fits :: fits]][:4]
        assert apart(got, pipe(PROMPT, **how, generator=torch.Generator().manual_seed(1)).images) > 1e-3
    schedule(mini, "PNDMScheduler", skip_prk_steps=True)
    pipe = diffusers.StableDiffusionImg2ImgPipeline(**mini.components, requires_safety_checker=False)
    with pytest.raises(isac_client.Error, match="not from a picture"):
        Guidance(plugin, "mini")(pipe, PROMPT, **how)


@torch.no_grad()
def test_half_precision(plugin, mini):
    """Latents keep the pipeline's type; nothing is left behind on pipeline and scheduler."""
    pipe = diffusers.StableDiffusionPipeline(**mini.components, requires_safety_checker=False).to(torch.bfloat16)
    pipe.set_progress_bar_config(disable=True)
    schedule(pipe, "EulerDiscreteScheduler")
    before = set(vars(pipe)), set(vars(pipe.scheduler))
    try:
        got = Guidance(plugin, "mini")(pipe, PROMPT, num_inference_steps=2, output_type="latent").images
        assert got.dtype == torch.bfloat16 and torch.isfinite(got).all()
        assert "prepare_latents" not in vars(pipe) and "set_timesteps" not in vars(pipe.scheduler) and set(vars(pipe)) - before[0] <= {
            name for name in vars(pipe) if name.startswith("_")}
    finally:
        mini.to(torch.float32)


@torch.no_grad()
def test_a_callback_of_the_caller(plugin, mini):
    schedule(mini, "DDIMScheduler")
    heard = []

    def callback(pipe, i, t, tensors):
        heard.append((i, sorted(tensors)))
        pipe._interrupt = i == 1
        return {}

    guidance = Guidance(plugin, "mini", end=1)
    how = {"num_inference_steps": 4, "output_type": "latent", "callback_on_step_end": callback}
    guidance(mini, PROMPT, **how, callback_on_step_end_tensor_inputs=["prompt_embeds"])
    assert heard == [(0, ["latents", "prompt_embeds"]), (1, ["latents", "prompt_embeds"])] and len(guidance.reports) == 2


@torch.no_grad()
def test_refusals(plugin, mini):
    guidance = Guidance(plugin, "mini")
    for name in ("UniPCMultistepScheduler", "DPMSolverSinglestepScheduler"):
        schedule(mini, name)
        with pytest.raises(isac_client.Error, match=f"{name} is not guided.*DDIMScheduler"):
            guidance(mini, PROMPT, num_inference_steps=2)
    schedule(mini, "DDIMScheduler")
    with pytest.raises(isac_client.Error, match="checkpoint"):
        Guidance(plugin, "nothing")(mini, PROMPT, num_inference_steps=2)
    with pytest.raises(isac_client.Error, match="given no prompt"):
        guidance(mini, prompt_embeds=torch.zeros(1, 32, 64), negative_prompt_embeds=torch.zeros(1, 32, 64), num_inference_steps=2)

    def interrupted():
        raise KeyboardInterrupt

    endless = {"end": 1, "tries": 10000, "threshold.first": 1}
    with pytest.raises(KeyboardInterrupt):
        Guidance(plugin, "mini", wait=interrupted, method="attend_excite", options=endless)(mini, PROMPT)
    assert "prepare_latents" not in vars(mini)


@pytest.fixture(scope="module")
def xl():
    """The folder's model_index.json does not name its parts."""
    at = TINY / "tiny-sdxl"
    text = transformers.CLIPTextModel.from_pretrained(at / "text_encoder", dtype=torch.float32)
    text2 = transformers.CLIPTextModelWithProjection.from_pretrained(at / "text_encoder_2", dtype=torch.float32)
    tokenizers = [transformers.CLIPTokenizer.from_pretrained(at / name) for name in ("tokenizer", "tokenizer_2")]
    unet = diffusers.UNet2DConditionModel.from_pretrained(at / "unet")
    vae = diffusers.AutoencoderKL.from_pretrained(at / "vae")
    scheduler = diffusers.EulerDiscreteScheduler.from_pretrained(at / "scheduler")
    pipe = diffusers.StableDiffusionXLPipeline(vae, text, text2, *tokenizers, unet, scheduler, add_watermarker=False)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@torch.no_grad()
def test_xl(plugin, xl):
    factor = xl.vae_scale_factor
    noise = torch.randn(1, 4, 8, 12, generator=torch.Generator().manual_seed(7))
    height, width = 8 * factor, 12 * factor
    for sizes in ((height, width, 0, 0, height, width), (48, 40, 4, 2, 16, 24)):
        with plugin.guide(checkpoint="tiny-sdxl", prompt=PROMPT, sizes=sizes) as session:
            pairs = [tuple(sizes[i : i + 2]) for i in (0, 2, 4)]
            want = by_hand(xl, session, [0, 1, 2, 3], noise, 5.0, True, None, pairs)
        how = {"num_inference_steps": 4, "guidance_scale": 5.0, "output_type": "latent", "height": height, "width": width}
        if sizes[0] == 48:
            how.update(original_size=pairs[0], crops_coords_top_left=pairs[1], target_size=pairs[2])
        guidance = Guidance(plugin, "tiny-sdxl")
        got = guidance(xl, PROMPT, latents=noise, **how).images
        assert len(guidance.reports) == 4 and any(reports[0].moves for reports in guidance.reports)
        assert apart(got, want) < 1e-4
        assert apart(xl(PROMPT, latents=noise, **how).images, want) > 1e-5
    guidance(xl, PROMPT, latents=noise, **how, denoising_end=0.6)
    assert 0 < len(guidance.reports) < 4


@pytest.fixture(scope="module")
def sd3():
    at, fine = TINY / "tiny-sd3", {"dtype": torch.float32}
    pipe = diffusers.StableDiffusion3Pipeline(
        transformer=diffusers.SD3Transformer2DModel.from_pretrained(at / "transformer", torch_dtype=torch.float32),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler.from_pretrained(at / "scheduler"),
        vae=diffusers.AutoencoderKL.from_pretrained(at / "vae", torch_dtype=torch.float32),
        text_encoder=transformers.CLIPTextModelWithProjection.from_pretrained(at / "text_encoder", **fine),
        tokenizer=transformers.CLIPTokenizer.from_pretrained(at / "tokenizer"),
        text_encoder_2=transformers.CLIPTextModelWithProjection.from_pretrained(at / "text_encoder_2", **fine),
        tokenizer_2=transformers.CLIPTokenizer.from_pretrained(at / "tokenizer_2"),
        text_encoder_3=None,
        tokenizer_3=None,
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.mark.parametrize("name", ["FlowMatchEulerDiscreteScheduler", "FlowMatchHeunDiscreteScheduler"])
@torch.no_grad()
def test_sd3(plugin, sd3, name):
    schedule(sd3, name)
    scheduler = sd3.scheduler
    factor = sd3.vae_scale_factor
    channels = sd3.transformer.config.in_channels
    noise = torch.randn(1, channels, 8, 8, generator=torch.Generator().manual_seed(7))
    positive, negative, pooled, unpooled = sd3.encode_prompt(prompt=PROMPT, prompt_2=None, prompt_3=None, device="cpu")
    begins = [0, 1, 2, 3] if name == "FlowMatchEulerDiscreteScheduler" else [0, 2, 4, 6]
    with plugin.guide(checkpoint="tiny-sd3", prompt=PROMPT, encoded=(to_tensor(positive), to_tensor(pooled))) as session:
        scheduler.set_timesteps(4)
        x = noise
        for i, t in enumerate(scheduler.timesteps):
            if i in begins:
                assert getattr(scheduler, "state_in_first_order", True)
                level = {"sigma": float(scheduler.sigmas[i]), "timestep": float(t)}
                x = from_tensor(session.step(begins.index(i), 4, to_tensor(x), **level).latents)
            text, whole = torch.cat([negative, positive]), torch.cat([unpooled, pooled])
            both = torch.cat([x, x])
            out = sd3.transformer(both, encoder_hidden_states=text, pooled_projections=whole, timestep=t.expand(2)).sample
            without, given = out.chunk(2)
            x = scheduler.step(without + 5.0 * (given - without), t, x, return_dict=False)[0]
    how = {"num_inference_steps": 4, "guidance_scale": 5.0, "output_type": "latent", "height": 8 * factor, "width": 8 * factor}
    guidance = Guidance(plugin, "tiny-sd3")
    got = guidance(sd3, PROMPT, latents=noise.clone(), **how).images
    assert len(guidance.reports) == 4 and any(reports[0].moves for reports in guidance.reports)
    assert apart(got, x) < 1e-4
    assert apart(sd3(PROMPT, latents=noise.clone(), **how).images, x) > 1e-5


def test_the_program(tmp_path):
    if not PLUGIN.exists():
        pytest.skip(f"{PLUGIN} is not built: make build")
    done = subprocess.run([sys.executable, HERE / "guided.py", PLUGIN, tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("aimed at 2 cat, 1 dog\nstep 1: loss 0.")
    assert (tmp_path / "plain.png").read_bytes() != (tmp_path / "guided.png").read_bytes()
