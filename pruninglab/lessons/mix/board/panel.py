"""The board as a notebook shows it: drop-downs, Run, Stop, Keep, a picture that grows."""

from __future__ import annotations

import html
import io
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import ipywidgets as widgets
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import nn

from ....checks import Seed, Share, Whole, checked
from ....choices import budgets, scopes, scores, stops
from ....data import Data
from ....engine.recipes import Recipe, cell
from ....engine.results import Runs
from ....engine.training import Training
from ....kit.live_picture import sentence
from ....kit.pictures import Picture, ShownAtOnce, live, name_of, save_picture, still, words_of
from ....papers.rows import QUESTIONS
from ....settings import device
from ..figures_of_rows import board as draw_board
from .kept import SAME, Kept, keep
from .menu import Choice, menu
from .race import YOURS, Rows, Stopped, race
from .standings import HEADS, places, rule, standings

BOARDS = "runs/boards"
SHOWN_DPI = LIVE_DPI = 88
MakeNet = Callable[[int], nn.Module]
# A cell that is run again puts its board in the place of the former one.
_SHOWN: dict[str, Board] = {}


@checked
def show(
    make_net: MakeNet,
    data: Data,
    recipe: Recipe | None = None,
    *,
    scores: Sequence[Choice] = (),
    budgets: Sequence[Choice] = (),
    scopes: Sequence[Choice] = (),
    stops: Sequence[Choice] = (),
    rewinds: Sequence[Choice] = (),
    behind: Runs | None = None,
    at: Share = 0.1,
    training: Training = Training(),
    seed: Seed = 0,
    name: str = "anonymous",
    folder: str | Path = BOARDS,
) -> Board:
    """Show the board: five drop-downs, Run, Stop and Keep, a growing picture and a leaderboard.

    `recipe` stands in the drop-downs first, is run at once with its rounds, and is what a reader
    without a kernel sees. Your own choices come first in the drop-down of their keyword, under the
    name of the function: `scores=[mine]`. `make_net(seed)` makes the network. Beside each row run
    magnitude and random, cut to the same density after the same epochs in every round. To run a row
    again takes the next seed. The leaderboard ranks by validation accuracy where `at` of the
    weights live; `behind` are runs drawn in gray. Training is in a thread, so the page stays
    usable, and Stop is felt at the next batch. Meanwhile a cell that draws from torch's global
    generators may change the run's numbers, and the run the cell's. Keep writes
    a file into `folder`, under the name and letters of its own, for `merge`.

    Raises ValueError for data without a validation split, a density of 0, two choices of one name,
    and what `Recipe.check` refuses of `recipe`. Taught in notebook 07.
    """
    if not 0 < at < 1:
        raise ValueError(f"at={at} must be a density between 0 and 1")
    if not len(data.validation):
        raise ValueError("data has no validation images, by which the board ranks")
    own = {"score": scores, "budget": budgets, "scope": scopes, "stop": stops, "rewind": rewinds}
    board = Board(make_net, data.to(device()), recipe or _first(), own, training, seed)
    board.drawn_with(behind, at)
    board.kept_as(name, Path(folder))
    if (former := _SHOWN.pop("board", None)) is not None:
        former.retire()
    _SHOWN["board"] = board
    board.begin().show_here()
    return board


def _first() -> Recipe:
    return Recipe(scores.wanda(), budgets.fraction(0.5), scopes.neuron, stops.epochs(2), rounds=4)


class Board(ShownAtOnce, widgets.VBox):
    """The drop-downs and buttons above the picture, the rows that were run, and their thread."""

    def __init__(
        self,
        make_net: MakeNet,
        data: Data,
        recipe: Recipe,
        own: Mapping[str, Sequence[Choice]],
        training: Training,
        seed: int,
    ) -> None:
        self._make_net, self._data, self._training, self._seed = make_net, data, training, seed
        self._rounds: Whole = recipe.rounds
        self._offered = menu(recipe, own)
        self.rows: dict[str, Runs] = {}
        self._newest = ""
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._figure = Figure()
        FigureCanvasAgg(self._figure)
        self._controls = {name: _chooser(name, list(offered), cell(recipe.choices()[name]))
                          for name, offered in self._offered.items()}  # fmt: skip
        self._buttons = {word: _button(word) for word in ("Run", "Stop", "Keep")}
        self._name = widgets.Text(description="your name", style={"description_width": "90px"})
        self._message, self._caption, self._rule = (widgets.HTML() for _ in range(3))
        self._image = widgets.Image(format="png")
        for control in self._controls.values():
            control.observe(lambda change: self.explain(), names="value")
        for word, act in (("Run", self.run), ("Stop", self.stop), ("Keep", self._keep)):
            self._buttons[word].on_click(lambda button, act=act: act())
        menus = [_with_question(name, control) for name, control in self._controls.items()]
        buttons = widgets.HBox([*self._buttons.values(), self._name])
        # The picture in a box of its own: it is not a picture that every control redraws.
        picture = widgets.HBox([self._image])
        super().__init__([*menus, buttons, self._message, picture, self._rule, self._caption])
        self._first = recipe

    def drawn_with(self, behind: Runs | None, at: float) -> None:
        """Say what lies behind the curves, and the density of the leaderboard."""
        self._how: dict[str, Any] = {"behind": behind, "at": at}
        self._rule.value = f"<div style='line-height: 1.4'>{rule(at)}</div>"

    def kept_as(self, name: str, folder: Path) -> None:
        """Say under which name, and where, Keep writes."""
        self._name.value, self._folder = name, folder
        self._files: dict[str, Path] = {}

    def begin(self) -> Board:
        """Run the first recipe here and now: its picture is what the saved notebook keeps."""
        self._first.check(self._make_net(self._seed), self._data, self._training)
        self._race(self._first, self._seed)
        drawn = self._draw(self.rows, self._newest)
        # The table stands below all panels.
        self._still = replace(still(self._figure, drawn.alt), whole=True)
        save_picture(self._still.png, name_of(self._figure), self._still.alt)
        width = f"{round(self._figure.get_figwidth() * SHOWN_DPI)}px"
        for part in (self._image, self._caption, self._rule):
            part.layout = widgets.Layout(width=width, max_width="100%")
        self._show(self._still)
        self._enable(running=False)
        return self

    @property
    def recipe(self) -> Recipe:
        """The row that the drop-downs show."""
        chosen: Any = {name: self._offered[name][control.value]
                  for name, control in self._controls.items()}  # fmt: skip
        return Recipe(**chosen, rounds=self._rounds)

    @property
    def running(self) -> bool:
        """Whether a run is going on."""
        return self._thread is not None and self._thread.is_alive()

    def explain(self) -> bool:
        """Tell whether the chosen row can work; if not, say why and take Run away."""
        if self.running:
            return False
        try:
            self.recipe.check(self._make_net(self._seed), self._data, self._training)
        except Exception as error:
            self._say(f"This cannot work: {sentence(error)}", wrong=True)
            self._buttons["Run"].disabled = True
            return False
        self._say("This can work: press Run.")
        self._buttons["Run"].disabled = False
        return True

    def run(self) -> None:
        """Run the chosen row in a thread, with the next seed if it was run before."""
        if self.running or not self.explain():
            return
        recipe = self.recipe
        self._stop = threading.Event()
        self._enable(running=True)
        self._thread = threading.Thread(target=self._run, args=(recipe,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask the run to stop: it does at its next batch. Of a stopped run nothing is kept."""
        self._stop.set()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the run is over, at most so long."""
        if self._thread is not None:
            self._thread.join(seconds)

    def keep(self) -> Path:
        """Write all finished rows into the folder; return the file's path.

        It takes the place of the file that this board has written under the same name before. Other
        boards' files stay. Raises OSError where the folder cannot be written.
        """
        weights = sum(p.numel() for p in self._make_net(self._seed).parameters())
        about = (self._data.name, f"{weights:,} parameters", cell(self._training))
        who = self._name.value
        path = keep(self._folder, Kept(who, dict(zip(SAME, about, strict=True)), dict(self.rows)))
        if (former := self._files.get(who, path)) != path:
            former.unlink(missing_ok=True)
        self._files[who] = path
        self._say(f"Kept {len(self.rows)} rows in {path}")
        return path

    def _keep(self) -> None:
        """Keep, and say in the panel what went wrong."""
        try:
            self.keep()
        except (OSError, ValueError) as error:
            self._say(f"Not kept: {error}", wrong=True)

    def retire(self) -> None:
        """Stop the run and close all widgets."""
        self.stop()
        self.wait(10)
        for part in (*self._controls.values(), *self._buttons.values(), self._name,
                     self._message, self._image, self._caption, self._rule, self):  # fmt: skip
            part.close()

    def _run(self, recipe: Recipe) -> None:
        """Race in the thread, and say how it ended."""
        seed = self._seed + len(self.rows[_label(recipe)][YOURS] if _label(recipe) in self.rows
                                else ())  # fmt: skip
        try:
            self._race(recipe, seed)
            self._say(f"Done with seed {seed}. Run the row again for the next seed.")
        except Stopped:
            self._say("Stopped. Of this run nothing is kept.")
            self._show(self._draw(self.rows, self._newest))
        except Exception as error:
            self._say(f"The run ended early: {sentence(error)}", wrong=True)
            self._show(self._draw(self.rows, self._newest))
        finally:
            self._enable(running=False)

    def _race(self, recipe: Recipe, seed: int) -> None:
        """Run a row with one seed, draw each round of it, then add it to the rows."""
        label, rows = _label(recipe), Rows()
        for rows in race(self._make_net, self._data, recipe, seed=seed, training=self._training,
                         stop=self._stop, tell=self._say):  # fmt: skip
            if self._thread is not None:
                present = Runs({name: [part] for name, part in rows.items() if part})
                self._show(self._draw({**self.rows, label: present}, label))
        former = self.rows.get(label)
        self.rows = self.rows | {label: Runs({
            name: [*(former[name] if former else []), part] for name, part in rows.items()
        })}  # fmt: skip
        self._newest = label
        if self._thread is not None:
            self._show(self._draw(self.rows, label))

    def _draw(self, rows: Mapping[str, Runs], newest: str) -> Picture:
        """Draw rows, of which only the finished ones are on the leaderboard."""
        ranking = standings(self.rows, self._how["at"])
        lines = {line.row: (place, *line.cells()[1:])
                 for place, line in zip(places(ranking), ranking, strict=True)}  # fmt: skip
        draw_board(rows, lines, newest=newest, heads=HEADS, **self._how, figure=self._figure)
        buffer = io.BytesIO()
        self._figure.savefig(buffer, format="png", dpi=LIVE_DPI, metadata={"Software": None})
        return Picture(buffer.getvalue(), words_of(self._figure))

    def _show(self, drawn: Picture) -> None:
        self._image.value, self.caption = drawn.png, drawn.alt
        style = "line-height: 1.4; white-space: normal"
        self._caption.value = f"<div style='{style}'>{html.escape(drawn.alt)}</div>"

    def _say(self, words: str, wrong: bool = False) -> None:
        self.message = words
        bar = "padding-left: .6em; border-left: 4px solid #d55e00; " if wrong else ""
        self._message.value = (
            f"<div style='{bar}line-height: 1.4; white-space: normal' "
            f"aria-live='polite'>{html.escape(words)}</div>"
        )

    def _enable(self, running: bool) -> None:
        self._buttons["Run"].disabled = running
        self._buttons["Stop"].disabled = not running
        self._buttons["Keep"].disabled = running
        for control in self._controls.values():
            control.disabled = running

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Offer the live board and, beside it, its first picture for readers without a kernel."""
        still, metadata = self._still._repr_mimebundle_()
        return {**live(self), **still}, metadata


def _label(recipe: Recipe) -> str:
    """Return a row as the leaderboard prints it: without the rounds, which all rows share."""
    return " × ".join(recipe.row().values())


def _chooser(name: str, options: list[str], value: str) -> widgets.Dropdown:
    return widgets.Dropdown(
        options=options, value=value, description=name, tooltip=QUESTIONS[name],
        style={"description_width": "70px"}, layout=widgets.Layout(width="420px"),
    )  # fmt: skip


def _with_question(name: str, control: widgets.Widget) -> widgets.Widget:
    hint = widgets.HTML(f"<span>{html.escape(QUESTIONS[name])}</span>")
    return widgets.HBox([control, hint], layout=widgets.Layout(flex_flow="row wrap"))


def _button(word: str) -> widgets.Button:
    hints = {
        "Run": "the row that the drop-downs show, in the background",
        "Stop": "the run that is going on, at its next batch",
        "Keep": "write a small file with all rows of this board",
    }
    return widgets.Button(
        description=word, tooltip=hints[word], layout=widgets.Layout(width="90px")
    )
