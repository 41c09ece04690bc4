"""Your ticket in a file: weights, masks and the recipe, and a card beside it that says what it is.

A safetensors file: no pickle, so it runs nothing, and anything can read it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from ..checks import checked
from ..files import as_code, as_words, parse_json, read_limited, write_whole
from ..settings import environment
from .masks import Masks
from .recipes import CHOICES, Recipe

FORMAT = "pruninglab ticket 1"
# What the names, shapes, recipe and facts of a ticket may take, in bytes.
HEADER = 10_000_000
# What torch.compile puts into the names of a network's parameters.
COMPILED = "_orig_mod."
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
ticket = lab.engine.tickets.load_ticket({file}, net)
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
    Raises ValueError for another ending and for what `load_ticket` would refuse, as weights that
    are not finite; KeyError for masks that are not the network's, OSError for a folder that cannot
    be written. Taught in notebook 08.
    """
    path = Path(path)
    if path.suffix != ".safetensors" or not path.stem:
        raise ValueError(f"path={str(path)!r} must end with .safetensors")
    named = dict(net.named_parameters(remove_duplicate=False))
    if any(name not in named or mask.shape != named[name].shape
           for name, mask in masks.items()):  # fmt: skip
        raise KeyError(f"masks {list(masks)} are not those of net")
    # Tied weights have two names and one mask.
    alive = {id(named[name]): mask.cpu() for name, mask in masks.items()}
    tensors = {f"masks|{_plain(name)}": mask.cpu() for name, mask in masks.items()}
    for name, tensor in _state(net).items():
        dead = ~alive.get(id(named.get(name)), torch.tensor(True))
        tensors[f"weights|{_plain(name)}"] = tensor.detach().cpu().masked_fill(dead, 0).contiguous()
    said = {name: str(value) for name, value in facts.items()}
    words = {"format": FORMAT, "recipe": json.dumps(recipe.row()), "facts": json.dumps(said)}
    content = save_tensors(tensors, metadata=words)
    _read(content, net)
    write_whole(path, content)
    write_whole(path.with_suffix(".md"), _card(path, net, masks, recipe, said).encode())
    return path


def _card(
    path: Path, net: nn.Module, masks: Masks, recipe: Recipe, facts: Mapping[str, str]
) -> str:
    density = masks.density
    rows = {
        "network": as_words(type(net).__name__),
        "parameters": f"{sum(p.numel() for p in net.parameters()):,}",
        "living weights": f"{masks.kept:,} of {masks.total:,}",
        "density": f"{density:.4f}",
        "sparsity": f"{1 - density:.4f}",
        "compression": f"{1 / density:.1f}" if density else "without end",
        **{as_words(name): as_words(value) for name, value in facts.items()},
        "made with": f"torch {environment('cpu')['torch']}",
    }
    return CARD.format(
        title=as_words(path.stem),
        rows="\n".join(f"| {name} | {value} |" for name, value in rows.items()),
        recipe=" | ".join(map(as_code, recipe.row().values())),
        file=as_code(json.dumps(path.name, ensure_ascii=False), 300)[1:-1],
    )


@checked
def load_ticket(path: str | Path, net: nn.Module) -> Ticket:
    """Put a ticket's weights into `net`, in place, and return its masks, recipe and facts.

    `net` is built as it was when the ticket was saved. All of the file is checked before `net` is
    touched. Raises FileNotFoundError for no file, ValueError for a file that is no ticket of `net`
    or has more bytes than one can have, for masks and dead weights that do not fit each other, and
    for weights that are not finite; then `net` is as it was. Taught in notebook 08.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"path={str(path)!r} is no file")
    before = copy.deepcopy(_state(net))
    # One mask a weight: a byte.
    most = HEADER + sum(t.numel() * (t.element_size() + 1) for t in before.values())
    try:
        state, ticket = _read(read_limited(path, most), net)
    except (ValueError, OSError) as error:
        raise ValueError(f"path={str(path)!r} is no ticket of net: {error}") from error
    try:
        # Into a state of its own making, which has the modules' versions too.
        whole = net.state_dict()
        whole.update(state)
        net.load_state_dict(whole)
    except Exception as error:
        with suppress(Exception):
            net.load_state_dict(before)
        raise ValueError(f"net does not take the weights of path={str(path)!r}: {error}") from error
    return ticket


def _read(content: bytes, net: nn.Module) -> tuple[dict[str, Any], Ticket]:
    """Return what a ticket says for `net`, which stays as it is; ValueError if it is none."""
    try:
        tensors = load_tensors(content)
        header = content[8 : 8 + int.from_bytes(content[:8], "little")]
        words = parse_json(header).get("__metadata__", {})
    except Exception as error:
        raise ValueError(f"it cannot be read ({error})") from error
    if words.get("format") != FORMAT:
        raise ValueError(f"its format is {words.get('format')!r}")
    recipe, facts = (_words(words, part) for part in ("recipe", "facts"))
    if recipe.keys() != set(CHOICES):
        raise ValueError(f"its recipe has {list(recipe)}, not {list(CHOICES)}")
    # The state keeps the versions of its modules; masks in the network's own order, for ties are
    # cut by index.
    state, named, alive = _state(net), dict(net.named_parameters(remove_duplicate=False)), {}
    for name, own in state.items():
        weights = tensors.pop(f"weights|{_plain(name)}", None)
        if weights is None or (weights.shape, weights.dtype) != (own.shape, own.dtype):
            raise ValueError(f"net does not have the shapes and dtypes of its weights: {name!r}")
        finite = weights.isfinite()
        if name not in named:
            # A buffer may be infinite where the network's own one is.
            finite |= weights == own.detach().cpu()
        if not bool(finite.all()):
            raise ValueError(f"its weights {name!r} are not finite")
        state[name] = weights
        if name in named and (mask := tensors.pop(f"masks|{_plain(name)}", None)) is not None:
            alive[name] = _mask(name, mask, weights)
    if tensors or not alive:
        raise ValueError(f"net does not have {list(tensors)[:3]}" if tensors else "it has no masks")
    _check_shared(named, state)
    return state, Ticket(Masks(alive), recipe, facts)


def _check_shared(named: Mapping[str, nn.Parameter], state: Mapping[str, Tensor]) -> None:
    """Refuse a ticket that gives two values to what is one weight of the network."""
    first: dict[int, str] = {}
    for name, parameter in named.items():
        other = first.setdefault(id(parameter), name)
        if not torch.equal(state[name], state[other]):
            raise ValueError(f"{name!r} and {other!r} are one weight of net, but two of the ticket")


def _state(net: nn.Module) -> dict[str, Any]:
    """Return the network's state. Raises ValueError for one that has more than tensors."""
    state = net.state_dict()
    for name, tensor in state.items():
        if not isinstance(tensor, Tensor):
            raise ValueError(f"net has {name!r}, which is no tensor: it cannot be in a ticket")
    return state


def _plain(name: str) -> str:
    return name.replace(COMPILED, "")


def _words(words: Mapping[str, str], part: str) -> dict[str, str]:
    said = parse_json(words.get(part, "").encode())
    if not isinstance(said, dict) or not all(isinstance(value, str) for value in said.values()):
        raise ValueError(f"its {part} is not made of words")
    return said


def _mask(name: str, mask: Tensor, weights: Tensor) -> Tensor:
    """Return a mask, if it is one of these weights and the dead are zero; else ValueError."""
    if mask.dtype != torch.bool or mask.shape != weights.shape:
        raise ValueError(f"its mask {name!r} is not bool, or has another shape than the weights")
    if bool((mask.view(torch.uint8) > 1).any()):
        raise ValueError(f"its mask {name!r} has values that are neither true nor false")
    if bool((weights[~mask] != 0).any()):
        raise ValueError(f"its dead weights {name!r} are not zero")
    return mask
