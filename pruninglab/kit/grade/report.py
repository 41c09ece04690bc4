"""Marks as a table, a page for each student, and what a class gets wrong most often."""

from __future__ import annotations

import csv
import html
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...files import write_whole
from ..exercise import Verdict

STYLE = (
    ":root{color-scheme:light dark}body{font:16px/1.5 sans-serif;max-width:46rem;margin:2rem auto;"
    "padding:0 1rem}td{vertical-align:top;padding:.4rem}"
    "td:not(:last-child){white-space:nowrap}td:last-child{overflow-wrap:anywhere}"
)


@dataclass(frozen=True)
class Marks:
    """What a submission got: verdicts by exercise, or a note that says why there are none."""

    path: str
    notebook: str
    verdicts: dict[str, Verdict]
    note: str = ""

    @property
    def right(self) -> int:
        """How many answers are right."""
        return sum(verdict.right for verdict in self.verdicts.values())


def write(out: Path, marks: Sequence[Marks], seed: int) -> None:
    """Write the CSV, and beside it a folder of the same name: a page a student, and the class."""
    folder = out.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(out, table(marks).encode())
    for number, one in enumerate(marks, 1):
        write_whole(folder / page_name(number, one), page(one).encode())
    write_whole(folder / "index.html", summary(marks, seed).encode())


def table(marks: Sequence[Marks]) -> str:
    """Return one line a submission, one column an exercise: 1 is right, 0 is not."""
    columns = list(dict.fromkeys((one.notebook, name) for one in marks for name in one.verdicts))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [f"{notebook} {name}" for notebook, name in columns]
    writer.writerow(["file", "notebook", "right", "of", *names, "note"])
    for one in marks:
        cells = [
            int(one.verdicts[name].right) if notebook == one.notebook else ""
            for notebook, name in columns
        ]
        writer.writerow([harmless(one.path), one.notebook, one.right, len(one.verdicts), *cells,
                         one.note])  # fmt: skip
    return text.getvalue()


def harmless(text: str) -> str:
    """Return a text that a spreadsheet takes for no formula.

    >>> harmless("=1+1.ipynb"), harmless("anna.ipynb")
    ("'=1+1.ipynb", 'anna.ipynb')
    """
    return f"'{text}" if text[:1] in "=+-@\t\r" else text


def page(one: Marks) -> str:
    """Return the page of a student: each exercise with what its check said."""
    rows = [("✓" if said.right else "✗", name, said) for name, said in one.verdicts.items()]
    title = f"{Path(one.path).name}: {one.right} of {len(one.verdicts)}"
    return _document(title, _paragraph(one.notebook or one.note), _rows(rows))


def summary(marks: Sequence[Marks], seed: int) -> str:
    """Return the page of the class: who has how many, and which mistake how often."""
    people = [(page_name(number, one), f"{one.right} of {len(one.verdicts)}", one.note)
              for number, one in enumerate(marks, 1)]  # fmt: skip
    said = Counter((one.notebook, name, verdict) for one in marks
                   for name, verdict in one.verdicts.items() if not verdict.right)  # fmt: skip
    mistakes = [(f"{count} ×", *what) for what, count in said.most_common()]
    return _document(
        f"{len(marks)} notebooks",
        re.sub(r"<td>(\w+\.html)</td>", r"<td><a href='\1'>\1</a></td>", _rows(people)),
        _rows(mistakes),
        _paragraph(f"Hidden inputs were drawn with SEED={seed}."),
    )


def page_name(number: int, one: Marks) -> str:
    """Return the file name of a student's page, which no other student has."""
    return f"{number:03}_{re.sub(r'[^a-zA-Z0-9_]', '_', Path(one.path).stem)[:60]}.html"


def _rows(rows: Iterable[Sequence[str]]) -> str:
    cells = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows)
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"


def _paragraph(words: str) -> str:
    return f"<p>{html.escape(words)}</p>"


def _document(title: str, *parts: str) -> str:
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' "
        f"content='width=device-width'><title>{html.escape(title)}</title><style>{STYLE}</style>"
        f"<h1>{html.escape(title)}</h1>{''.join(parts)}</html>\n"
    )
