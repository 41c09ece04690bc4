"""A good call of every public name: what the fuzzer spoils, and what must run on every device.

A value is looked up by the function and the parameter (`_special`), then by the parameter's name
(`_by_name`), then by its type, so that a new function often needs no line here. Networks lie on
the CPU, tensors and images on the device: as for a student who loads images on a machine with a GPU
and builds a network.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import torch
from jaxtyping import AbstractArray
from matplotlib.figure import Figure
from PIL import Image
from publicnames import Target, targets
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector

import pruninglab as lab
from pruninglab.choices.scopes import Groups
from pruninglab.classroom.board.kept import KEYS, Kept, keep
from pruninglab.costs import Latency, Machine
from pruninglab.data import Data, Split
from pruninglab.engine.masks import Masks
from pruninglab.engine.parametrisation import HardMask
from pruninglab.ideas import concave, inertial, nnrelief, pqi
from pruninglab.ideas.checks import RANGES
from pruninglab.ideas.roofline import product
from pruninglab.layouts import LayoutTimes

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
TIME = Latency((0.1, 0.2, 0.3, 0.4, 0.5), images=1, threads=2, device="cpu")
TIMES = LayoutTimes((1.0, 0.5), {"dense": [TIME, TIME], "CSR": [TIME, TIME]})


@lab.picture("tests/a")
def drawn(*, eps: float, figure: Figure | None = None) -> Figure:
    """Draw a figure as `explore` wants it."""
    return lab.describe(lab.plots.concave.penalties(eps=eps, figure=figure), ALT)


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
        self.digits = concave.TwoDigits(*ones, *ones)
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
        return list(result) if inspect.isgenerator(result) else result

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
        known = self._by_name
        names = {"Spectrum": "estimate", "TwoDigits": "digits", "Round": "done"}
        names |= {name: name.lower() for name in ("Masks", "Data", "Split", "Curvature", "Recut")}
        known = known | {"times": TIMES}
        names |= {"LayoutTimes": "times"}
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
        density = Late(inertial.spectral_density, matrix, steps=5, probes=2)
        recut = Late(nnrelief.recut, e.lenet(), e.images.inputs, *e.images)
        layer, keep = (e.rand(6, 4), e.rand(6)), (e.rand(6, 4) > 0.3, e.rand(6) > 0.3)
        regularizer = concave.log(0.1)
        return {
            "accuracy": e.rand(2, 3), "alive": {k: w >= 0 for k, w in e.named().items()},
            "alt": ALT, "answer": ..., "at": (1, 2), "axes": Figure().subplots(),
            "basis": vectors[:, :3].clone(), "batch": (e.split.inputs, e.split.targets),
            "bounds": (0.1, 0.2), "box": 0.5, "boxes": [0.1, 1.0],
            "budget": lab.budgets.fraction(0.5), "changes": pqi.PROPERTIES["D1"].changes,
            "classes": 3, "curvature": Late(inertial.hessian_operator, e.net(), *e.split),
            "curve": [0.5, 0.4], "curves": {"a": NUMBERS}, "data": e.data,
            "densities": [1.0, 0.5], "digits": e.digits, "distances": [0.9, 0.4],
            "done": Late(lambda: next(lab.prune(e.net(), e.data, recipe, seed=0))),
            "eigenvalues": values, "eigenvectors": vectors, "epoch": 1,
            "entries": Late(lambda: recut().entries),
            "estimate": density, "estimates": Late(lambda: {"a": density()}), "exact": values,
            "figure": lab.plots.concave.penalties(),
            "figure_function": drawn, "flow": e.named(),
            "found": {"a": [(0.3, 0.05), (0.4, 0.07)]}, "frames": {"a": RUNS},
            "earlier": {}, "groups": Groups(e.rand(2, 5), e.rand(2, 5) >= 0, "linear"),
            "generator": torch.Generator().manual_seed(0), "grid": e.rand(5),
            "history": (epoch,), "images": e.split, "inputs": e.split.inputs, "k": 2,
            "keep": keep, "keeps": [keep], "key": "accuracy", "labels": ("l1", "log"),
            "lambdas": [0.1, 1.0, 10.0], "layer": layer, "layers": [layer],
            "levels": {"random": 0.5}, "lipschitz_grid": e.rand(3),
            "learned": {}, "loss": nn.functional.cross_entropy, "m": e.rand(5), "main": e.rand(4),
            "make_net": lambda seed: e.net(), "maps": {"a": e.rand(784)},
            "mask": e.rand(401).round(), "masks": masks, "masses": e.rand(2, 5),
            "measure": pqi.gini_index, "measures": ["IF relative"], "methods": {"a": RUNS},
            "name": "tests/a", "net": e.net(),
            "networks": {"a": (e.net(), masks), "b": (e.net(), masks)}, "nonlinear": e.rand(9),
            "one": e.rand(9) > 0.5, "operator": matrix, "options": [0.5, 1.0],
            "other": e.rand(9) > 0.3, "own": "4, 2, 1, 1", "p": 0.5, "pairs": [(0.5, 1.0)],
            "panels": {"a": {"flat": NUMBERS}}, "parameters": list(net.parameters()),
            "path": e.folder / "images", "pieces": (("a.weight", torch.Size((3, 4))),),
            "places": e.rand(2, 5), "points": np.ones((3, 2)), "power": 1, "probe": e.split,
            "prop": pqi.PROPERTIES["D1"], "q": 1.0, "rates": {-2: 0.01}, "ratio": 5.0,
            "recipe": recipe, "recipes": {"a": recipe}, "recut": recut, "reference": e.named(),
            "regularizer": regularizer, "regularizers": [regularizer, concave.l1()],
            "results": {"log": RUNS}, "rewind": lab.rewinds.to_init, "rows": FLAT,
            "runs": lab.Runs({"a": RUNS}), "scope": lab.scopes.layer,
            "score": lab.scores.magnitude, "scores": e.named(), "seeds": [0],
            "shortcut": e.rand(4), "sign": 1, "side": "flat", "signals": e.rand(3, 4),
            "size": (4, 4), "sizes": [1, 5], "snapshot": "dense", "snapshots": snapshots,
            "spectra": {"a": values}, "split": e.split, "start": e.rand(9),
            "starts": np.ones((1, 2)), "states": Late(e.shares),
            "state": lab.stops.Progress(net, e.data, Masks.full(net), 1, 1, [epoch], snapshots),
            "stop": STOP, "studies": {"p": lab.Runs({"a": RUNS})}, "system": matrix,
            "table": {"one": dict.fromkeys(pqi.PROPERTIES, True)}, "targets": e.split.targets,
            "total": 63, "trained": snapshots["init"], "vector": e.rand(9),
            "vectors": {"a": e.rand(9), "Gaussian": e.rand(7)}, "w": e.rand(9),
            "weights": snapshots["init"], "x": [1.0, 0.5],
        }  # fmt: skip

    def _of_notebook_08(self) -> dict[str, dict[str, Any]]:
        e, net = self, self.net()
        layer = {"out": 4, "into": 8, "batch": 2}
        machine = Machine(TIME, TIME, flops=1e9, bytes=1e9)
        return {
            "latency": {"repeats": 5},
            "latencies_with_one_thread": {"cases": {"a": (net, e.split.inputs)}, "repeats": 5},
            "measure_machine": {"device": "cpu", "repeats": 5},
            "Latency": {"seconds": (0.1, 0.2), "images": 1, "threads": 1, "device": "cpu"},
            "Machine": {"product": TIME, "copying": TIME, "flops": 1e9, "bytes": 1e9},
            "LayoutTimes": {"densities": (1.0, 0.5), "times": {"dense": [TIME, TIME]}},
            "LayoutTimes.medians": {"layout": "CSR"}, "LayoutTimes.break_even": {"layout": "CSR"},
            "roofline.product": layer, "roofline.Product": {"flops": 8.0, "bytes": 4.0},
            "attainable": {"intensity": 0.5, "peak": 9.0, "bandwidth": 2.0},
            "roofline.break_even": {"densities": [1.0, 0.1], "seconds": [9.0, 1.0], "dense": 3.0},
            "save_ticket": {"path": e.folder / "a.safetensors", "masks": Masks.full(net)},
            "load_ticket": {"path": self._ticket},
            "Ticket": {"masks": Masks.full(net), "recipe": {"score": "a"}, "facts": {}},
            "scan_layers": {"densities": [1.0, 0.5]}, "remove_dead": {"net": e.lenet(),
                                                                   "inputs": e.images.inputs},
            "layouts_over_density": {"measured": {"batch 1": TIMES}, "batch": "batch 1"},
            "networks_in_milliseconds": {"measured": {"batch 1": {"dense": TIME}}},
            "accuracy_against_milliseconds": {"runs": lab.Runs({"a": RUNS})},
            "faster.roofline": {"machine": machine, "measured": {"a": (product(4, 8, 2), TIME)}},
            "layer_scan": {"scan": {"a.weight": [0.9, 0.5]}, "densities": [1.0, 0.5]},
        }  # fmt: skip

    def _of_the_head_to_head(self) -> dict[str, dict[str, Any]]:
        rows = [
            [
                row | {"validation_accuracy": 0.5, "epochs": 2, "density": density}
                for row, density in zip(RUNS[0], (1.0, 0.005), strict=False)
            ]
        ]
        runs = lab.Runs({"a: x": rows, "b: x": rows})
        board = {"boards": {"net": runs}, "net": "net", "reference": "a: x"}
        measured = lab.papers.head_to_head.EXPERIMENT.record("fashion-mnist_lenet_300_100")
        return {
            "head_to_head.table": board, "head_to_head.beside": board | {"method": "b: x"},
            "head_to_head.tried": {"trials": runs, "net": "net"},
            "Paired": {"mean": 0.1, "std": 0.01, "seeds": 5},
            "Paired.interval": {"confidence": 0.9},
            "head_to_head.means": {"runs": runs}, "head_to_head.chosen": {"runs": runs},
            "head_to_head.verdicts": {"runs": runs},
            "head_to_head.with_paid": {"measured": measured},
            "head_to_head.at_equal_cost": {"measured": measured},
            "head_to_head.trials": {"net": "sap_mlp", "settings": measured.settings},
            "ladder": {"densities": (0.5, 0.2)}, "at_pace": {"dense": 1, "per_halving": 1},
            "sooner": {"first": STOP, "second": lab.stops.epochs(2)},
        }  # fmt: skip

    def _of_notebook_07(self) -> dict[str, dict[str, Any]]:
        runs, recipe = lab.Runs({"a": RUNS}), self._by_name["recipe"]
        folder = self.folder / "boards"
        about = {"data": "tiny", "net": "a", "training": "b"}
        kept = [{key: row[key] for key in KEYS if key != "validation_accuracy"}
                | {"validation_accuracy": 0.5} for row in RUNS[0]]  # fmt: skip
        keep(folder, Kept("a", about, {"a": lab.Runs({"yours": [kept]})}))
        return {
            "kept.merge": {"folder": folder, "at": 0.5},
            "panel.show": {"recipe": recipe, "training": TRAINING, "folder": folder},
            "board.board": {"rows": {"a": runs}, "lines": {"a": ("1.", "50%")}, "newest": "a",
                            "heads": ("", "row", "validation")},
            "rows_of_the_field": {"before": runs, "after": runs, "density": 0.1},
            "one_by_one": {"a": recipe, "b": lab.Recipe()},
        }  # fmt: skip

    @cached_property
    def _ticket(self) -> Path:
        masks = Masks.full(self.net())
        return lab.save_ticket(self.folder / "b.safetensors", self.net(), masks, lab.Recipe())

    @cached_property
    def _special(self) -> dict[str, dict[str, Any]]:
        e, known = self, self._by_name
        recipe, recut, vector = (
            known["recipe"],
            known["recut"],
            parameters_to_vector(e.net().parameters()).detach(),
        )
        vector, masks = vector.to(e.device), Late(lambda: recut().masks(0.8))
        group = {"scores": e.rand(2, 5), "alive": e.rand(2, 5) >= 0}
        pixels = {"inputs": e.digits.inputs, "targets": e.digits.targets}
        weighed = pixels | {"weights": e.rand(1, 401)}
        held = {f"held_{name}": value for name, value in pixels.items()}
        layer = {"weight": e.rand(6, 4), "bias": e.rand(6), "inputs": e.rand(5, 4)}
        conv = {"weight": e.rand(2, 3, 3, 3), "bias": e.rand(2), "inputs": e.rand(5, 3, 6, 6)}
        large = Split(e.rand(5, 1, 28, 28), e.split.targets[:5])
        net = known["state"].net
        weights = {name: w.detach() for name, w in net.named_parameters()}
        corners = [
            weights,
            {name: w + 1 for name, w in weights.items()},
            {name: w * 2 for name, w in weights.items()},
        ]
        scanned = lab.sets.scan(
            net,
            lab.sets.through(*corners),
            dict.fromkeys(("distance", "gap"), lambda net: 0.1),
            steps=2,
        )
        rounds = [rows[::2] for rows in RUNS]
        return {
            **{f"nets.{name}": {"inputs": (1, 16, 16), "seed": 0} for name in vars(lab.nets)},
            **{f"nets.{name}": {"inputs": (1, 32, 32), "seed": 0} for name in
               ("vgg_11", "vgg_13", "vgg_16", "vgg_like", "resnet_18", "resnet_50")},
            "nets.clone": {}, "nets.seeded": {},
            **self._of_notebook_08(), **self._of_notebook_07(),
            "nets.init_kaiming_normal": {"net": e.net(), "seed": 0}, "nets.parameter_count": {},
            "nets.ResidualBlock": {"channels": 4, "width": 4, "stride": 1},
            "ResidualBlock.forward": {"inputs": e.rand(2, 4, 5, 5).cpu()},
            "keep_largest": group | {"keep": torch.tensor([2, 3]).to(e.device)},
            "Groups": group,
            "Groups.split": {"kept": e.rand(1, 12) > 0.5}, "masks.cut": {"masks": known["alive"]},
            "to_epoch": {"epoch": 1}, "publish": {"name": "tests/a", "alt": ALT},
            "papers.record": {"paper": "nnrelief", "name": "mnist_lenet_300_100"},
            "row_of_table": {"label": "SAP"}, "differing": {"a": recipe, "b": recipe},
            "turns": {"values": [0.3, 0.2, 0.4]}, "bound_at_ranks": {"points": 5},
            "recipes.cell": {"choice": STOP},
            "Checkpoint": {"round": 1}, "HardMask.load": {"state": e.net().state_dict()},
            "Runs.paired": {"a": "a", "b": "a"}, "Runs.against": {"reference": "a"},
            "ledger.items": {"paper": "sap"}, "ledger.ledger": {"paper": "sap"},
            "ledger.Item": {"status": "toy"}, "blocks_of": {"size": 1},
            "learned.learned": {"make": HardMask},
            "check_numbers": {"values": [0.5, 1], "low": 0.0, "high": 1.0},
            "table_of": {"seeds": RUNS},
            "Masks.shrink": {"keep": known["masks"]}, "Masks.to": {"device": e.device},
            "Data.to": {"device": e.device}, "Split.to": {"device": e.device},
            "Split.batches": {"size": 4}, "data.load": {"name": "mnist"},
            "data.load_folder": {"validation": 0.4},
            "Data": {"train": e.split, "validation": e.split, "test": e.split,
                     "classes": tuple("abc")},
            "active_neurons": {"masks": Masks.full(e.lenet())},
            "compare": {"training": TRAINING}, "prune": {"training": TRAINING, "seed": 0},
            "train": {"training": TRAINING}, "steps.__call__": {"total": 3},
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
            "TwoDigits": pixels | held, "accuracy_of": weighed, "fit_logistic": pixels,
            "subgradient_l1": pixels, "masked_logistic": weighed,
            "loss_gradient": weighed | {"masks": e.rand(1, 1, 401)},
            "two_digits": {"images": e.rand(10, 1, 20, 20), "each": 4,
                           "labels": (torch.arange(10) % 2).to(e.device), "train": 2},
            "MaskSolution": {"masks": e.rand(1, 1, 1, 5), "distance": e.rand(1, 1, 1)},
            "theorem1_bound": {"k": 5}, "theorem2_bound": {"phi": 1.0},
            "theorem2_printed": {"phi": 1.0}, "lq": {"q": 0.5},
            "Curvature": {"weights": vector, "net": known["state"].net},
            "Curvature.at": {"weights": vector}, "Curvature.split": {"vector": vector},
            "change_along": {"v": Late(lambda: known["curvature"]().weights)},
            "Spectrum.smooth": {"width": 0.1},
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
            "filter_bounds": {"filters": [{"layer": "conv1", "average": [0.1, 0.2],
                                           "lost": [0.2, 0.3], "allowed": [0.4, 0.5]}]},
            "filter_change": {"conv": self.conv(), "inputs": e.rand(5, 3, 6, 6),
                              "keep": (e.rand(2, 3) > 0.3, e.rand(2) > 0.3)},
            "chance_jaccard": {"density": 0.2, "other": 0.3},
            "weak_branches": {"main": e.rand(5, 2, 3, 3), "shortcut": e.rand(5, 2, 3, 3)},
            "retained_bound": {"d": 100, "index": 0.2}, "tail_ratio": {"r": 2},
            "find_counterexample": {"tries": 5, "measure": pqi.MEASURES["Hoyer"], "exact": None},
            "effective_number": {"order": 0.5}, "cut_moves_index": {"vector": "a", "gone": 0.5},
            "Counterexample": {"before": e.rand(3)}, "property_table": {"tries": 2},
            "mask_values": {"masks": {"a": [e.rand(9)]}},
            "bounds_against_truth": {"rows": [
                {"regularizer": name, "gamma": 1.0, "distance": 0.1, "theorem 1": 2.0,
                 "theorem 2, corrected": 1.0} for name in ("l1", "log")]},
            "masks_over_lambda": {"masks": e.rand(2, 3, 401)},
            "one_mask": {"weights": e.rand(1, 401), "images": e.rand(8, 401)},
            "eight_pixels": {"images": e.rand(8, 401)}, "regularizer_of": {"kind": "log"},
            "oscillation": {"weights": e.rand(9, 3), "masks": e.rand(9, 3)},
            "by_round": {"watched": lab.Runs({"a": RUNS})},
            "by_scope": {"runs": lab.Runs({"layer: a": RUNS})},
            "with_grid": {"measured": lab.papers.Measured({}, {}, lab.Runs({"a": RUNS}), {
                "pairs": [[0.5, 1.0]], "grid": {"a": [[[0.5]] * len(RUNS[0])] * len(RUNS)}})},
            "rivals_in_each_scope": {"scopes": {"layer": lab.Runs({"a": RUNS})}},
            "chord_at_zero": {"p": 0.5, "q": 1.0}, "log_moments": {"exponents": [0.5, 2.0]},
            "stop_at": {"watched": lab.Runs({"a": RUNS})},
            "trade_off": {"watched": lab.Runs({"a": RUNS})},
            **self._of_the_head_to_head(),
            "rivals": {"comparisons": {"a": lab.Runs({"a": RUNS})}},
            "stops_compared": {"runs": lab.Runs({"a": RUNS})},
            "full_fashion_mnist": {"runs": lab.Runs({"a": RUNS})},
            "connectivity": {"left": lab.Runs({"just pruned": RUNS, "retrained": RUNS})},
            "units_removed": {"left": lab.Runs({"just pruned": RUNS, "retrained": RUNS})},
            "flows.gained": {"accuracy": e.rand(2, 3, 4).cpu().double().numpy(),
                             "used": np.array([[1, 2, 4], [4, 1, 1]])},
            "sets.probes": {"watched": lab.Runs({"a": RUNS}), "count": 2},
            "curves_of": {"watched": lab.Runs({"a": RUNS}), "flow": "IF", "count": 2},
            "in_sets": {"watched": lab.Runs({"a": RUNS})},
            "sets_on_plane": {"scans": {"a": scanned}},
            "sets.worth": {"runs": lab.Runs({"a": rounds}), "fixed": ["a"], "density": 0.6},
            "chain.chain": {"curvature": 2.0, "additive": 0.5}, "chain.flow_of": {"w": e.rand(5)},
            "proofs.chain": {"curvature": 2.0, "additive": 0.5},
            "Chain": {"curvature": 2.0, "w": e.rand(4)}, "Chain.printed": {"distance": e.rand(3)},
            "Chain.plain": {"distance": e.rand(3)},
            "Plane": {"origin": corners[0], "across": corners[1], "up": corners[2],
                      "corners": e.rand(3, 2)},
            "Plane.at": {"x": 0.5, "y": 0.5},
            "sets.through": dict(zip(("first", "second", "third"), corners, strict=True)),
            "sets.scan": {"plane": lab.sets.through(*corners), "steps": 2,
                          "measures": {"sum": lambda net: float(net[1].bias.sum())}},
            "Scan": {"x": e.rand(4), "y": e.rand(4), "values": {"a": e.rand(4, 4)}},
            "sets.overlap": {"distances": e.rand(2, 5), "gaps": e.rand(2, 5)},
            "probe_correlation": {"curves": e.rand(3, 5)},
            "stops_apart": {"curves": e.rand(3, 2, 4)},
            "changes_of_both": {"activation": "tanh", "w": 2.0, "other": 2.1},
            "lemma1.weighted": {"activation": "tanh", "w": 2.0, "t": e.rand(5)},
            "lemma1.changes": {"activation": "tanh", "w": 2.0},
            "Changes": {"gap": e.rand(4), "change": e.rand(4)},
            "tickets": {"results": lab.Runs({"a": RUNS}), "others": None},
            "sparsity_of": {"vector": "a"},
            "proof_steps": {"sought": e.rand(5).round(), "gradient": e.rand(5), "loss_gap": 0.1},
            "by_method": {"results": lab.Runs({"a, λ = 1": RUNS})},
            "by_pixels": {"results": {"log": (e.rand(2, 3), torch.ones(2, 3))}},
            "concave.gaps": {"tickets": lab.Runs({"a": RUNS}), "reference": "a"},
            "concave.optimizers": {"results": lab.Runs({"a": [
                [row | {"setting": 0.1} for row in rows] for rows in RUNS]})},
            "lipschitz_over_boxes": {"estimates": {"a": [0.1, 1.0]}, "climbed": {"b": [0.2, 2.0]}},
            "accuracy_and_pixels": {"results": {"log": (e.rand(2, 3), e.rand(2, 3))}},
            "spectra.spectrum": {"spectra": {0: known["exact"], 1: known["exact"]}},
            "Recut": {"net": e.lenet(), "inputs": e.images.inputs,
                      "images": e.images.inputs, "targets": e.images.targets,
                      "layers": Late(lambda: recut().layers)},
            "Recut.outputs": {"masks": masks}, "Recut.bounds": {"masks": masks},
            "Recut.change": {"masks": masks}, "Recut.beyond": {"masks": masks},
            "unevenness": {"importance": {"fc1": e.rand(3, 4)}},
            "Valley.floor": {"u": np.ones(3)},
            "where_the_gradient_lives": {"runs": lab.Runs({"a": [[
                {"seed": 0, "epoch": n, "gradient": 0.5, "way": 0.4} for n in (0, 1)]]})},
            "over_sizes": {"panels": {"a": lab.Runs({"a": [[
                {"seed": 0, "directions": n, "test_accuracy": 0.5} for n in (5, 9)]]})}},
            "over_sparsity": {"dense": np.ones(2), "runs": lab.Runs({"a": [[
                {"seed": 0, "sparsity": s, "test_accuracy": 0.5} for s in (0.2, 0.5)]]})},
            "over_pretraining": {"dense": np.ones(2), "panels": {"a": lab.Runs({"a": [[
                {"seed": 0, "first": n, "test_accuracy": 0.5} for n in (1, 5)]]})}},
            "inertial.readings.readings": {"dense": np.ones(2)}, "variants": {"dense": np.ones(2)},
            "before_and_after": {"spectra": {"a": [known["exact"]]}},
            "over_epochs": {"records": [lab.Runs({"a": RUNS})]},
            "semi_distance": {"curve": np.eye(2)},
            "envelope": {"moments": np.arange(3.0), "distances": np.exp(-np.arange(3.0))},
            "decay_and_optimizer": {"runs": lab.Runs({"a": [[
                {"seed": 0, "density": 0.5, "vanished": 0.4}]]})},
            "table_1": {"printed_kept": (1.5, 0.1), "printed_error": (2.0, 0.1)},
            "Recut.accuracy": {"outputs": e.rand(10, 3)}, "bound_bars": {"layer": "fc3"},
            "mask_heatmaps": {"masks": Late(lambda: {"a": masks(), "b": masks()})},
            "recut.recut": {"net": e.lenet(), "inputs": e.images.inputs,
                            "images": e.images.inputs, "targets": e.images.targets},
            "wiring": {"networks": known["states"]},
            "curves.band": {"x": "round"},
            "panels_of": {"panels": {"test accuracy": "accuracy"}, "x": "round"},
            "keep_share": {"net": e.lenet()},
            "accuracy_at": {"net": e.lenet(), "split": e.images},
            "weights_that_stay": {"net": lab.nets.lenet_300_100(seed=0), "split": large},
        }  # fmt: skip


def _new(value: Any) -> Any:
    """Return an independent copy: a call may change what it is given."""
    if isinstance(value, Late):
        return value()
    try:
        return copy.deepcopy(value)
    except (TypeError, NotImplementedError):  # A torch.Generator, say.
        return value
