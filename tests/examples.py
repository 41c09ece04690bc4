"""A good call of every public name: what the fuzzer spoils, and what must run on every device.

A value is looked up by the function and the parameter (`_special`), then by the parameter's name
(`_by_name`), then by its type, so that a new function often needs no line here. Networks lie on
the CPU, tensors and images on the device: as for a student who loads images on a machine with a GPU
and builds a network.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import torch
from jaxtyping import AbstractArray
from PIL import Image
from publicnames import Target, targets
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector

import pruninglab as lab
from pruninglab.checks import RANGES
from pruninglab.choices.scopes import Groups
from pruninglab.costs import Latency
from pruninglab.data import Data, Split
from pruninglab.engine.masks import Masks
from pruninglab.engine.parametrisation import HardMask
from pruninglab.engine.tickets import save_ticket
from pruninglab.ideas import concave, imc, nnrelief
from pruninglab.kit.page import Page
from pruninglab.lessons.faster.layouts import LayoutTimes
from pruninglab.lessons.mix.board.kept import KEYS, Kept, keep

ALL = targets()
ALT = "A picture that is described in at least twenty letters"
STOP = lab.stops.epochs(1)
TRAINING = lab.Training(batch_size=8)
NUMBERS = [[0.5, 0.4], [0.7, 0.3]]
# Rows as records have them: a list per seed, a row per round.
RUNS = [
    [
        {"seed": seed, "round": i, "epoch": i + 1, "accuracy": value, "test_accuracy": value,
         "milliseconds": value,
         "pruned_test_accuracy": value, "density": 0.5**i, "layer_density": {"a": value},
         "pruned_density": 0.5**i,
         "epochs": 5, "error": 1 - value, "IF relative": 1 - value, "when": when,
         "norms": {"1→2": value}, "units": 0.5**i, "validation_gap": value - 0.5,
         **dict.fromkeys(("IF probe 1", "GF relative", "GF probe 1"), 1 - value),
         "grid": {"(0.5, 1)": value}, "cut": {"share": 0.5, "accuracy": 0.1, "pqi": value},
         **{index: {"global": {"all": value}, "layer": {"a": value}}
            for index in ("pqi", "pruned_pqi", "gini")}}
        for i, value in enumerate(run) for when in ("just pruned", "retrained")
    ]
    for seed, run in enumerate(NUMBERS)
]  # fmt: skip
FLAT = [row for run in RUNS for row in run]
METHODS = ("one-shot", "lottery ticket", "SAP (1, 2)", "SAP (½, 1)")
SAP_RUNS = lab.Runs(dict.fromkeys(METHODS, RUNS))
TIME = Latency((0.1, 0.2, 0.3, 0.4, 0.5), images=1, threads=2, device="cpu")
TIMES = LayoutTimes((1.0, 0.5), {"dense": [TIME, TIME], "CSR": [TIME, TIME]})


@lab.figure("tests/a")
def drawn(page: Page, *, eps: float) -> str:
    """Draw a figure as `explore` wants it."""
    lab.lessons.concave.figures.penalties(eps=eps, figure=page.figure)
    return ALT


class Late(partial):
    """A value that the package computes: made when asked for, so that one fault spoils one test."""


class Examples:
    """The small world of the examples: files in `folder`, tensors on `device`."""

    def __init__(self, folder: Path, device: str | torch.device = "cpu") -> None:
        self.folder, self.device = folder, torch.device(device)
        inputs, labels = self.rand(24, 1, 2, 2), torch.arange(24) % 3
        self.split = Split(inputs, labels.to(device))
        self.data = Data("tiny", self.split, self.split.take(9), self.split.take(6), tuple("abc"))
        self.images = Split(self.rand(10, 1, 4, 4), self.split.targets[:10])
        ones = (self.rand(1, 12, 401).round(), self.rand(1, 12).round())
        self.digits = lab.lessons.concave.digits.TwoDigits(*ones, *ones)
        for part in ("train/a", "train/b", "test/a", "test/b"):
            (folder / "images" / part).mkdir(parents=True)
            for i in range(3):
                Image.new("L", (4, 4), 50 * i).save(folder / "images" / part / f"{i}.png")

    def arguments(self, target: Target) -> dict[str, Any]:
        """Return new copies of what the target needs, and of what would else take too long."""
        signature = inspect.signature(target.function).parameters
        special = {
            name: value
            for key, values in self._special.items()
            if f".{target.name}".endswith(f".{key}")
            for name, value in values.items()
        }
        required = [p.name for p in signature.values() if p.default is inspect.Parameter.empty]
        needed = [name for name in target.parameters if name in required]
        values = {name: self._value(target, name) for name in needed if name not in special}
        return {name: _new(value) for name, value in (values | special).items()}

    def call(self, target: Target, arguments: dict[str, Any]) -> Any:
        """Call the target, a method on an example of its class; run what it generates."""
        function = self._bound(target) if target.is_method else target.function
        if function is lab.explore:
            control = lab.slider(0.1, 1.0, 0.5, step=0.1, label="ε", hint="")
            function = partial(lab.explore, arguments.pop("figure_function"), eps=control)
        result = function(**arguments)
        return list(result) if isinstance(result, Iterator) else result

    def _bound(self, target: Target) -> Callable[..., Any]:
        """Return the method of an example: a known one, or one that its constructor makes."""
        owner, _, method = target.name.rpartition(".")
        known = self._receivers.get(owner.rpartition(".")[2])
        receiver = _new(known) if known else self.call(ALL[owner], self.arguments(ALL[owner]))
        return getattr(receiver, method)

    def _value(self, target: Target, name: str) -> Any:
        owner = target.function
        hints = get_type_hints(owner, include_extras=True)
        if inspect.isclass(owner):
            hints |= get_type_hints(owner.__init__, include_extras=True)  # type: ignore[misc]
        hint = hints.get(name)
        if name in self._by_name:
            return self._by_name[name]
        for kind in (hint, *get_args(hint)):
            if kind in self._by_type:
                return self._by_type[kind]
            if isinstance(kind, type) and issubclass(kind, AbstractArray):
                return self._array(kind)
        raise LookupError(f"tests/examples.py needs a value for {name!r} of {target.name}")

    def _array(self, hint: Any) -> Tensor:
        """Return an array that fits a shape such as Float[Tensor, "samples in"]: all sizes 4."""
        numbers = self.rand(*[4 for _ in hint.dim_str.split()])
        kind = hint.dtype.__name__.lower()
        return numbers > 0.5 if kind == "bool" else numbers.long() if "int" in kind else numbers

    def rand(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=torch.Generator().manual_seed(0)).to(self.device)

    def net(self) -> nn.Module:
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(0)
            return nn.Sequential(nn.Flatten(), nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))

    def conv(self) -> nn.Conv2d:
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(0)
            return nn.Conv2d(3, 2, 3)

    def lenet(self) -> nn.Module:
        return lab.nets.lenet_300_100(inputs=(1, 4, 4), classes=3, seed=0)

    def named(self) -> dict[str, Tensor]:
        return {"a.weight": self.rand(3, 4), "b.weight": self.rand(2, 3)}

    def shares(self) -> dict[str, dict[str, Tensor]]:
        shares = nnrelief.network_importance(self.lenet(), self.images.inputs)
        return {"before": shares, "after": shares}

    @cached_property
    def _receivers(self) -> dict[str, Any]:
        """Objects whose methods are called, where the constructor's example would not do."""
        done = next(lab.prune(self.net(), self.data, self._by_name["recipe"], seed=0))
        known = self._by_name | {
            "times": TIMES,
            "round": done,
            "claim": lab.papers.claims("sap")[0],
        }
        names = {name: name.lower() for name in ("Masks", "Data", "Split", "Curvature", "Round")}
        names |= {"LayoutTimes": "times", "Claim": "claim"}
        groups = next(iter(lab.scopes.layer(known["scores"], known["alive"])))
        return {owner: known[name] for owner, name in names.items()} | {"Groups": groups}

    @cached_property
    def _by_type(self) -> dict[Any, Any]:
        ranges = {hint: 1 for hint, _ in RANGES}
        return ranges | {
            float: 0.5, int: 1, str: "a", bool: True, Tensor: self.rand(3, 4), Path: self.folder,
            nn.Module: self.net(), Data: self.data, Split: self.split,
        }  # fmt: skip

    @cached_property
    def _by_name(self) -> dict[str, Any]:
        e, masks = self, Masks.full(self.net())
        matrix = e.rand(9, 9) + e.rand(9, 9).T
        values, vectors = (part.to(e.device) for part in torch.linalg.eigh(matrix.cpu()))
        net = e.net().to(e.device)
        snapshots = {name: net.state_dict() for name in ("init", "dense", "epoch 1")}
        epoch = lab.stops.Epoch(1, 0.5, 0.5, 0.1)
        recipe = lab.recipes.lottery_ticket(0.5, stop=STOP, rounds=1)
        layer, keep = (e.rand(6, 4), e.rand(6)), (e.rand(6, 4) > 0.3, e.rand(6) > 0.3)
        regularizer = concave.log(0.1)
        return {
            "alive": {k: w >= 0 for k, w in e.named().items()},
            "alt": ALT, "answer": ..., "at": (1, 2),
            "basis": vectors[:, :3].clone(),
            "bounds": (0.1, 0.2), "box": 0.5,
            "budget": lab.budgets.fraction(0.5),
            "classes": 3, "curvature": Late(imc.hessian_operator, e.net(), *e.split),
            "data": e.data,
            "densities": [1.0, 0.5], "distances": [0.9, 0.4],
            "eigenvalues": values, "eigenvectors": vectors, "epoch": 1,
            "exact": values,
            "figure": lab.lessons.concave.figures.penalties(),
            "figure_function": drawn, "flow": e.named(),
            "earlier": {}, "groups": Groups(e.rand(2, 5), e.rand(2, 5) >= 0, "linear"),
            "generator": torch.Generator().manual_seed(0),
            "history": (epoch,), "images": e.split, "inputs": e.split.inputs, "k": 2,
            "keep": keep, "keeps": [keep], "key": "accuracy",
            "layer": layer, "layers": [layer],
            "lipschitz_grid": e.rand(3),
            "learned": {}, "loss": nn.functional.cross_entropy, "m": e.rand(5), "main": e.rand(4),
            "make_net": lambda seed: e.net(),
            "mask": e.rand(401).round(), "masks": masks, "masses": e.rand(2, 5),
            "name": "tests/a", "net": e.net(),
            "nonlinear": e.rand(9),
            "one": e.rand(9) > 0.5, "operator": matrix, "options": [0.5, 1.0],
            "other": e.rand(9) > 0.3, "p": 0.5,
            "parameters": list(net.parameters()),
            "path": e.folder / "images", "pieces": (("a.weight", torch.Size((3, 4))),),
            "places": e.rand(2, 5), "points": np.ones((3, 2)), "power": 1,
            "q": 1.0,
            "recipe": recipe, "recipes": {"a": recipe}, "reference": e.named(),
            "regularizer": regularizer,
            "rewind": lab.rewinds.to_init,
            "runs": lab.Runs({"a": RUNS}), "scope": lab.scopes.layer,
            "score": lab.scores.magnitude, "scores": e.named(), "seeds": [0],
            "shortcut": e.rand(4), "side": "flat", "signals": e.rand(3, 4),
            "size": (4, 4), "snapshot": "dense", "snapshots": snapshots,
            "split": e.split, "start": e.rand(9),
            "states": Late(e.shares),
            "state": lab.stops.Progress(net, e.data, Masks.full(net), 1, 1, [epoch], snapshots),
            "stop": STOP, "system": matrix,
            "targets": e.split.targets,
            "total": 63, "trained": snapshots["init"], "vector": e.rand(9),
            "w": e.rand(9),
            "weights": snapshots["init"],
        }  # fmt: skip

    def _of_notebook_08(self) -> dict[str, dict[str, Any]]:
        e, net = self, self.net()
        wall = Split(self.images.inputs.round(), self.images.targets)
        return {
            "live.live": {"net": nn.Sequential(nn.Flatten(), nn.Linear(16, 3)),
                          "data": Data("tiny", wall, wall, wall, tuple("abc"))},
            "latency": {"repeats": 5},
            "measure_machine": {"device": "cpu", "repeats": 5},
            "Latency": {"seconds": (0.1, 0.2), "images": 1, "threads": 1, "device": "cpu"},
            "Machine": {"product": TIME, "copying": TIME, "flops": 1e9, "bytes": 1e9},
            "save_ticket": {"path": e.folder / "a.safetensors", "masks": Masks.full(net)},
            "load_ticket": {"path": self._ticket},
            "scan_layers": {"densities": [1.0, 0.5]}, "remove_dead": {"net": e.lenet(),
                                                                   "inputs": e.images.inputs},
        }  # fmt: skip

    def _of_the_head_to_head(self) -> dict[str, dict[str, Any]]:
        return {
            "Paired": {"mean": 0.1, "std": 0.01, "seeds": 5},
            "Paired.interval": {"confidence": 0.9},
            "ladder": {"densities": (0.5, 0.2)}, "at_pace": {"dense": 1, "per_halving": 1},
            "sooner": {"first": STOP, "second": lab.stops.epochs(2)},
        }  # fmt: skip

    def _of_notebook_07(self) -> dict[str, dict[str, Any]]:
        recipe = self._by_name["recipe"]
        folder = self.folder / "boards"
        about = {"data": "tiny", "net": "a", "training": "b"}
        kept = [{key: row[key] for key in KEYS if key != "validation_accuracy"}
                | {"validation_accuracy": 0.5} for row in RUNS[0][::2]]  # fmt: skip
        keep(folder, Kept("a", about, {"a": lab.Runs({"yours": [kept]})}))
        return {
            "kept.merge": {"folder": folder, "at": 0.5},
            "panel.show": {"recipe": recipe, "training": TRAINING, "folder": folder},
            "one_by_one": {"a": recipe, "b": lab.Recipe()},
        }  # fmt: skip

    @cached_property
    def _ticket(self) -> Path:
        masks = Masks.full(self.net())
        return save_ticket(self.folder / "b.safetensors", self.net(), masks, lab.Recipe())

    @cached_property
    def _special(self) -> dict[str, dict[str, Any]]:
        e, known = self, self._by_name
        recipe, vector = known["recipe"], parameters_to_vector(e.net().parameters()).detach()
        vector = vector.to(e.device)
        group = {"scores": e.rand(2, 5), "alive": e.rand(2, 5) >= 0}
        layer = {"weight": e.rand(6, 4), "bias": e.rand(6), "inputs": e.rand(5, 4)}
        conv = {"weight": e.rand(2, 3, 3, 3), "bias": e.rand(2), "inputs": e.rand(5, 3, 6, 6)}
        return {
            **{f"nets.{name}": {"inputs": (1, 16, 16), "seed": 0} for name in vars(lab.nets)},
            **{f"nets.{name}": {"inputs": (1, 32, 32), "seed": 0} for name in
               ("vgg_11", "vgg_13", "vgg_16", "vgg_like", "resnet_18", "resnet_50")},
            "nets.clone": {}, "nets.seeded": {},
            **self._of_notebook_08(), **self._of_notebook_07(),
            "nets.init_kaiming_normal": {"net": e.net(), "seed": 0},
            "keep_largest": group | {"keep": torch.tensor([2, 3]).to(e.device)},
            "Groups": group,
            "Groups.split": {"kept": e.rand(1, 12) > 0.5}, "masks.cut": {"masks": known["alive"]},
            "to_epoch": {"epoch": 1}, "publish": {"name": "tests/a", "alt": ALT},
            "papers.record": {"paper": "nnrelief", "name": "mnist_lenet_300_100"},
            "row_of_table": {"label": "SAP"}, "differing": {"a": recipe, "b": recipe},
            "recipes.cell": {"choice": STOP},
            "Checkpoint": {"round": 1}, "HardMask.load": {"state": e.net().state_dict()},
            "Runs.paired": {"a": "a", "b": "a"}, "Runs.against": {"reference": "a"},
            "ledger.items": {"paper": "sap"}, "ledger.ledger": {"paper": "sap"},
            "ledger.Item": {"status": "toy"}, "claims.Claim": {"verdict": "holds", "density": 0.1},
            "claims.claims": {"paper": "sap"}, "claims.claims_table": {"paper": "sap"},
            "claims.command": {"record": "sap/fashion-mnist_mlp_3-epochs_3-seeds"},
            "claims.verdict": {"pair": lab.engine.results.Paired(0.1, 0.01, 5)},
            "blocks_of": {"size": 1},
            "learned.learned": {"make": HardMask},
            "Masks.shrink": {"keep": known["masks"]}, "Masks.to": {"device": e.device},
            "Data.to": {"device": e.device}, "Split.to": {"device": e.device},
            "Split.batches": {"size": 4}, "data.load": {"name": "mnist"},
            "data.load_folder": {"validation": 0.4},
            "Data": {"train": e.split, "validation": e.split, "test": e.split,
                     "classes": tuple("abc")},
            "active_neurons": {"masks": Masks.full(e.lenet())},
            "compare": {"training": TRAINING}, "prune": {"training": TRAINING, "seed": 0},
            "train": {"training": TRAINING},
            "recorded": {"training": TRAINING, "folder": e.folder / "runs"},
            "projected_sgd.__call__": {"parameters": [nn.Parameter(e.rand(9))]},
            "start_inside": {"trained": vector,
                             "basis": torch.eye(51)[:, :3].to(e.device)},
            "questions.choice": {"options": ["a", "b"], "answer": "b", "name": "07_a"},
            "questions.curve": {"truth": {1: 0.2, 2: 0.5, 3: 0.4}, "name": "07_a"},
            "questions.number": {"truth": 0.5, "low": 0.0, "high": 1.0, "name": "07_a"},
            "questions.summary": {"notebook": "07_a"},
            "explorers.choice": {"value": 0.5}, "steps_slider": {"value": 0.5},
            "slider": {"low": 0.0, "high": 1.0}, "text": {"value": "a"},
            "theorem1_bound": {"k": 5}, "theorem2_bound": {"phi": 1.0},
            "theorem2_printed": {"phi": 1.0}, "lq": {"q": 0.5},
            "Curvature": {"weights": vector, "net": known["state"].net},
            "Curvature.at": {"weights": vector}, "Curvature.split": {"vector": vector},
            "change_along": {"v": Late(lambda: known["curvature"]().weights)},
            "spectral_density": {"steps": 5}, "lanczos": {"steps": 4},
            "lipschitz_ascent": {"steps": 2, "power": 2}, "random_space": {"d": 9, "m": 3},
            "flat_space": {"m": 3}, "sharp_space": {"m": 3},
            "linear_manifold": {"nonlinear": known["system"]},
            "entry_share": {"scores": e.rand(3, 4)}, "share_cut": {"scores": e.rand(3, 4)},
            "connection_importance": layer, "connection_signal": layer,
            "kernel_importance": conv, "kernel_signal": conv,
            "carry_change": {"change": e.rand(4), "weights": [e.rand(6, 4)]},
            "dropped_signal": {"inputs": e.rand(5, 4)}, "residuals": {"inputs": e.rand(5, 4)},
            "error_bounds": {"inputs": e.rand(5, 4)},
            "FilterChange": {"change": e.rand(5, 2), "activated": e.rand(5, 2), "lost": e.rand(2),
                             "signal": e.rand(2)},
            "filter_change": {"conv": self.conv(), "inputs": e.rand(5, 3, 6, 6),
                              "keep": (e.rand(2, 3) > 0.3, e.rand(2) > 0.3)},
            "chance_jaccard": {"density": 0.2, "other": 0.3},
            "weak_branches": {"main": e.rand(5, 2, 3, 3), "shortcut": e.rand(5, 2, 3, 3)},
            "retained_bound": {"d": 100, "index": 0.2}, "tail_ratio": {"r": 2},
            "effective_number": {"order": 0.5},
            **{f"sap.figures.{name}": {"runs": SAP_RUNS} for name in ("pace", "saw", "turn")},
            **{f"sap.figures_of_audit.{name}": {"runs": SAP_RUNS}
               for name in ("hypothesis", "cuts", "layers", "scales")},
            **{name: {"watched": lab.Runs({"a": RUNS}), **more} for name, more in {
                "choose_epsilon": {}, "leak": {}, "best_on_test": {},
                "your_epochs": {"answer": len, "epsilon": 0.5},
                "incop.figures.game": {"rule": lambda *seen: True, "seeds": [0]},
                "by_rule": {"rule": lambda *seen: True}, "only_seeds": {"seeds": [0]},
                "by_epsilon": {"measure": "IF relative", "epsilon": 0.5},
                "over_one_epoch": {"used": 1},
            }.items()},
            **self._of_the_head_to_head(),
            "proof_steps": {"sought": e.rand(5).round(), "gradient": e.rand(5), "loss_gap": 0.1},
        }  # fmt: skip


def _new(value: Any) -> Any:
    """Return an independent copy: a call may change what it is given."""
    if isinstance(value, Late):
        return value()
    try:
        return copy.deepcopy(value)
    except (TypeError, NotImplementedError):  # A torch.Generator, say.
        return value
