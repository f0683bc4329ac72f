"""The process that the pack starts: crashes, a missing program, a checksum."""
import os
import signal

import pytest
import standin
import torch
from pack import nodes
from pack.process import Process


@pytest.fixture
def process(comfyui):
    own = Process()
    yield own
    own.stop()


def test_a_plugin_that_died_is_started_again(process, started):
    first = process.plugin()
    os.kill(first.pid, signal.SIGKILL)
    first._process.wait(5)
    second = process.plugin()
    assert second is not first and second.alive
    assert process.plugin() is second


def test_a_killed_plugin_fails_the_run_with_a_sentence(comfyui, started):
    model = nodes.isac_guidance(node_id="1", model=standin.Patcher(), ckpt_name="mini", text="a cat", end=1.0)[0]
    hidden = torch.randn(1, 32, 128)

    def dying(model, x, sigmas, extra_args=None, callback=None, disable=None):
        os.kill(started.plugin().pid, signal.SIGKILL)
        return standin.sample_euler(model, x, sigmas, extra_args, callback, disable)

    dying.__name__ = "sample_euler"
    with pytest.raises(Exception, match="isac-plugin.*signal 9|killed"):
        standin.Guider(model, hidden).sample(standin.Sampler(dying))
    standin.Guider(model, hidden).sample(standin.Sampler(standin.sample_euler))


def test_a_checksum_that_differs(process, monkeypatch):
    monkeypatch.setenv("ISAC_PLUGIN_SHA256", "0" * 64)
    with pytest.raises(Exception, match="SHA-256"):
        process.plugin()


def test_without_the_program(process, monkeypatch, tmp_path):
    monkeypatch.setenv("ISAC_PLUGIN", str(tmp_path / "nothing"))
    with pytest.raises(Exception, match="nothing"):
        process.plugin()


def test_free_before_anything_was_started(process):
    process.free()
    assert process._plugin is None
