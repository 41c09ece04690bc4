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
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from .. import __version__
from ..checks import Label, Seed, checked, warn
from ..choices.scopes import SCOPES
from ..data import Data
from ..files import write_whole
from ..ideas.sap import gini_index, pq_index
from ..ideas.weights import everything, load_weights
from ..settings import device as pick_device
from ..settings import environment
from .fingerprint import known
from .loop import Checkpoint, Round, prune
from .masks import Masks
from .recipes import Recipe
from .results import Row
from .training import Training, thread_count, threads_for

# Where the kernel or the command runs.
RUNS = Path("runs")


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
    key: Label | None = None,
) -> Iterator[Row]:
    """Run `recipe` like `prune`, yielding a row per round, each saved before it is yielded.

    Rounds that an earlier run of the same recipe, training, seed, network and data has saved under
    `folder` (runs/ by default) are yielded from there; then the run goes on as if it had never
    stopped. The same is what is known by name: choices and data of the package, networks of the
    package's and torch's own modules, by arguments, weights and versions. With anything else, a
    function of yours say, nothing is saved or read, and a warning says so, unless you give `key`:
    any text that stands for all that is not known, the same for the same run.

    In the end `net` holds the trained ticket, also if nothing was left to run. Two processes or
    threads on the same record do no harm: they compute the same rows. A damaged record is set aside
    with a warning and the run starts anew.

    Raises ValueError for an empty key, OSError for a folder that cannot be written, and whatever
    `prune` refuses, all before any training. Taught in notebook 02.
    """
    target = pick_device(device)
    net.to(target)
    what = identity(net, data, recipe, seed, training, target, key)
    how: dict[str, Any] = {"seed": seed, "training": training, "device": target, "progress": False}
    if what["key"] is None:
        run = prune(net, data, recipe, **how)
        warn(runs_anew(what["unknown"]), UserWarning)
        return (row_of(finished, seed) for finished in run)
    record = Record(Path(folder or RUNS) / what["key"][:16])
    rows, start = record.load(what)
    if start is not None and len(rows) > recipe.rounds:
        load_weights(net, start.weights)
        return iter(rows)
    run = prune(net, data, recipe, start=start, **how)
    record.prepare()
    return _go_on(run, recipe.rounds, record, what, rows, made_with(net, target))


def _go_on(
    run: Iterator[Round], last: int, record: Record, what: Row, rows: list[Row], where: Row
) -> Iterator[Row]:
    yield from rows
    for finished in run:
        rows = [*rows, row_of(finished, what["seed"])]
        go_on = finished.checkpoint
        if finished.index == last:
            # Nothing comes after: who reads the record wants the ticket.
            go_on = Checkpoint(go_on.round, go_on.masks, finished.trained, {})
        record.save(what, rows, go_on, where)
        yield rows[-1]


def runs_anew(unknown: Sequence[str]) -> str:
    """Say of what is not known by name that its runs are not kept, and what to do."""
    return (
        f"{'; '.join(unknown)}: this is not known by name, so the run starts anew and is not saved;"
        " to save it give it a name, as key='my score, second try', the same for the same run"
    )


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
    key: str | None = None,
) -> Row:
    """Return what decides the numbers of a run, and the key made of it.

    The key is None where something is not known by name and no `key` stands for it.
    """
    parts = {"recipe": recipe, "training": training, "data": data, "net": net}
    by_name = {what: known(part, what) for what, part in parts.items()}
    unknown = [words for _, found in by_name.values() for words in found]
    where = made_with(net, device)
    what: Row = {
        "recipe": str(recipe),
        "data": f"{data.name}, {len(data.train)} + {len(data.validation)} + {len(data.test)}",
        "net": type(net).__name__ + f", {sum(p.numel() for p in net.parameters())} parameters",
        "seed": seed,
        "device": where["device"],
        "threads": where["threads"] if device.type == "cpu" else None,
        "torch": where["torch"],
        "pruninglab": __version__,
        "precision": f"{torch.get_default_dtype()}, {torch.get_float32_matmul_precision()}",
        "hashes": {what: found for what, (found, _) in by_name.items()},
        "unknown": unknown,
        "unknown_is": key if unknown else None,
    }
    text = json.dumps(what, sort_keys=True, ensure_ascii=False)
    whole = hashlib.sha256(text.encode()).hexdigest()
    return {"key": None if unknown and key is None else whole, **what}


def made_with(net: nn.Module, device: torch.device) -> dict[str, str]:
    """Return the environment in which `net` is trained: with its own number of threads."""
    return environment(device) | {"threads": str(thread_count(net))}


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
        content = self._now()
        while content is not None:
            try:
                return self._parse(content, what)
            except Exception as error:
                if self._now() == content:
                    self._set_aside(error, content)
                    break
            content = self._now()
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
        parts: dict[str, dict[str, Tensor]] = {}
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
                for key, tensor in everything(tensors).items()
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

    def _set_aside(self, error: Exception, content: bytes) -> None:
        """Rename the damaged folder, unless another process has just done so."""
        number = 1
        while self._now() == content:
            aside = self.folder.with_name(f"{self.folder.name}.damaged-{number}")
            try:
                if not aside.exists():
                    self.folder.rename(aside)
                    text = f"is damaged ({error}); it is kept as {aside.name}, and the run starts"
                    return warn(f"the record {self.folder} {text} anew", RuntimeWarning)
            except OSError:
                if not aside.exists() and self._now() == content:
                    raise
            number += 1


def _hash_rows(rows: Any) -> str:
    text = json.dumps(rows, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
