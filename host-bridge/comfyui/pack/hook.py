"""Guides a sampler's steps from outside: each step's latents go through a session before the model sees them.

The wrapper stands around one call of a sampler (ComfyUI's SAMPLER_SAMPLE). For that call it replaces the sampler's function by one that is
given a proxy of the model: at the evaluation that begins a step the proxy changes the sampler's own latents in place, and then evaluates.
So X - η∇L is what the model denoises and what the sampler goes on from, as in Algorithm 1 of the paper, whatever the sampler's formula is.
"""
from __future__ import annotations

import functools

from .steps import Steps, evaluations_of, name_of


class Guided:
    """The model as a sampler calls it, guided at the beginning of each step."""

    def __init__(self, model, steps, guide):
        self._model, self._steps, self._guide = model, steps, guide

    def __call__(self, x, sigma, *args, **kwargs):
        if self._steps.begins():
            self._guide(x, sigma, self._steps.index)
            self._steps.expect(x)
        return self._model(x, sigma, *args, **kwargs)

    def __getattr__(self, name):  # samplers ask the model for its noise schedule
        return getattr(self._model, name)


def sample(executor, sigmas, guide, *args):
    """Runs executor's sampler over sigmas, with args as ComfyUI gives them after sigmas. guide(x, sigma, index) changes the latents x
    [B,C,h,w] of step index in place; sigma is the noise level as the sampler gives it, [B]."""
    sampler = executor.class_obj
    evaluations = evaluations_of(sampler)
    function = sampler.sampler_function
    levels = [float(s) for s in sigmas]

    @functools.wraps(function)
    def guided(model, x, *rest, callback=None, **kwargs):
        steps = Steps(name_of(sampler), evaluations, levels)

        def told(state):
            steps.told(state)
            if callback is not None:
                callback(state)

        return function(Guided(model, steps, guide), x, *rest, callback=told, **kwargs)

    # Samplers are kept between runs and shared by them: the function is lent for this call alone.
    sampler.sampler_function = guided
    try:
        return executor(*args)
    finally:
        sampler.sampler_function = function
