"""One classic script of plain files: pages that are opened from a file load no modules."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).resolve().parent
# What computes; its text also makes the worker.
ENGINE = ("numbers", "scores", "budgets", "network", "ticket", "worker")
VIEW = ("drawing", "digit", "view", "controls")


def _text(names: tuple[str, ...]) -> str:
    return "\n".join((HERE / f"{name}.js").read_text("utf-8") for name in names)


def engine() -> str:
    """Return the function `pruninglabEngine`, which needs no page."""
    told = "{ Network, Twister, unpacked, serve, Learner, firstWeights, inked }"
    return f'function pruninglabEngine() {{\n"use strict";\n{_text(ENGINE)}\nreturn {told};\n}}\n'


def page() -> str:
    """Return `pruninglabLive`, which brings the walls of a page to life."""
    body = f'"use strict";\n{engine()}\n{_text(VIEW)}\nreturn {{ render }};'
    return f"const pruninglabLive = (() => {{\n{body}\n}})();\n"


def style() -> str:
    """Return the look of a wall."""
    return (HERE / "live.css").read_text("utf-8")
