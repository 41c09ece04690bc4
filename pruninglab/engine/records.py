"""What a run measured: one row per round, saved as it goes, resumed after a crash.

A record is a folder with `record.json` (what ran, where, and a row per round) and the checkpoint
of the last whole round as safetensors. Both are written beside and renamed, so a run that is
killed at any moment leaves the last whole round. No pickle: a record can be read by anything and
runs nothing.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from ..choices import scopes
from ..data import Data
from ..ideas.pqi import gini_index, pq_index
from ..settings import device as pick_device
from ..settings import environment
from .loop import Checkpoint, Round, Weights, checkpoint, prune
from .masks import Masks
from .recipes import CHOICES, Recipe, cell
from .training import Training

Row = dict[str, Any]
PACKAGE = Path(__file__).resolve().parents[1]
RUNS = PACKAGE.parent / "runs"
SCOPES = {"global": scopes.global_, "layer": scopes.layer, "neuron": scopes.neuron}


def recorded(
    net: nn.Module,
    data: Data,
    recipe: Recipe,
    *,
    seed: int,
    training: Training = Training(),
    device: str | torch.device | None = None,
    folder: str | Path | None = None,
) -> Iterator[Row]:
    """Run `recipe` like `prune`, yielding a row per round, each saved before it is yielded.

    Rounds that an earlier run of the same recipe, training, seed, network, data and code has saved
    under `folder` (runs/ by default) are yielded from there; then the run goes on as if it had
    never stopped. Two processes on the same record do no harm: they compute the same rows. A
    damaged record is set aside with a warning and the run starts anew. Taught in notebook 02.
    """
    target = pick_device(device)
    what = identity(net, data, recipe, seed, training, target)
    record = Record(Path(folder or RUNS) / what["key"][:16])
    rows, start = record.load(what)
    yield from rows
    if len(rows) > recipe.rounds:
        return
    run = prune(net, data, recipe, seed=seed, training=training, device=target, start=start)
    for done in run:
        rows = [*rows, row_of(done, seed)]
        record.save(what, rows, checkpoint(done, recipe, seed), environment(target))
        yield rows[-1]


def row_of(done: Round, seed: int) -> Row:
    """Return what a round measured as plain numbers: one row of the frame."""
    trained = sparsity(done.trained, done.alive)
    was_cut = done.pruned_density < done.density
    return {
        "round": done.index,
        "seed": seed,
        "density": done.density,
        "pruned_density": done.pruned_density,
        "layer_density": done.alive.layer_density(),
        "validation_accuracy": done.validation_accuracy,
        "test_accuracy": done.test_accuracy,
        "pruned_test_accuracy": done.pruned_test_accuracy,
        "epochs": len(done.history),
        "loss": done.history[-1].loss if done.history else None,
        "seconds": done.seconds,
        "nonzero_dead": done.nonzero_dead,
        "collapsed": list(done.collapsed),
        **trained,
        **{
            f"pruned_{key}": value
            for key, value in (sparsity(done.trained, done.masks) if was_cut else trained).items()
        },
    }


def sparsity(weights: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> Row:
    """Return PQ Index (½, 1) and Gini index per scope.

    Of all living weights, of each layer, and the mean over the neurons of each layer; None where
    no living weight is other than zero.
    """
    measured: Row = {"pqi": {}, "gini": {}}
    living = {name: weights[name].detach() for name in masks}
    for scope, group in SCOPES.items():
        for groups in group(living, masks):
            rows = groups.scores.masked_fill(~groups.alive, 0).any(dim=1)
            w, alive = groups.scores[rows], groups.alive[rows]
            name = "all" if scope == "global" else groups.pieces[0][0]
            place = measured["pqi"].setdefault(scope, {}), measured["gini"].setdefault(scope, {})
            if not len(w):
                place[0][name] = place[1][name] = None
                continue
            place[0][name] = float(pq_index(w, 0.5, 1.0, mask=alive, dim=1).mean())
            place[1][name] = float(gini_index(w, mask=alive, dim=1).mean())
    return measured


def identity(
    net: nn.Module,
    data: Data,
    recipe: Recipe,
    seed: int,
    training: Training,
    device: torch.device,
) -> Row:
    """Return what decides the numbers of a run, and the key made of it."""
    what: Row = {
        "recipe": str(recipe),
        "choices": {name: _describe(getattr(recipe, name)) for name in CHOICES},
        "training": {f.name: _describe(getattr(training, f.name)) for f in fields(training)},
        "seed": seed,
        "device": device.type,
        "data": f"{data.name}, {len(data.train)} + {len(data.validation)} + {len(data.test)}",
        "data_hash": _hash_tensors([data.train.inputs, data.train.targets, data.test.inputs]),
        "net": type(net).__name__ + f", {sum(p.numel() for p in net.parameters())} parameters",
        "net_hash": _hash_tensors(list(net.state_dict().values())),
        "code": code_version(),
    }
    # Through JSON and back, so that it equals what is read from disk: tuples become lists.
    text = json.dumps(what, sort_keys=True, ensure_ascii=False)
    return {"key": hashlib.sha256(text.encode()).hexdigest(), **json.loads(text)}


@cache
def code_version() -> str:
    """Return a hash of the package's source that can change a number (not of classroom/)."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        if not {"classroom", "papers"} & set(path.relative_to(PACKAGE).parts):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


class Record:
    """One run on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "record.json"

    def load(self, what: Row) -> tuple[list[Row], Checkpoint | None]:
        """Return the rows that are saved and where to go on; nothing if there is no record."""
        if not self.path.exists():
            return [], None
        try:
            saved = json.loads(self.path.read_text(encoding="utf-8"))
            if saved["identity"] != what:
                raise ValueError("it is the record of another run")
            rows = list(saved["rows"])
            return rows, self._load_checkpoint(len(rows), saved["sha256"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            self._set_aside(error)
            return [], None

    def _load_checkpoint(self, number: int, sha256: str) -> Checkpoint:
        content = self._checkpoint_path(number).read_bytes()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise ValueError("the checkpoint does not have the checksum that the record names")
        parts: dict[str, Weights] = {}
        for name, tensor in load_tensors(content).items():
            part, _, key = name.partition("|")
            parts.setdefault(part, {})[key] = tensor
        masks, weights = Masks(parts.pop("masks")), parts.pop("weights")
        soft = parts.pop("soft", {})
        return Checkpoint(number, masks, weights, parts, soft)

    def save(self, what: Row, rows: list[Row], state: Checkpoint, where: dict[str, str]) -> None:
        """Write the checkpoint, then the record that names it; each whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        parts = {"masks": dict(state.masks), "weights": state.weights, "soft": state.soft}
        parts |= state.snapshots
        content = save_tensors(
            {
                f"{part}|{key}": tensor.detach().cpu().contiguous()
                for part, tensors in parts.items()
                for key, tensor in tensors.items()
            }
        )
        saved = {
            "identity": what,
            "environment": where,
            "sha256": hashlib.sha256(content).hexdigest(),
            "rows": rows,
        }
        write_whole(self._checkpoint_path(len(rows)), content)
        write_whole(self.path, json.dumps(saved, indent=1, ensure_ascii=False).encode())
        # Keep one checkpoint more than needed: another process may be about to read it.
        self._checkpoint_path(len(rows) - 2).unlink(missing_ok=True)

    def _checkpoint_path(self, number: int) -> Path:
        return self.folder / f"round_{number:03d}.safetensors"

    def _set_aside(self, error: Exception) -> None:
        number = 1
        while (aside := self.folder.with_name(f"{self.folder.name}.damaged-{number}")).exists():
            number += 1
        self.folder.rename(aside)
        warnings.warn(
            f"the record {self.folder} is damaged ({error}); it is kept as {aside.name}, "
            "and the run starts anew",
            RuntimeWarning,
            stacklevel=4,
        )


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: beside its place first, then renamed."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _hash_tensors(tensors: list[Tensor]) -> str:
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(str(tensor.shape).encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _describe(choice: Any) -> Any:
    """Describe a choice so that another one is described otherwise: a function by its source."""
    if is_dataclass(choice) and not isinstance(choice, type):
        return {"is": type(choice).__name__, **{k: _describe(v) for k, v in vars(choice).items()}}
    if callable(choice):
        return {"is": cell(choice), "source": _source(choice)}
    return choice


def _source(function: Any) -> str:
    """Hash a function's source; those of the package are covered by `code_version`."""
    if str(getattr(function, "__module__", "")).startswith("pruninglab."):
        return "pruninglab"
    try:
        text = inspect.getsource(function)
    except (OSError, TypeError):
        text = repr(getattr(function, "__code__", function))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
