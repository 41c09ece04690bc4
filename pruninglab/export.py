"""Out of the notebook: what a network weighs on disk, and the same network in ONNX."""

from __future__ import annotations

import gzip
import importlib.util
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from .checks import Count, checked
from .choices.scores import prunable
from .files import write_whole
from .modes import copied

LEVELS = 127
EXTRA = "pip install onnx onnxruntime onnxscript (the extra `deploy`)"


@checked
def file_sizes(net: nn.Module) -> dict[str, int]:
    """Return how many bytes the weights of `net` take in a file, kept in four ways.

    "dense": float32, as they are. "gzip": the same, packed. "sparse": living weights with their
    columns, and where each row begins. "int8": `round_to_int8`, one byte a weight and a scale for
    each row. Weights that layers share are in a file once. Every file is written, in memory, as
    safetensors. Raises ValueError for a network without prunable layers. Taught in notebook 08.

    >>> file_sizes(nn.Linear(1000, 100))["dense"] > 400_000
    True
    """
    weights = prunable(net)
    state: dict[str, Tensor] = {}
    written = set()
    for name, tensor in net.state_dict().items():
        # Two names for the same numbers are in the file once.
        place = (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype)
        if place not in written or not tensor.numel():
            state[name] = tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
            written.add(place)
    # A weight that an embedding shares stands under its first name.
    weights = {name: weight for name, weight in weights.items() if name in state}
    sparse = {name: tensor for name, tensor in state.items() if name not in weights}
    small = dict(sparse)
    for name in weights:
        sparse |= _sparse(name, state[name].flatten(1))
        scale = _scale(state[name])
        small |= {name: (state[name] / scale).round().to(torch.int8), f"{name}.scale": scale}
    dense = save_tensors(state)
    return {
        "dense": len(dense),
        "gzip": len(gzip.compress(dense, mtime=0)),
        "sparse": len(save_tensors(sparse)),
        "int8": len(save_tensors(small)),
    }


def _sparse(name: str, weight: Tensor) -> dict[str, Tensor]:
    """Return living weights row by row, their columns, and where each row begins."""
    alive = weight != 0
    columns = alive.nonzero()[:, 1]
    small = weight.shape[1] <= torch.iinfo(torch.int16).max
    ends = alive.sum(dim=1).cumsum(dim=0)
    return {
        f"{name}.values": weight[alive],
        f"{name}.columns": columns.to(torch.int16 if small else torch.int32),
        f"{name}.ends": ends.to(torch.int32),
    }


def _scale(weight: Tensor) -> Tensor:
    """Return what one step of an int8 stands for in each row: (out, 1, …)."""
    largest = weight.abs().flatten(1).amax(dim=1).clamp_min(torch.finfo(weight.dtype).tiny * LEVELS)
    return (largest / LEVELS).reshape(-1, *[1] * (weight.dim() - 1))


@checked
def round_to_int8(net: nn.Module) -> nn.Module:
    """Return a copy of `net` whose weights are whole multiples, −127 to 127, of a step per row.

    The largest weight of a row is 127 steps; zero stays zero. What it computes is what the int8
    file of `file_sizes` says; the numbers themselves stay float32. Taught in notebook 08.
    """
    rounded = copied(net)
    with torch.no_grad():
        for weight in prunable(rounded).values():
            scale = _scale(weight)
            weight.copy_((weight / scale).round() * scale)
    return rounded


@checked
def to_onnx(net: nn.Module, inputs: Float[Tensor, "images ..."], path: str | Path) -> Path:
    """Write `net` as an ONNX file for batches of any size; return its path.

    `inputs` are two images or more, to trace with. Raises ValueError without the extra `deploy`,
    for fewer images, for a network that torch.export cannot trace, and for one whose file does not
    say the same of more images and of one: an LSTM can freeze the size. Taught in notebook 08.
    """
    path = Path(path)
    if len(inputs) < 2:
        raise ValueError(f"inputs holds {len(inputs)} images; two or more say that batches vary")
    _need("onnx", "onnxscript", "onnxruntime")
    plain = copied(net).eval().cpu()
    batch = {0: torch.export.Dim("images")}
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            program: Any = torch.onnx.export(
                plain, (inputs.cpu(),), dynamo=True, dynamic_shapes=(batch,),
                input_names=["images"], output_names=["scores"], verbose=False,
            )  # fmt: skip
    except Exception as error:
        first = str(error).strip().split("\n")[0]
        raise ValueError(
            f"net cannot be exported with inputs {tuple(inputs.shape)}: {first}"
        ) from error
    content: bytes = program.model_proto.SerializeToString()
    _check_batches(content, plain, inputs.cpu())
    write_whole(path, content)
    return path


@checked
def onnx_session(path: str | Path, threads: Count | None = None) -> Callable[[Tensor], Tensor]:
    """Return the network of an ONNX file as a function of images, run by onnxruntime on the CPU.

    With as many threads as torch has unless `threads` says otherwise. Raises ValueError without the
    extra `deploy`, FileNotFoundError for no file. Taught in notebook 08.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"path={str(path)!r} is no file")
    _need("onnxruntime")
    try:
        return _session(path.read_bytes(), threads)
    except Exception as error:
        raise ValueError(f"path={str(path)!r} is no ONNX network: {error}") from error


def _session(content: bytes, threads: int | None = None) -> Callable[[Tensor], Tensor]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or torch.get_num_threads()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def run(images: Tensor) -> Tensor:
        (scores,) = session.run(None, {session.get_inputs()[0].name: images.cpu().numpy()})
        return torch.from_numpy(scores)

    return run


@torch.no_grad()
def _check_batches(content: bytes, net: nn.Module, inputs: Tensor) -> None:
    """Refuse a file that says something else than the network of one image or of many."""
    for images in (inputs[:1], torch.cat([inputs, inputs[:1]])):
        try:
            said, expected = _session(content)(images), net(images.clone())
        except Exception as error:
            first = str(error).strip().split("\n")[0]
            raise ValueError(f"net cannot be exported for {len(images)} images: {first}") from error
        if said.shape != expected.shape or not torch.allclose(said, expected, atol=1e-4, rtol=1e-3):
            raise ValueError(f"net cannot be exported: its file errs for {len(images)} images")


def _need(*modules: str) -> None:
    """Raise ValueError that says what to install unless all modules are there."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise ValueError(f"{', '.join(missing)} is not installed: {EXTRA}")
