"""Stage 2: the UNet and the text encoder, trained together on v."""

from __future__ import annotations

import time

import torch
import torch.nn.functional as F

import fast
import models
import sample
import team
from bpe import Tokenizer
from latents import Pool
from run import Run, lr_at

PEAK = 1e-3  # learning rate
DROP = 0.1  # part of the captions left empty, for classifier-free guidance
SAVE_EVERY = 240  # seconds
MEET_EVERY = 4  # steps that each process takes alone before the weights are averaged
FRESH_EVERY = 16  # steps between two enlargements of the pool
FRESH = {"cpu": 64, "cuda": 2048}  # and by how many scenes, of those that are composed already


class Average:
    """Exponential moving average of the weights; young averages forget faster."""

    def __init__(self, nets: dict[str, torch.nn.Module], decay: float) -> None:
        self.nets, self.decay, self.steps = nets, decay, 0
        self.shadow = {name: {k: v.detach().clone() for k, v in net.state_dict().items()} for name, net in nets.items()}

    @torch.no_grad()
    def update(self) -> None:
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (20 + self.steps))
        for name, net in self.nets.items():
            own, new = self.shadow[name], net.state_dict()
            torch._foreach_lerp_(
                [own[k] for k in own if own[k].is_floating_point()],
                [new[k] for k in own if own[k].is_floating_point()],
                1 - decay,
            )


def v_loss(unet, text, alphas, latents, ids) -> torch.Tensor:
    """Mean squared error of v at random times."""
    noise = torch.randn_like(latents)
    # One time from each of B equal slices: the loss of a batch jumps about less.
    b = len(latents)
    t = (torch.arange(b, device=latents.device) + torch.rand(b, device=latents.device)) / b * 1000
    t = t.long().clamp_max(999)
    a = alphas[t].sqrt().view(-1, 1, 1, 1)
    s = (1 - alphas[t]).sqrt().view(-1, 1, 1, 1)
    predicted = unet(a * latents + s * noise, t, text(ids).last_hidden_state).sample
    return F.mse_loss(predicted.float(), a * noise - s * latents)


def compiled(run: Run, unet, text, alphas, batch: int, empty: torch.Tensor):
    """The UNet through torch.compile for this one batch size, tried on noise; the UNet itself where that fails."""
    began = time.time()
    net = torch.compile(unet, dynamic=False)
    try:
        fake = torch.randn(batch, models.LATENT_CHANNELS, models.LATENT_SIDE, models.LATENT_SIDE, device=run.device)
        with run.autocast():
            v_loss(net, text, alphas, fake.contiguous(memory_format=torch.channels_last), empty.expand(batch, -1)).backward()
    except Exception as e:
        print(f"not compiled: {type(e).__name__}: {str(e)[:300]}", flush=True)
        net = unet
    for parameter in (*unet.parameters(), *text.parameters()):
        parameter.grad = None
    print(f"compiled in {time.time() - began:.0f} s", flush=True)
    return net


def load_vae(run: Run):
    """Stage 1's network, frozen."""
    state = run.load("vae", always=True)
    if state is None:
        raise SystemExit(f"no {run.out}/vae.pt: run stage 1 first (--stage vae)")
    vae = models.autoencoder().to(run.device, memory_format=torch.channels_last)
    vae.load_state_dict(state["model"])
    return vae.eval().requires_grad_(False)


def train(run: Run, minutes: float) -> None:
    """Until the time is up; OUT/unet.pt holds averaged and raw weights."""
    whole = run.batch or (512 if run.cuda else 24)
    batch = max(1, whole // team.size())
    whole = batch * team.size()
    vae = load_vae(run)
    pool = Pool(run, vae, capacity=1_000_000 if run.cuda else 200_000)
    tokenizer = Tokenizer()
    empty = torch.tensor(tokenizer.encode(""), device=run.device)
    unet = models.unet().to(run.device, memory_format=torch.channels_last)
    text = models.text_encoder(len(tokenizer.ids)).to(run.device)
    nets = {"unet": unet, "text": text}
    if not run.leak:
        models.without_leak(text)
    raw = [p for p in (*unet.parameters(), *text.parameters()) if p.requires_grad]
    optimizer = torch.optim.AdamW(raw, lr=PEAK, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    state = run.load("unet")
    step, spent = 0, 0.0
    if state:
        spent = state["spent"]
        unet.load_state_dict(state["unet_raw"])
        text.load_state_dict(state["text_raw"])
    average = Average(nets, decay=0.999**MEET_EVERY)
    if state:
        if "optimizer" in state:  # there is none where the weights come from a folder
            optimizer.load_state_dict(state["optimizer"])
        average.shadow = {"unet": state["unet"], "text": state["text"]}
        if not run.leak:  # the weights that training goes on from may have had one
            average.shadow["text"] = {k: v.detach().clone() for k, v in text.state_dict().items()}
        average.steps = state["step"] // MEET_EVERY
        step = state["step"]
    pool.fill(65_536 if run.cuda else 4_000 // team.size())
    # The factor belongs to the weights: a resumed run keeps it.
    scaling = team.agreed(state["scaling_factor"] if state else pool.scaling_factor())
    alphas = models.scheduler().alphas_cumprod.to(run.device)
    if not run.cuda:
        fast.enable(unet)
    team.same_start(unet, text)
    net = compiled(run, unet, text, alphas, batch, empty) if run.compile else unet

    def save() -> None:
        run.save("unet", **average.shadow, unet_raw=unet.state_dict(), text_raw=text.state_dict(),
                 optimizer=optimizer.state_dict(), step=step, spent=spent,
                 scaling_factor=scaling)  # fmt: skip

    losses, saved = [], time.time()
    began = time.time() - spent  # what went before is no training: the pool, and the compiler's time
    print(f"pool {len(pool)}, scaling factor {scaling:.4f}, batch {whole}", flush=True)
    while True:
        if step % MEET_EVERY == 0:
            spent = team.agreed(time.time() - began)
            if spent >= minutes * 60:
                break
        for group in optimizer.param_groups:
            group["lr"] = PEAK * run.rate * lr_at(step, spent / (minutes * 60), warmup=200)
        latents, ids = pool.draw(batch)
        ids = torch.where(torch.rand(batch, 1, device=run.device) < DROP, empty, ids)
        with run.autocast():
            loss = v_loss(net, text, alphas, latents * scaling, ids)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(raw, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        if step % MEET_EVERY == 0:
            team.average_weights(raw)
            if team.rank() == 0:
                average.update()
        losses.append(loss.detach())
        if step % FRESH_EVERY == 0:
            pool.grow(FRESH["cuda" if run.cuda else "cpu"], wait=not run.composers)
        if team.rank() != 0:
            continue
        if step % 100 == 0 or step in (10, 50):
            mean = torch.stack(losses).mean().item()
            losses = []
            run.log("unet", step, step * whole, mean, spent, pool=len(pool) * team.size())
        if time.time() - saved > SAVE_EVERY:
            save()
            saved = time.time()
    pool.source.close()
    if team.rank() != 0:
        return
    save()
    for name, net in nets.items():
        net.load_state_dict(average.shadow[name])
    sample.grid(unet, text, vae, scaling, run.out / "samples.png")
