"""Weights that are shared with the plugin; the device is played."""
import pytest

torch = pytest.importorskip("torch")

import isac_client  # noqa: E402
from isac_client import cuda  # noqa: E402


class Weight:
    """A tensor on a device that is not here."""

    is_cuda = True

    def __init__(self, address, shape, dtype=torch.float16, device="cuda:0", dense=True):
        self.address, self.shape, self.dtype, self.device, self.dense = address, shape, dtype, device, dense

    def detach(self):
        return self

    def is_contiguous(self):
        return self.dense

    def numel(self):
        return torch.Size(self.shape).numel()

    def data_ptr(self):
        return self.address


class Device:
    """Allocations of 4096 bytes."""

    asked = 0

    def base(self, address):
        return address // 4096 * 4096

    def handle(self, base):
        self.asked += 1
        return bytes([base // 4096]) * cuda.HANDLE


def test_share():
    device = Device()
    weights = {
        "a": Weight(4096, (2, 3)), "b": Weight(4096 + 512, (4,), torch.bfloat16), "c": Weight(3 * 4096 + 2, (1,), torch.float32),
        "here": torch.zeros(2), "ids": Weight(0, (1,), torch.int64), "gaps": Weight(0, (2,), dense=False), "empty": Weight(0, (0,)),
    }
    shared = cuda.share(weights, device)
    said = [(w.name, list(w.shape), w.handle[0], w.offset) for w in shared.messages]
    assert said == [("a", [2, 3], 1, 0), ("b", [4], 1, 512), ("c", [1], 3, 2)]
    assert shared.tensors == [weights["a"], weights["b"], weights["c"]] and device.asked == 2


def test_share_refuses():
    with pytest.raises(isac_client.Error, match="no weight is on a CUDA device"):
        cuda.share({"here": torch.zeros(2)})
    with pytest.raises(isac_client.Error, match="on 2 devices"):
        cuda.share({"a": Weight(0, (1,)), "b": Weight(0, (1,), device="cuda:1")})


def test_what_cannot_be_shared_is_loaded(shared_plugin):
    """On the CPU the plugin takes the checkpoint's own weights, and says so."""
    shared = cuda.share({"conv_in.weight": Weight(4096, (64, 4, 3, 3), torch.float32)}, Device())
    with shared_plugin.guide(checkpoint="mini", prompt="two cats", shared=shared) as session:
        assert session.shared is shared
        assert any("not shared" in note and "computes on cpu" in note for note in session.opened.notes), session.opened.notes
    assert session.shared is None
    shared.messages[0].offset = 3
    with pytest.raises(isac_client.Error, match="begins at 3") as raised:
        shared_plugin.guide(checkpoint="mini", prompt="two cats", shared=shared)
    assert raised.value.inputs == ("shared_weights",)


def test_a_library_that_is_loaded():
    assert cuda.loaded("libc").startswith("/")
    with pytest.raises(OSError, match="is not loaded"):
        cuda.loaded("libnothing")
