"""What the machine and the user's environment variables decide: device, profile, versions."""

from __future__ import annotations

import os
import platform
import re

import torch

from .checks import checked

PROFILES = ("classroom", "paper")


def available_devices() -> list[str]:
    """Return the kinds of device that this machine and this torch build can use, best first."""
    kinds = []
    if torch.cuda.is_available():
        kinds.append("cuda")
    if torch.backends.mps.is_available():
        kinds.append("mps")
    return [*kinds, "cpu"]


@checked
def device(name: str | torch.device | None = None) -> torch.device:
    """Return the device to compute on: `name`, else `PRUNINGLAB_DEVICE`, else the best one.

    Raises ValueError for a device that this machine does not have. Taught in notebook 00.

    >>> device("cpu")
    device(type='cpu')
    """
    wanted = os.environ.get("PRUNINGLAB_DEVICE", "").strip()
    if name is not None:
        return _available("device name", str(name))
    if wanted:
        return _available("PRUNINGLAB_DEVICE", wanted)
    return torch.device(available_devices()[0])


def _available(source: str, wanted: str) -> torch.device:
    choices = available_devices()
    match = re.fullmatch(r"([a-z]+)(?::(\d{1,3}))?", wanted, re.ASCII)
    kind, index = match.groups() if match else ("", None)
    count = torch.cuda.device_count() if kind == "cuda" else 1
    if kind not in choices or (index and int(index) >= count):
        raise ValueError(f"{source}={wanted!r} is not available here; choose from {choices}")
    return torch.device(wanted)


def profile() -> str:
    """Return `PRUNINGLAB_PROFILE`: "classroom" (the default) or "paper" (published settings).

    Raises ValueError for any other value.
    """
    wanted = os.environ.get("PRUNINGLAB_PROFILE", PROFILES[0])
    if wanted not in PROFILES:
        raise ValueError(f"PRUNINGLAB_PROFILE={wanted!r} is not known; choose from {PROFILES}")
    return wanted


def take_threads() -> None:
    """Let torch compute with `PRUNINGLAB_THREADS` threads, if that is set; called once, at import.

    For a server that many students share: one thread each. torch's number is set once, since it can
    change the bits of a result; small networks are trained with one thread anyway
    (`engine.training.thread_count`). Raises ValueError for what is no number of threads that this
    machine can run at once.
    """
    wanted = os.environ.get("PRUNINGLAB_THREADS", "").strip()
    if not wanted:
        return
    most = os.cpu_count() or 1
    if not re.fullmatch(r"[1-9]\d{0,3}", wanted, re.ASCII) or int(wanted) > most:
        raise ValueError(f"PRUNINGLAB_THREADS={wanted!r} must be a whole number from 1 to {most}")
    if torch.get_num_threads() != int(wanted):
        torch.set_num_threads(int(wanted))


@checked
def environment(on: str | torch.device | None = None) -> dict[str, str]:
    """Return what a number depends on besides its seed: device, threads, versions.

    The threads are those of torch; small networks are trained with one of them.
    `on` is the device that was used; `device()` when not given. Raises ValueError for a device
    that this machine does not have.
    """
    used = device() if on is None else _available("on", str(on))
    name = torch.cuda.get_device_name(used) if used.type == "cuda" else platform.machine()
    return {
        "device": f"{used} ({name})",
        "threads": str(torch.get_num_threads()),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "system": platform.system(),
        "profile": profile(),
    }
