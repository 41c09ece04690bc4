"""Training in the page is torch's: the same first weights, the same batches, the same accuracy."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path

import pytest
import torch
from torch import nn

import pruninglab as lab
from pruninglab.live import script, trained

NODE = shutil.which("node")
EPOCHS, BATCH, RATE = 8, 20, 0.1


def as_torch(train: torch.Tensor, labels: torch.Tensor, test: torch.Tensor, answers: torch.Tensor,
             seed: int) -> list[int]:  # fmt: skip
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Linear(196, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(),
                        nn.Linear(100, 10))  # fmt: skip
    optimizer = torch.optim.SGD(net.parameters(), lr=RATE)
    right = []
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(labels)).split(BATCH):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(train[batch]), labels[batch]).backward()
            optimizer.step()
        with torch.no_grad():
            right.append(int((net(test).argmax(1) == answers).sum()))
    return right


@pytest.mark.skipif(NODE is None, reason="node is not installed")
@pytest.mark.parametrize("seed", [0, 7])
def test_the_page_learns_as_torch_does(seed: int, tmp_path: Path) -> None:
    small = trained.small()
    raw = lab.data.load("mnist", normalize=False, device="cpu").test.take(500)
    test = (nn.functional.avg_pool2d(raw.inputs, 2) * 255).round().flatten(1).to(torch.uint8)
    parts = {"train": small["images"], "trainLabels": small["labels"], "test": test,
             "testLabels": raw.targets.to(torch.uint8)}  # fmt: skip
    asked = {
        name: base64.b64encode(part.numpy().tobytes()).decode() for name, part in parts.items()
    }
    (tmp_path / "asked.json").write_text(json.dumps(asked | {"seed": seed, "epochs": EPOCHS}))
    (tmp_path / "engine.js").write_text(script.engine(), "utf-8")
    ran = subprocess.run(
        [NODE, Path(__file__).with_name("learn.cjs"), tmp_path / "engine.js",
         tmp_path / "asked.json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    inputs = [part.float() / 255 for part in (small["images"], test)]
    theirs = as_torch(inputs[0], small["labels"].long(), inputs[1], raw.targets, seed)
    mine = json.loads(ran.stdout)
    # Sums in another order: of 500 images one or two lie that near to a border.
    assert max(abs(a - b) for a, b in zip(mine, theirs, strict=True)) <= 2, (mine, theirs)
    assert theirs[-1] > 400
