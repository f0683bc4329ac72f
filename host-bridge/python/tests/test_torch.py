"""Tensors of PyTorch there and back. Runs where torch is installed: make test-diffusers."""
import sys

import pytest

torch = pytest.importorskip("torch")

import isac_client  # noqa: E402
from isac_client.torch import from_tensor, to_tensor  # noqa: E402


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("mode", [torch.inference_mode, torch.no_grad, torch.enable_grad])
def test_there_and_back(dtype, mode):
    with mode():
        x = torch.randn(2, 3, 5, 4).to(dtype)
        for view in (x, x.transpose(1, 3), x[:, 1:, ::2], x.expand(2, 3, 5, 4)[:1], x[:0], x[0, 0, 0, 0]):
            back = from_tensor(to_tensor(view))
            assert back.dtype == dtype and back.shape == view.shape and torch.equal(back, view)
        assert to_tensor(x).data == bytes(x.contiguous().view(torch.uint8).flatten().tolist())
    back = from_tensor(to_tensor(x))
    back += 1
    assert not torch.equal(back, x), "it has elements of its own"


def test_gradients_stay_here():
    assert not from_tensor(to_tensor(torch.ones(2, requires_grad=True))).requires_grad


def test_refusals():
    plain = torch.ones(2, 2)
    for wrong in (plain.double(), plain.long(), plain.to("meta"), plain.to_sparse()):
        with pytest.raises(isac_client.Error) as raised:
            to_tensor(wrong)
        assert raised.value.kind == "INVALID_INPUT"


def test_without_numpy(monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert torch.equal(from_tensor(to_tensor(torch.ones(3, dtype=torch.bfloat16)), "cpu"), torch.ones(3, dtype=torch.bfloat16))
