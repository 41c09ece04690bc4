"""Files: what they weigh, what comes back from them."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from torch import Tensor, nn

import pruninglab as lab
from pruninglab import export


def test_file_sizes_by_hand() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(1000, 100))
    with torch.no_grad():
        net[1].weight[:, 100:] = 0
    sizes = export.file_sizes(net)
    head = 500  # No header of these is longer.
    assert 0 <= sizes["dense"] - 4 * 100_100 < head
    assert 0 <= sizes["sparse"] - (10_000 * (4 + 2) + 4 * 100 + 4 * 100) < head
    assert 0 <= sizes["int8"] - (100_000 + 4 * 100 + 4 * 100) < head
    assert sizes["gzip"] == len(gzip.compress(save(net.state_dict()), mtime=0))


def test_weights_that_layers_share_are_in_a_file_once() -> None:
    net = nn.Sequential(nn.Linear(100, 100, bias=False), nn.Linear(100, 100, bias=False))
    apart = export.file_sizes(net)
    net[1].weight = net[0].weight
    once = export.file_sizes(net)
    for way in ("dense", "sparse", "int8"):
        assert once[way] < 0.6 * apart[way]
    embedded = nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 10, bias=False))
    embedded[1].weight = embedded[0].weight
    assert export.file_sizes(embedded)["dense"] < 4 * 40 + 200
    views = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False))
    views[1].weight.data = views[0].weight.data.T
    assert export.file_sizes(views)["dense"] > 2 * 4 * 16, "other numbers in the same memory"


class Flips(nn.Module):
    """Right for the two images that it is traced with."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.reshape(2, 20)


class Recurrent(nn.Module):
    def __init__(self, **settings: bool) -> None:
        super().__init__()
        self.layer, self.head = nn.LSTM(4, 3, **settings), nn.Linear(3, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.head(self.layer(inputs)[0][:, -1])


def test_a_file_that_takes_one_size_only_is_refused_or_takes_all(tmp_path: Path) -> None:
    for name in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(name)
    for net in (Flips(), Recurrent(), Recurrent(batch_first=True)):
        inputs, path = torch.rand(2, 5, 4), tmp_path / "net.onnx"
        path.unlink(missing_ok=True)
        try:
            session = export.onnx_session(export.to_onnx(net, inputs, path))
        except ValueError as error:
            assert "net cannot be exported" in str(error) and not path.exists()
            continue
        assert not isinstance(net, Flips)
        for count in (1, 3, 7):
            images = torch.rand(count, 5, 4)
            with torch.no_grad():
                assert torch.allclose(session(images), net(images), atol=1e-5)


def test_a_sparse_file_holds_all_that_is_needed() -> None:
    weight = torch.tensor([[0.0, 2, 0], [0, 0, 0], [1, 0, 3]])
    parts = {name.partition(".")[2]: part for name, part in export._sparse("w", weight).items()}
    counts = parts["ends"].diff(prepend=torch.zeros(1, dtype=torch.int32)).long()
    again = torch.zeros_like(weight)
    again[torch.arange(3).repeat_interleave(counts), parts["columns"].long()] = parts["values"]
    assert torch.equal(again, weight)


def test_int8_is_at_most_half_a_step_off() -> None:
    net = lab.nets.lenet_5(seed=0)
    rounded = export.round_to_int8(net)
    for (name, new), old in zip(
        lab.scores.prunable(rounded).items(), lab.scores.prunable(net).values(), strict=True
    ):
        step = old.abs().flatten(1).amax(dim=1) / 127
        gap = (new - old).abs().flatten(1).amax(dim=1)
        assert bool((gap <= 0.5001 * step).all()), name
        assert bool((new[old == 0] == 0).all())
    dead = nn.Linear(3, 2)
    with torch.no_grad():
        dead.weight[0] = 0
    assert not export.round_to_int8(dead).weight[0].any()


def test_onnx_says_the_same_for_batches_of_any_size(tmp_path: Path) -> None:
    for name in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(name)
    net, inputs = lab.nets.lenet_5(seed=0), torch.rand(6, 1, 28, 28)
    session = export.onnx_session(export.to_onnx(net, inputs[:2], tmp_path / "a.onnx"))
    with torch.no_grad():
        for part in (inputs, inputs[:1]):
            assert torch.allclose(session(part), net(part), atol=1e-5)
    assert export.onnx_session(tmp_path / "a.onnx", threads=1)(inputs).shape == (6, 10)
    with pytest.raises(ValueError, match="cannot be exported"):
        export.to_onnx(net, torch.rand(2, 3, 28, 28), tmp_path / "b.onnx")
    (tmp_path / "c.onnx").write_bytes(b"no network")
    with pytest.raises(ValueError, match="is no ONNX network"):
        export.onnx_session(tmp_path / "c.onnx")


def test_without_the_extra_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match="onnx, onnxscript, onnxruntime is not installed"):
        export.to_onnx(nn.Linear(2, 2), torch.rand(2, 2), tmp_path / "a.onnx")
    (tmp_path / "a.onnx").touch()
    with pytest.raises(ValueError, match="onnxruntime is not installed"):
        export.onnx_session(tmp_path / "a.onnx")


def test_bad_input_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="inputs holds 1 images"):
        export.to_onnx(nn.Linear(2, 2), torch.rand(1, 2), tmp_path / "a.onnx")
    with pytest.raises(FileNotFoundError, match="none"):
        export.onnx_session(tmp_path / "none.onnx")
