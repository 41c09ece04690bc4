"""The wall as a picture: what stands on a page until its network has come, and where none comes."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import torch
from PIL import Image

from .. import data
from ..choices import budgets, scopes, scores
from ..engine.masks import cut_once
from .trained import SHOWN, network

TILE, GAP, ROWS = 14, 5, 3
PAPER, INK, RED = np.array([243, 241, 236]), np.array([34, 40, 50]), np.array([200, 16, 46])
WHITE = np.array([255, 255, 255])
GONE = 0.8


@cache
def wall() -> tuple[bytes, str]:
    """Return the picture of the wall with a fifth of the weights, as PNG, and its alt text."""
    digits = data.load("mnist", device="cpu").test.take(SHOWN)
    budget = budgets.fraction(GONE)
    cut, _ = cut_once(network(), digits, scores.magnitude, budget, scopes.global_)
    with torch.no_grad():
        wrong = (cut(digits.inputs).argmax(dim=1) != digits.targets).numpy()
    inputs = digits.inputs.squeeze(1).numpy()
    ink = (inputs - inputs.min()) / (inputs.max() - inputs.min())
    # A tile shows every second point of a digit: the mean of four.
    ink = ink.reshape(SHOWN, TILE, 2, TILE, 2).mean(axis=(2, 4))[..., None]
    of = [np.flatnonzero(digits.targets.numpy() == label) for label in range(10)]
    columns = -(-max(map(len, of)) // ROWS)
    block = ROWS * TILE + GAP
    canvas = np.full((10 * block - GAP, columns * TILE, 3), 255, np.uint8)
    for label, members in enumerate(of):
        for i, n in enumerate(members):
            paper, pen = (RED, WHITE) if wrong[n] else (PAPER, INK)
            top, left = label * block + i // columns * TILE, i % columns * TILE
            tile = paper + (pen - paper) * ink[n]
            if wrong[n]:
                for row in range(5):
                    tile[row, TILE - 5 + row :] = WHITE
            canvas[top : top + TILE, left : left + TILE] = tile.round()
    buffer = io.BytesIO()
    Image.fromarray(canvas).quantize(64, dither=Image.Dither.NONE).save(
        buffer, "png", optimize=True
    )
    words = (
        f"1,000 handwritten digits in rows. A network that has lost {GONE:.0%} of its weights "
        f"reads {SHOWN - int(wrong.sum())} of them right; those that it misreads are red."
    )
    return buffer.getvalue(), words
