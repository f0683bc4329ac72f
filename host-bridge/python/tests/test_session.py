"""Guidance sessions with the mini model."""
import struct
import time

import pytest
from conftest import ENDLESS, noise, within

import isac_client
from isac_client import shared

CATS = {"checkpoint": "mini", "prompt": "two cats and a dog", "parametrisation": "model"}


def test_a_run(shared_plugin):
    with shared_plugin.guide(**CATS, options={"eta": 2.0}) as session:
        assert [(c.name, c.count) for c in session.opened.target] == [("cat", 2), ("dog", 1)]
        assert float(session.opened.options["eta"]) == 2
        prepared = session.prepare(noise(1, 4, 16, 16), 20, timestep=999)
        latents = prepared.noise
        assert not prepared.changed and latents == noise(1, 4, 16, 16)
        for index, timestep in enumerate((999, 949)):
            stepped = session.step(index, 20, latents, timestep=timestep, masks=True)
            assert stepped.latents != latents and stepped.latents.shape == (1, 4, 16, 16) and stepped.seconds > 0
            assert stepped.reports[0].moves == 1 and len(stepped.reports[0].labels) == 256
            latents = stepped.latents
    with pytest.raises(isac_client.Error, match="closed"):
        session.step(2, 20, latents, timestep=899)
    assert within(5, lambda: shared_plugin.stats().guidance_sessions == 0)


def test_batch_and_types(shared_plugin):
    """Each image is guided as it is alone, but for the last bits; bfloat16 comes back as bfloat16."""
    one, two = noise(1, 4, 16, 16, seed=1), noise(1, 4, 16, 16, seed=2)
    alone = []
    for seed, latents in ((5, one), (6, two)):
        with shared_plugin.guide(**CATS, seed=seed) as session:
            alone.append(session.step(0, 20, latents, timestep=999).latents.data)
    with shared_plugin.guide(**CATS, images=2, seed=5) as session:
        both = session.step(0, 20, isac_client.Tensor("float32", (2, 4, 16, 16), one.data + two.data), timestep=999)
    floats = [[value for (value,) in struct.iter_unpack("<f", data)] for data in (both.latents.data, b"".join(alone))]
    assert floats[0] == pytest.approx(floats[1], abs=1e-5) and len(both.reports) == 2
    halves = b"".join(struct.pack("<f", *value)[2:] for value in struct.iter_unpack("<f", one.data))
    with shared_plugin.guide(**CATS) as session:
        stepped = session.step(0, 20, isac_client.Tensor("bfloat16", one.shape, halves), timestep=999)
    assert stepped.latents.dtype == "bfloat16" and stepped.latents.data != halves


def test_file_and_message_are_equal(shared_plugin, monkeypatch):
    results = []
    for limit in (1, 1 << 30):
        monkeypatch.setattr(shared, "FROM", limit)
        with shared_plugin.guide(**CATS) as session:
            results.append([session.step(i, 20, noise(1, 4, 16, 16), timestep=t).latents for i, t in enumerate((999, 949))])
            files = list(shared_plugin._folder.path.glob("latents-*"))
            assert len(files) == (1 if limit == 1 else 0)
        assert not list(shared_plugin._folder.path.glob("latents-*"))
    assert results[0] == results[1]


def test_a_full_folder(shared_plugin, monkeypatch):
    """Where the file cannot be written latents travel in messages."""
    monkeypatch.setattr(shared, "FROM", 1)
    with shared_plugin.guide(**CATS) as session:
        want = session.step(0, 20, noise(1, 4, 16, 16), timestep=999).latents

        def full(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(shared.os, "write", full)
        assert session.step(0, 20, noise(1, 4, 16, 16), timestep=999).latents == want
        monkeypatch.undo()
        assert not list(shared_plugin._folder.path.glob("latents-*"))


def test_mistakes_leave_the_session(shared_plugin):
    with shared_plugin.guide(**CATS) as session:
        with pytest.raises(isac_client.Error) as raised:
            session.step(20, 20, noise(1, 3, 16, 16), timestep=2000)
        assert raised.value.kind == "INVALID_INPUT" and set(raised.value.inputs) == {"index", "timestep", "latents"}
        assert session.step(0, 20, noise(1, 4, 16, 16), timestep=999).reports[0].moves == 1


@pytest.mark.parametrize(("wrong", "inputs"), [
    ({"checkpoint": "nothing"}, ["checkpoint"]),
    ({"method": "nothing"}, ["method"]),
    ({"options": {"eta": "much"}}, ["options"]),
    ({"counts": "0 cats"}, None),
    ({"parametrisation": "x", "sizes": [1], "weights": [("w", "int8", b"")], "instances": [("cat",)], "images": "two"},
     ["images", "parametrisation", "sizes", "instances", "weights"]),
])
def test_open_refuses(shared_plugin, wrong, inputs):
    with pytest.raises(isac_client.Error) as raised:
        shared_plugin.guide(**{**CATS, **wrong})
    assert raised.value.kind == "INVALID_INPUT"
    if inputs:
        assert sorted(raised.value.inputs) == sorted(inputs)


def test_a_wait_that_raises(shared_plugin):
    class Interrupted(Exception):
        pass

    began = []

    def wait():
        if began and time.monotonic() - began[0] > 0.3:
            raise Interrupted

    session = shared_plugin.guide(**{**CATS, **ENDLESS}, wait=wait)
    began.append(time.monotonic())
    with pytest.raises(Interrupted):
        session.step(0, 20, noise(1, 4, 16, 16), timestep=999)
    assert time.monotonic() - began[0] < 1
    # The step stops within an evaluation, and its session is gone.
    assert within(3, lambda: shared_plugin.stats().guidance_sessions == 0)
    with pytest.raises(isac_client.Error, match="closed"):
        session.step(0, 20, noise(1, 4, 16, 16), timestep=999)
    assert shared_plugin.alive


def test_exceptions_in_the_block_pass(shared_plugin, monkeypatch):
    monkeypatch.setattr(shared, "FROM", 1)
    with pytest.raises(KeyboardInterrupt), shared_plugin.guide(**CATS) as session:
        session.step(0, 20, noise(1, 4, 16, 16), timestep=999)
        raise KeyboardInterrupt
    assert not list(shared_plugin._folder.path.glob("latents-*"))
    assert within(3, lambda: shared_plugin.stats().guidance_sessions == 0)


def test_too_large_a_message(shared_plugin, monkeypatch):
    monkeypatch.setattr(shared, "FROM", 1 << 40)
    huge = isac_client.Tensor("float32", (1, 4, 4096, 4097), bytes(4 * 4 * 4096 * 4097))
    with shared_plugin.guide(**CATS) as session:
        with pytest.raises(isac_client.Error, match="256 MiB") as raised:
            session.step(0, 20, huge, timestep=999)
        assert raised.value.kind == "INVALID_INPUT"
        assert session.step(0, 20, noise(1, 4, 16, 16), timestep=999).reports[0].moves == 1


def test_large_latents(shared_plugin, monkeypatch):
    """16 MiB, in a file and in messages beyond gRPC's own limit. A step outside the guided ones comes back with its bits."""
    large = isac_client.Tensor("float32", (1, 4, 1024, 1024), noise(1, 1, 1, 1024).data * 4096)
    for limit in (1 << 20, 1 << 30):
        monkeypatch.setattr(shared, "FROM", limit)
        with shared_plugin.guide(**CATS) as session:
            stepped = session.step(19, 20, large, timestep=1)
            assert stepped.latents == large and stepped.reports[0].skipped
