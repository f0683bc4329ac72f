"""Which evaluations begin a step."""
import types

import pytest
from pack import steps


def beginnings(name, sigmas, evaluations):
    """At which of a number of evaluations a step begins."""
    found = []
    counted = steps.Steps(name, steps.SAMPLERS[name], sigmas)
    for i in range(evaluations):
        if counted.begins():
            found.append(i)
            latents = object()
            counted.expect(latents)
            counted.told({"i": counted.index, "x": latents})
    return found


@pytest.mark.parametrize("name, evaluations, expected", [
    ("euler", 4, [0, 1, 2, 3]),
    ("heun", 7, [0, 2, 4, 6]),
    ("dpmpp_sde", 7, [0, 2, 4, 6]),
    ("seeds_3", 10, [0, 3, 6, 9]),
    ("heunpp2", 9, [0, 3, 6, 8]),
])
def test_beginnings(name, evaluations, expected):
    assert beginnings(name, [4.0, 3.0, 2.0, 1.0, 0.0], evaluations) == expected


def test_a_schedule_that_does_not_end_at_zero():
    assert beginnings("heun", [4.0, 3.0, 2.0], 4) == [0, 2]


def sampler(name):
    return types.SimpleNamespace(sampler_function=types.SimpleNamespace(__name__=name))


@pytest.mark.parametrize("function, words", [
    ("sample_unipc", "uni_pc cannot be guided: it evaluates the model on a copy"),
    ("sample_unipc_bh2", "uni_pc_bh2 cannot"),
    ("sample_sa_solver_pece", "goes on from a correction"),
    ("dpm_fast_function", "dpm_fast cannot be guided: it chooses its own steps"),
    ("sample_of_a_pack", "of_a_pack is not known"),
])
def test_refused(function, words):
    with pytest.raises(steps.Refused, match=words):
        steps.evaluations_of(sampler(function))


def test_a_sampler_without_a_function():
    class Own:
        pass

    with pytest.raises(steps.Refused, match="Own is not known"):
        steps.evaluations_of(Own())


@pytest.mark.parametrize("state, words", [
    ({"i": 1}, "told of step 2 where step 1 was expected"),
    ({"i": 0, "x": None}, "goes on from other latents"),
])
def test_a_sampler_that_has_changed(state, words):
    counted = steps.Steps("euler", steps.SAMPLERS["euler"], [2.0, 1.0, 0.0])
    assert counted.begins()
    counted.expect(object())
    with pytest.raises(steps.Changed, match=words):
        counted.told(state)


def test_more_evaluations_than_are_known():
    counted = steps.Steps("euler", steps.SAMPLERS["euler"], [1.0, 0.0])
    assert counted.begins()
    counted.expect(object())
    with pytest.raises(steps.Changed, match="evaluated the model again"):
        counted.begins()
