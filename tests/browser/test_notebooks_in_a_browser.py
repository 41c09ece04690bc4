"""Every lesson as a student meets it: Run All, then every control of every explorer.

The same run serves nbval's comparison: the outputs that it leaves in the browser are compared with
the saved ones by nbval's own rules, in every cell that is marked NBVAL_CHECK_OUTPUT.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbval.plugin import IPyNbFile, coalesce_streams

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser
NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
SECONDS = 600


def differences(session: pytest.Session, path: Path, run: NotebookNode) -> list[str]:
    """Return in which cells a run failed or differs from the saved notebook, in nbval's words."""
    saved = IPyNbFile.from_parent(session, path=path)
    saved.compare_outputs = False  # as --nbval-lax: only where a cell asks for it
    told = []
    ran = [cell for cell in run.cells if cell.cell_type == "code"]
    for number, (cell, new) in enumerate(zip(saved.collect(), ran, strict=True)):
        if any(output.output_type == "error" for output in new.outputs):
            told.append(f"cell {number} fails: {new.outputs}")
        if new.execution_count is None and new.source.strip():
            told.append(f"cell {number} was not run")
        outputs = (coalesce_streams(new.outputs), coalesce_streams(cell.cell.outputs))
        if cell.options["check"] and not cell.compare_outputs(*outputs):
            told.append(f"cell {number}: " + "\n".join(cell.comparison_traceback))
    return told


def drive_all(controls: list) -> list[str]:
    """Drive the controls of one explorer; return the labels of those that changed nothing.

    Some are felt only where others stand elsewhere: they get a second turn, with every option.
    """
    silent = [control for control in controls if not control.drive()]
    for other in controls:
        for step in other.steps() if silent and other.kind == "dropdown" else ():
            other.do(step)
            silent = [control for control in silent if control is other or not control.drive()]
    return [control.label for control in silent]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_run_all_and_drive_everything(
    lab_page: object, path: Path, request: pytest.FixtureRequest
) -> None:
    lab_page.open(path.name)
    # Before anything runs, the saved pictures are there.
    lab_page.page.wait_for_selector(".jp-RenderedImage img", timeout=20_000)
    print(f"\n{path.stem}: Run All in {lab_page.run_all(seconds=SECONDS):.0f} s")
    assert lab_page.errors() == []
    run = lab_page.saved(path.name)
    assert differences(request.session, path, run) == []
    lab_page.show_all()
    asked = sum(len(re.findall(r"\blab\.explore\(", cell.source)) for cell in run.cells)
    explorers = lab_page.explorers(at_least=asked)
    assert lab_page.errors() == []
    for number, explorer in enumerate(explorers):
        assert len(explorer.caption) >= 20
        assert drive_all(explorer.controls()) == [], "each control must change picture and caption"
        lab_page.keep(f"{path.stem}_{number}")
    for explorer in explorers:
        follows_a_fast_hand(explorer)
        is_read_aloud(explorer)


def follows_a_fast_hand(explorer: object) -> None:
    """The picture ends at the value that the slider shows, however many keys came before."""
    slider = next((part for part in explorer.controls() if part.kind == "slider"), None)
    if slider is None:
        return
    for key in ("Home", *12 * ("ArrowRight",)):
        slider._press(key)
    fast = explorer.settled()
    for key in ("ArrowLeft", "ArrowRight"):
        slider.do(lambda key=key: slider._press(key))
    assert explorer.settled() == fast


def is_read_aloud(explorer: object) -> None:
    """A screen reader hears what each control is called and how it stands, and the caption."""
    for control in explorer.controls():
        expect(control.field).to_have_accessible_name(control.label)
        if control.kind == "slider":
            expect(control.readout).to_have_accessible_name(control.label)
            expect(control.field).to_have_attribute("aria-valuetext", control.readout.inner_text())
    expect(explorer.image).to_have_accessible_name(explorer.caption)


def test_a_difference_is_told(request: pytest.FixtureRequest) -> None:
    """The comparison itself: another output, an error, and a cell that did not run."""
    path = NOTEBOOKS[0]
    cells = list(IPyNbFile.from_parent(request.session, path=path).collect())
    run = cells[0].parent.nb
    assert differences(request.session, path, run) == []
    marked = [cell for cell in run.cells if "NBVAL_CHECK_OUTPUT" in cell.source]
    marked[0].outputs[0].text += "else"
    assert len(differences(request.session, path, run)) == 1
    run = next(iter(IPyNbFile.from_parent(request.session, path=path).collect())).parent.nb
    first = next(cell for cell in run.cells if cell.cell_type == "code")
    first.execution_count = None
    assert "was not run" in differences(request.session, path, run)[0]
