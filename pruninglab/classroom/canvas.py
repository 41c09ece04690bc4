"""A canvas for pictures under a slider: a text that was drawn twice is copied, not drawn again.

From one state of a slider to the next most letters stay: seven figures were drawn in a fifth to a
half less time so.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any

import numpy as np
from matplotlib.backend_bases import GraphicsContextBase
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text

# FreeType places letters by these parts of a pixel.
PARTS = 64
# Texts that are kept, some kilobytes each.
LIMIT = 1000
# The inked part of a text, and where it lies from the text's place: right and below. None for a
# text that was drawn once.
Sheet = tuple[np.ndarray, int, int]
SHEETS: dict[Hashable, Sheet | None] = {}
# Room for what a letter draws beside its box.
MARGIN = 6


class LiveCanvas(FigureCanvasAgg):
    """A canvas of matplotlib's Agg whose renderer remembers texts.

    Its pictures differ from those of `FigureCanvasAgg` by at most one level of 255, in few pixels.
    """

    def get_renderer(self) -> RendererAgg:
        """Return a renderer for the figure's present size; it stays while the size does."""
        size = (*self.figure.bbox.size, self.figure.dpi)
        if getattr(self, "_size", None) != size:
            self._remembering, self._size = RememberingRenderer(*size), size
        return self._remembering


class RememberingRenderer(RendererAgg):
    """Draws a text that comes again once more, on a sheet of its own, and copies that from then on.

    All of them share the sheets: an explorer draws on two figures, and many say the same.
    """

    def draw_text(
        self,
        gc: GraphicsContextBase,
        x: float,
        y: float,
        s: str,
        prop: FontProperties,
        angle: float,
        ismath: Any = False,
        mtext: Text | None = None,
    ) -> None:
        """Draw a text at a place from the left and from above, in pixels."""
        cut = gc.get_clip_rectangle() is not None or gc.get_clip_path()[0] is not None
        if cut or gc.get_alpha() != 1:
            super().draw_text(gc, x, y, s, prop, angle, ismath, mtext)
            return
        left, top = math.floor(x), math.floor(y)
        parts = (round(PARTS * (x - left)), round(PARTS * (y - top)))
        how = (s, hash(prop), angle, ismath, gc.get_rgb(), gc.get_antialiased(), self.dpi)
        key = (*how, *parts)
        if key not in SHEETS:
            # Most numbers never come again: a sheet takes twice as long as the text.
            if len(SHEETS) >= LIMIT:
                SHEETS.clear()
            SHEETS[key] = None
            super().draw_text(gc, x, y, s, prop, angle, ismath, mtext)
            return
        again = SHEETS[key] or self._sheet(gc, x - left, y - top, s, prop, angle, ismath, mtext)
        sheet, right, below = SHEETS[key] = again
        if sheet.size:
            # Images are placed by their lower corner, from below, and hold their last row first.
            self.draw_image(gc, left + right, self.height - (top + below), sheet)

    def _sheet(
        self, gc: GraphicsContextBase, x: float, y: float, s: str, prop: FontProperties, *how: Any
    ) -> Sheet:
        """Draw a text on an empty sheet; return its inked part, and where that lies."""
        width, height, _ = self.get_text_width_height_descent(s, prop, how[1])
        middle = math.ceil(math.hypot(width, height)) + MARGIN
        empty = RendererAgg(2 * middle, 2 * middle, self.dpi)
        empty.draw_text(gc, middle + x, middle + y, s, prop, *how)
        drawn = np.asarray(empty.buffer_rgba())
        rows, columns = (np.flatnonzero(drawn[..., 3].any(axis=axis)) for axis in (1, 0))
        if not len(rows):
            return drawn[:0], 0, 0
        inked = drawn[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        return inked[::-1].copy(), int(columns[0]) - middle, int(rows[-1]) + 1 - middle
