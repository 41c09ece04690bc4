"""One paper as one resumable command: recipes, printed settings, what is kept, where it is saved.

Every round is saved under runs/, so a command that was stopped goes on where it was; what a network
and data set measured is written to data/records/<paper>/ under a name that tells all settings that
are not the printed ones. A record that is there is never overwritten.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import nn

from .. import data as data_module
from ..checks import checked
from ..data import BUNDLED, Data
from ..engine import records
from ..engine.recipes import Recipe
from ..engine.results import Row, Runs
from ..engine.sweep import compare
from ..engine.training import Training
from ..files import write_whole
from ..settings import environment

RECORDS = BUNDLED / "records"
RUNS = records.RUNS
Settings = dict[str, Any]
DIGITS = 6


@dataclass(frozen=True, eq=False)
class Measured:
    """A committed record: what was asked, where it ran, the runs, and what else was measured."""

    settings: Settings
    environment: dict[str, str]
    runs: Runs
    more: Row = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Experiment:
    """One paper's runs, from its recipes to its records.

    `printed` maps each network to the settings in the paper; each of them is an option of the
    command: "epochs", "rounds", "seeds" and whatever else `methods` and `training` look at.
    `printed_nets` are run by default, on their data sets in `data`. `methods(net, settings)` and
    `training(net, settings)` make the runs, `make(net, data, seed)` the networks; the settings that
    they get also tell "data", "net" and "small". Seeds are counted from `first_seed`. `keep` names
    what a record keeps of each row; `more(net, data, settings)` adds what is not a run. `key`
    stands for choices that are not the package's own, so that their runs go on too.
    """

    name: str
    about: str
    printed: Mapping[str, Settings]
    printed_nets: tuple[str, ...]
    data: Mapping[str, tuple[str, ...]]
    make: Callable[[str, Data, int], nn.Module]
    methods: Callable[[str, Settings], dict[str, Recipe]]
    training: Callable[[str, Settings], Training]
    keep: tuple[str, ...]
    load_data: Callable[[str, str, bool], Data] = lambda name, net, small: data_module.load(
        name, full=not small
    )
    more: Callable[[str, Data, Settings], Row] | None = None
    first_seed: int = 0
    key: str | None = None

    @checked
    def record_name(self, data: str, net: str, settings: Settings, small: bool) -> str:
        """Return the name of a record: data, network, and all that is not as printed."""
        printed = self.printed[net]
        other = [f"{value}-{key}" for key, value in settings.items() if value != printed[key]]
        return "_".join([data, net, *other, *["small"] * small])

    @checked
    def path(self, name: str) -> Path:
        """Return where the record of that name lies."""
        return RECORDS / self.name / f"{name}.json"

    @checked
    def record(self, name: str) -> Measured:
        """Read a committed record. Raises FileNotFoundError that lists those there are."""
        path = self.path(name)
        if not path.exists():
            there = sorted(file.stem for file in path.parent.glob("*.json"))
            raise FileNotFoundError(
                f"name={name!r}: there is no record {name!r}; there are {there}"
            )
        return read(path)

    def run(self, data_name: str, net: str, settings: Settings, small: bool) -> Path:
        """Run all methods on one network and data set; save the record and return its path.

        A record that is there already is left as it is, and nothing runs.
        """
        path = self.path(self.record_name(data_name, net, settings, small))
        if path.exists():
            return path
        about = {"data": data_name, "net": net, **settings, "small": small}
        methods, training = self.methods(net, about), self.training(net, about)
        data = self.load_data(data_name, net, small)
        runs = compare(
            methods,
            lambda seed: self.make(net, data, seed),
            data,
            seeds=range(self.first_seed, self.first_seed + settings["seeds"]),
            training=training,
            folder=RUNS,
            key=self.key,
        )
        more = self.more(net, data, about) if self.more else {}
        results = {
            label: [[kept(row, self.keep) for row in rows] for rows in seeds]
            for label, seeds in runs.items()
        }
        save(path, {"settings": about, "environment": environment(), **more, "results": results})
        return path

    def main(self, arguments: Iterable[str] | None = None) -> None:
        """Parse the command line and run what it asks for: the printed networks by default."""
        parser = argparse.ArgumentParser(
            prog=f"python -m pruninglab.papers {self.name}", description=self.about
        )
        parser.add_argument("--net", nargs="+", choices=list(self.printed),
                            default=self.printed_nets)  # fmt: skip
        parser.add_argument("--data", nargs="+", choices=data_module.NAMES)
        parser.add_argument("--small", action="store_true", help="the bundled subset, for a try")
        for option, kind, text in self._options():
            parser.add_argument(f"--{option}", type=kind, help=text)
        asked = vars(parser.parse_args(None if arguments is None else list(arguments)))
        for net in asked["net"]:
            given = {key: asked[key.replace("-", "_")] for key in self.printed[net]}
            settings = {key: self.printed[net][key] if value is None else value
                        for key, value in given.items()}  # fmt: skip
            for data_name in asked["data"] or self.data[net]:
                there = self.path(self.record_name(data_name, net, settings, asked["small"]))
                word = "is there already; remove it to measure anew:" if there.exists() else "saved"
                print(f"{word} {self.run(data_name, net, settings, asked['small'])}", flush=True)

    def _options(self) -> list[tuple[str, Callable[[str], Any], str]]:
        """List the settings that can be changed: name, type, and what is printed."""
        keys = dict.fromkeys(key for settings in self.printed.values() for key in settings)
        options: list[tuple[str, Callable[[str], Any], str]] = []
        for key in keys:
            values = {net: settings[key] for net, settings in self.printed.items()}
            different = len(set(values.values())) > 1
            text = ", ".join(f"{net} {value}" for net, value in values.items())
            printed = f"printed: {text if different else next(iter(values.values()))}"
            kind = finite if isinstance(next(iter(values.values())), float) else whole
            options.append((key, kind, printed))
        return options


def read(path: Path) -> Measured:
    """Read a record."""
    saved = json.loads(path.read_text(encoding="utf-8"))
    runs = Runs(saved.pop("results"))
    return Measured(saved.pop("settings"), saved.pop("environment"), runs, saved)


def networks(made: Mapping[str, Callable[..., nn.Module]]) -> Callable[[str, Data, int], nn.Module]:
    """Return what makes these networks for the images and classes of a data set, seeded."""
    return lambda net, data, seed: made[net](
        inputs=data.shape, classes=len(data.classes), seed=seed
    )


def whole(text: str) -> int:
    """Parse a whole number, at least 0."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} must be at least 0")
    return value


def finite(text: str) -> float:
    """Parse a number that a record can hold."""
    value = float(text)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text} must be a finite number")
    return value


@checked
def kept(row: Row, keys: Iterable[str]) -> Row:
    """Return what a record keeps of a row, floats rounded to six digits so that it stays small.

    >>> kept({"density": 1 / 3, "round": 2, "pqi": {"all": 0.5, "fc1": 0.1}}, ["round", "pqi.all"])
    {'round': 2, 'pqi': {'all': 0.5}}
    """
    short: Row = {}
    for key in keys:
        *path, last = key.split(".")
        source, target = row, short
        for part in path:
            source, target = source[part], target.setdefault(part, {})
        target[last] = _rounded(source[last])
    return short


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _rounded(part) for key, part in value.items()}
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def save(path: Path, content: Row) -> None:
    """Write a record as JSON, a line per run, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, ensure_ascii=False, allow_nan=False).replace("[{", "\n[{")
    write_whole(path, text.encode() + b"\n")
