"""`lab.live`: a student's own network in JupyterLab; nothing of it is saved."""

from __future__ import annotations

from typing import Any

import nbformat
import pytest

pytestmark = pytest.mark.browser
CELL = """
import pruninglab as lab
data = lab.data.load("fashion-mnist")
net = lab.nets.sap_linear(seed=0)
lab.train(net, data, stop=lab.stops.epochs(1), training=lab.Training(batch_size=128))
wall = lab.live(net, data)
wall
"""
RIGHT = """Number(document.querySelector('.pruninglab-live .numbers b').textContent)"""


def test_a_network_of_ones_own_is_pruned(lab_page: Any) -> None:
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    cells = [nbformat.v4.new_code_cell(CELL.strip())]
    book = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(book, lab_page._folder / "live.ipynb")
    lab_page.open("live.ipynb")
    lab_page.run_all()
    assert lab_page.errors() == []
    page = lab_page.page
    page.set_default_timeout(120_000)
    page.wait_for_selector(".pruninglab-live.ready")
    page.wait_for_function("document.querySelector('.numbers div:nth-child(2) b').textContent"
                           " === '20 %'")  # fmt: skip
    before = page.evaluate(RIGHT)
    assert before > 500 and "1,000 images" in page.get_attribute(".stage canvas", "aria-label")
    page.check("input[value=random]")
    page.wait_for_function(f"{RIGHT} < {before}")
    saved = lab_page.saved("live.ipynb")
    assert len(nbformat.writes(saved)) < 20_000
