"""The one check of arguments that many functions share."""

from __future__ import annotations

from collections.abc import Sequence


def check_choice(name: str, value: str, allowed: Sequence[str]) -> None:
    """Raise ValueError that names the argument unless `value` is one of `allowed`.

    >>> check_choice("at", "end", ("pre", "post"))
    Traceback (most recent call last):
    ValueError: at='end' is not known; choose from ('pre', 'post')
    """
    if value not in allowed:
        raise ValueError(f"{name}={value!r} is not known; choose from {allowed}")
