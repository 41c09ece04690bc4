"""Your ticket in a file: weights, masks and the recipe, and a card beside it that says what it is.

A safetensors file: no pickle, so it runs nothing, and anything can read it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors
from torch import nn

from ..files import write_whole
from ..ideas.checks import checked
from ..settings import environment
from .masks import Masks
from .recipes import Recipe

FORMAT = "pruninglab ticket 1"
CARD = """# {title}

A pruned network, saved by pruninglab for a lesson. Not made for anything that matters.

| what | |
|---|---|
{rows}

Density = kept / all, sparsity = 1 − density, compression = 1 / density.

## The recipe

| score | budget | scope | stop | rewind |
|---|---|---|---|---|
| {recipe} |

## Load it

Build the network as it was built then, and run:

```python
import pruninglab as lab
ticket = lab.load_ticket("{file}", net)
```

## Before you hand it on

Say which images it saw, on which it fails, and who may use it: this card cannot know.
"""


@checked
@dataclass(frozen=True, eq=False)
class Ticket:
    """What a ticket's file says besides the weights: who lives, which recipe, what was measured."""

    masks: Masks
    recipe: Mapping[str, str]
    facts: Mapping[str, str]


@checked
def save_ticket(
    path: str | Path, net: nn.Module, masks: Masks, recipe: Recipe, **facts: Any
) -> Path:
    """Write weights, masks, recipe and `facts` to `path`, and a card to the same name with .md.

    `path` ends with .safetensors. Dead weights are saved as zero. `facts` are your own words:
    data="mnist", test_accuracy=0.95. Each file is written whole or not at all. Returns the path.
    Raises ValueError for another ending, KeyError for masks that are not the network's, OSError
    for a folder that cannot be written. Taught in notebook 08.
    """
    path = Path(path)
    if path.suffix != ".safetensors" or not path.stem:
        raise ValueError(f"path={str(path)!r} must end with .safetensors")
    parameters = dict(net.named_parameters())
    if any(name not in parameters or mask.shape != parameters[name].shape
           for name, mask in masks.items()):  # fmt: skip
        raise KeyError(f"masks {list(masks)} are not those of net")
    tensors = {f"masks|{name}": mask.cpu() for name, mask in masks.items()}
    for name, tensor in net.state_dict().items():
        kept = tensor.detach().cpu()
        dead = ~masks[name].cpu() if name in masks else torch.tensor(False)
        tensors[f"weights|{name}"] = kept.masked_fill(dead, 0).contiguous()
    said = {name: str(value) for name, value in facts.items()}
    words = {"format": FORMAT, "recipe": json.dumps(recipe.row()), "facts": json.dumps(said)}
    write_whole(path, save_tensors(tensors, metadata=words))
    write_whole(path.with_suffix(".md"), _card(path, net, masks, recipe, said).encode())
    return path


def _card(
    path: Path, net: nn.Module, masks: Masks, recipe: Recipe, facts: Mapping[str, str]
) -> str:
    density = masks.density
    rows = {
        "network": type(net).__name__,
        "parameters": f"{sum(p.numel() for p in net.parameters()):,}",
        "living weights": f"{masks.kept:,} of {masks.total:,}",
        "density": f"{density:.4f}",
        "sparsity": f"{1 - density:.4f}",
        "compression": f"{1 / density:.1f}" if density else "without end",
        **facts,
        "made with": f"torch {environment('cpu')['torch']}",
    }
    return CARD.format(
        title=path.stem,
        rows="\n".join(f"| {name} | {value} |" for name, value in rows.items()),
        recipe=" | ".join(f"`{cell}`" for cell in recipe.row().values()),
        file=path.name,
    )


@checked
def load_ticket(path: str | Path, net: nn.Module) -> Ticket:
    """Put a ticket's weights into `net`, in place, and return its masks, recipe and facts.

    `net` is built as it was when the ticket was saved. Raises FileNotFoundError for no file,
    ValueError for a file that is no ticket and for a network of another shape, which stays as it
    was. Taught in notebook 08.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"path={str(path)!r} is no file")
    try:
        with safe_open(path, framework="pt") as file:
            words = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ValueError(f"path={str(path)!r} is no ticket: {error}") from error
    if words.get("format") != FORMAT:
        raise ValueError(f"path={str(path)!r} is no ticket: its format is {words.get('format')!r}")
    parts: dict[str, dict[str, torch.Tensor]] = {"weights": {}, "masks": {}}
    for name, tensor in tensors.items():
        part, _, key = name.partition("|")
        parts[part][key] = tensor
    have = {name: tensor.shape for name, tensor in net.state_dict().items()}
    if have != {name: tensor.shape for name, tensor in parts["weights"].items()}:
        raise ValueError(f"net does not have the shapes of the ticket path={str(path)!r}")
    net.load_state_dict(parts["weights"])
    # Masks in the network's own order: ties are cut by index.
    order = [name for name in have if name in parts["masks"]]
    masks = Masks({name: parts["masks"][name] for name in order})
    return Ticket(masks, json.loads(words["recipe"]), json.loads(words["facts"]))
