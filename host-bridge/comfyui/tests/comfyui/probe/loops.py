"""Samplers written out, with guidance where Algorithm 1 of the paper has it: before each step's evaluation, and going on from there.

Each is a function of denoise(x, sigma), guide(x, i), the starting x, sigmas whose last is 0, the seed, and the model's noise.
"""
import math

from comfy.k_diffusion.sampling import BrownianTreeNoiseSampler, default_noise_sampler


def fresh(x, seed):
    """Noise as the version of ComfyUI draws it."""
    draw = default_noise_sampler(x, seed=seed)
    return lambda: draw(None, None)


def ancestral(sigma, after):
    """σ to step down to, and σ of the noise that brings it up to after again."""
    up = min(after, (after**2 * (sigma**2 - after**2) / sigma**2) ** 0.5)
    return (after**2 - up**2) ** 0.5, up


def euler(denoise, guide, x, sigmas, seed, noise):
    for i in range(len(sigmas) - 1):
        x = guide(x, i)
        x = x + (x - denoise(x, sigmas[i])) / sigmas[i] * (sigmas[i + 1] - sigmas[i])
    return x


def euler_ancestral(denoise, guide, x, sigmas, seed, noise):
    draw = fresh(x, seed)
    for i in range(len(sigmas) - 1):
        x = guide(x, i)
        d = denoise(x, sigmas[i])
        down, up = ancestral(float(sigmas[i]), float(sigmas[i + 1]))
        x = d if sigmas[i + 1] == 0 else x + (x - d) / sigmas[i] * (down - sigmas[i]) + draw() * up
    return x


def heun(denoise, guide, x, sigmas, seed, noise):
    for i in range(len(sigmas) - 1):
        x = guide(x, i)
        s, after = sigmas[i], sigmas[i + 1]
        slope = (x - denoise(x, s)) / s
        there = x + slope * (after - s)
        if after > 0:
            slope = (slope + (there - denoise(there, after)) / after) / 2
        x = x + slope * (after - s)
    return x


def dpmpp_2m(denoise, guide, x, sigmas, seed, noise):
    before = None
    for i in range(len(sigmas) - 1):
        x = guide(x, i)
        d = denoise(x, sigmas[i])
        s, after = float(sigmas[i]), float(sigmas[i + 1])
        target = d
        if before is not None and after > 0:
            h, last = math.log(s / after), math.log(float(sigmas[i - 1]) / s)
            target = d + (d - before) * h / (2 * last)
        x = target if after == 0 else after / s * x + (1 - after / s) * target
        before = d
    return x


def dpmpp_sde(denoise, guide, x, sigmas, seed, noise):
    draw = BrownianTreeNoiseSampler(x, sigmas[sigmas > 0].min(), sigmas.max(), seed=seed, cpu=True)
    for i in range(len(sigmas) - 1):
        x = guide(x, i)
        d = denoise(x, sigmas[i])
        s, after = float(sigmas[i]), float(sigmas[i + 1])
        if after == 0:
            x = d
            continue
        middle = sigmas[i].log().lerp(sigmas[i + 1].log(), 0.5).exp()
        down, up = ancestral(s, float(middle))
        there = down / s * x + (1 - down / s) * d + draw(sigmas[i], middle) * up
        target = denoise(there, middle)  # r = 1/2: the second evaluation alone
        down, up = ancestral(s, after)
        x = down / s * x + (1 - down / s) * target + draw(sigmas[i], sigmas[i + 1]) * up
    return x


def lcm(denoise, guide, x, sigmas, seed, noise):
    draw = fresh(x, seed)
    for i in range(len(sigmas) - 1):
        x = guide(x, i)
        x = denoise(x, sigmas[i])
        if sigmas[i + 1] > 0:
            x = noise.noise_scaling(sigmas[i + 1], draw(), x)
    return x


LOOPS = {
    "euler": euler, "ddim": euler, "euler_ancestral": euler_ancestral, "heun": heun, "dpmpp_2m": dpmpp_2m, "dpmpp_sde": dpmpp_sde,
    "lcm": lcm,
}
