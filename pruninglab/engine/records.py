"""What a run measured: one row per round, saved as it goes, resumed after a crash.

A record is a folder with `record.json` (what ran, where, and a row per round) and the checkpoint
of the last whole round as safetensors. Both are written beside and renamed, so a run that is
killed at any moment leaves the last whole round; both are under a checksum, and what is damaged is
set aside. No pickle: a record can be read by anything and runs nothing.
"""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from ..choices.scopes import SCOPES
from ..data import Data
from ..files import write_whole
from ..ideas.checks import Seed, checked, warn
from ..ideas.pqi import gini_index, pq_index
from ..settings import device as pick_device
from ..settings import environment
from .fingerprint import fingerprint
from .loop import Checkpoint, Round, prune
from .masks import Masks
from .parametrisation import Weights
from .recipes import Recipe
from .results import Row
from .training import Training, thread_count, threads_for

RUNS = Path(__file__).resolve().parents[2] / "runs"
# How often a record is read again that changes while it is read.
TRIES = 5


@checked
def recorded(
    net: nn.Module,
    data: Data,
    recipe: Recipe,
    *,
    seed: Seed,
    training: Training = Training(),
    device: str | torch.device | None = None,
    folder: str | Path | None = None,
) -> Iterator[Row]:
    """Run `recipe` like `prune`, yielding a row per round, each saved before it is yielded.

    Rounds that an earlier run of the same recipe, training, seed, network, data and code has saved
    under `folder` (runs/ by default) are yielded from there; then the run goes on as if it had
    never stopped. In the end `net` holds the trained ticket, also if nothing was left to run. Two
    processes or threads on the same record do no harm: they compute the same rows. A damaged record
    is set aside with a warning and the run starts anew.

    Raises TypeError for a choice that a record cannot see through (`engine.fingerprint`), OSError
    for a folder that cannot be written, and whatever `prune` refuses, all before any training.
    Taught in notebook 02.
    """
    target = pick_device(device)
    recipe.check(net, data.to(target), training)
    net.to(target)
    what = identity(net, data, recipe, seed, training, target)
    record = Record(Path(folder or RUNS) / what["key"][:16])
    record.prepare()
    return _go_on(net, data, recipe, record, what, training, target)


def _go_on(
    net: nn.Module,
    data: Data,
    recipe: Recipe,
    record: Record,
    what: Row,
    training: Training,
    target: torch.device,
) -> Iterator[Row]:
    seed = what["seed"]
    rows, start = record.load(what)
    yield from rows
    if start is not None and len(rows) > recipe.rounds:
        net.load_state_dict(start.weights)
        return
    run = prune(net, data, recipe, seed=seed, training=training, device=target, start=start)
    for finished in run:
        rows = [*rows, row_of(finished, seed)]
        go_on = finished.checkpoint
        if finished.index == recipe.rounds:
            # Nothing comes after: who reads the record wants the ticket.
            go_on = Checkpoint(go_on.round, go_on.masks, finished.trained, {})
        record.save(what, rows, go_on, made_with(net, target))
        yield rows[-1]


@checked
def row_of(finished: Round, seed: Seed) -> Row:
    """Return what a round measured as plain numbers: one row of `Runs`.

    What only a cut or a validation split gives is None without one.
    """
    was_cut = finished.pruned_density < finished.density
    with threads_for(finished._net):
        living = sparsity_indices(finished.trained, finished.alive)
        pruned = sparsity_indices(finished.trained, finished.masks) if was_cut else _none_of(living)
    validated = finished.validation_accuracy
    return {
        "round": finished.index,
        "seed": seed,
        "density": finished.density,
        "pruned_density": finished.pruned_density,
        "layer_density": finished.alive.layer_density(),
        "validation_accuracy": None if math.isnan(validated) else validated,
        "test_accuracy": finished.test_accuracy,
        "pruned_test_accuracy": finished.pruned_test_accuracy if was_cut else None,
        "epochs": len(finished.history),
        "loss": finished.history[-1].loss if finished.history else None,
        "seconds": finished.seconds,
        "nonzero_dead": finished.nonzero_dead,
        "collapsed": list(finished.collapsed),
        **living,
        "pruned_pqi": pruned["pqi"],
        "pruned_gini": pruned["gini"],
    }


def _none_of(measured: Row) -> Row:
    """Return the same names with None for each number: what was not measured."""
    return {
        index: {scope: dict.fromkeys(values) for scope, values in scopes.items()}
        for index, scopes in measured.items()
    }


def sparsity_indices(weights: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> Row:
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
            mask: Tensor | None = alive
            if len(w) == 1:
                # One vector: of its living members alone, who are few after some rounds.
                w, mask = w[alive][None], None
            name = "all" if scope == "global" else groups.pieces[0][0]
            values: dict[str, float | None] = {"pqi": None, "gini": None}
            if len(w):
                values["pqi"] = float(pq_index(w, 0.5, 1.0, mask=mask, dim=1).mean())
                values["gini"] = float(gini_index(w, mask=mask, dim=1).mean())
            for index, value in values.items():
                measured[index].setdefault(scope, {})[name] = value
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
    where = made_with(net, device)
    what: Row = {
        "recipe": str(recipe),
        "choices": {f.name: fingerprint(vars(recipe)[f.name], f.name) for f in fields(recipe)},
        "training": {f.name: fingerprint(vars(training)[f.name], f.name) for f in fields(training)},
        "seed": seed,
        "device": where["device"],
        "threads": where["threads"] if device.type == "cpu" else None,
        "torch": where["torch"],
        "data": f"{data.name}, {len(data.train)} + {len(data.validation)} + {len(data.test)}",
        "data_hash": fingerprint([data.train, data.validation, data.test], "data"),
        "net": type(net).__name__ + f", {sum(p.numel() for p in net.parameters())} parameters",
        "net_hash": fingerprint(net, "net"),
        "code": code_version(),
    }
    # Through JSON and back, so that it equals what is read from disk: tuples become lists.
    text = json.dumps(what, sort_keys=True, ensure_ascii=False)
    return {"key": hashlib.sha256(text.encode()).hexdigest(), **json.loads(text)}


def made_with(net: nn.Module, device: torch.device) -> dict[str, str]:
    """Return the environment in which `net` is trained: with its own number of threads."""
    return environment(device) | {"threads": str(thread_count(net))}


@cache
def code_version() -> str:
    """Return a hash of the code that every run goes through: the loop and all that it calls."""
    return fingerprint([prune, row_of], "the engine")


class Damaged(ValueError):
    """A record does not say what it should."""


class Record:
    """One run on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "record.json"

    def prepare(self) -> None:
        """Make the folder and try to write there. Raises OSError, naming it, if that fails."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder):
                pass
        except OSError as error:
            text = error.strerror or str(error)
            raise OSError(
                error.errno, f"folder cannot be written: {text}", str(self.folder)
            ) from error

    def load(self, what: Row) -> tuple[list[Row], Checkpoint | None]:
        """Return the rows that are saved and where to go on; nothing if there is no record.

        A record that another process has written on while we read is read again.
        """
        content = None
        for _ in range(TRIES):
            try:
                content = self.path.read_bytes()
                return self._parse(content, what)
            except FileNotFoundError:
                if not self.path.exists():
                    return [], None
                error: Exception = Damaged("a file of it is missing")
            except Exception as found:
                error = found
            if self._now() == content:
                break
        self._set_aside(error, content)
        return [], None

    def _now(self) -> bytes | None:
        try:
            return self.path.read_bytes()
        except OSError:
            return None

    def _parse(self, content: bytes, what: Row) -> tuple[list[Row], Checkpoint]:
        saved = json.loads(content.decode("utf-8"))
        if saved["identity"] != what:
            raise Damaged("it is the record of another run")
        rows = saved["rows"]
        if saved["rows_sha256"] != _hash_rows(rows):
            raise Damaged("the rows do not have the checksum that the record names")
        state = self._checkpoint_path(len(rows)).read_bytes()
        if hashlib.sha256(state).hexdigest() != saved["sha256"]:
            raise Damaged("the checkpoint does not have the checksum that the record names")
        parts: dict[str, Weights] = {}
        for name, tensor in load_tensors(state).items():
            part, _, key = name.partition("|")
            parts.setdefault(part, {})[key] = tensor
        masks, weights = Masks(parts.pop("masks")), parts.pop("weights")
        learned = parts.pop("learned", {})
        spent = sum(row["epochs"] for row in rows)
        return rows, Checkpoint(len(rows), masks, weights, parts, learned, spent)

    def save(self, what: Row, rows: list[Row], state: Checkpoint, where: dict[str, str]) -> None:
        """Write the checkpoint, then the record that names it; each whole or not at all."""
        parts = {"masks": dict(state.masks), "weights": state.weights, "learned": state.learned}
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
            "rows_sha256": _hash_rows(rows),
            "rows": rows,
        }
        text = json.dumps(saved, indent=1, ensure_ascii=False, allow_nan=False)
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self._checkpoint_path(len(rows)), content)
        write_whole(self.path, text.encode())
        # Keep one checkpoint more than needed: another process may be about to read it.
        self._checkpoint_path(len(rows) - 2).unlink(missing_ok=True)

    def _checkpoint_path(self, number: int) -> Path:
        return self.folder / f"round_{number:03d}.safetensors"

    def _set_aside(self, error: Exception, content: bytes | None) -> None:
        """Rename the damaged folder, unless another process has just done so."""
        number = 1
        while self._now() == content:
            aside = self.folder.with_name(f"{self.folder.name}.damaged-{number}")
            try:
                if not aside.exists():
                    self.folder.rename(aside)
                    break
            except FileNotFoundError:
                return
            except OSError:
                if not aside.exists():
                    raise
            number += 1
        else:
            return
        warn(
            f"the record {self.folder} is damaged ({error}); it is kept as {aside.name}, "
            "and the run starts anew",
            RuntimeWarning,
        )


def _hash_rows(rows: Any) -> str:
    text = json.dumps(rows, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
