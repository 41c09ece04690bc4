"""Print the index of torch's small CPU build where that is what this machine needs.

`python .ci/torch_index.py [URL or none]`: what is asked for is taken. What was chosen, and how
large it is, goes to stderr. Python's own library only: nothing is installed yet.
"""

from __future__ import annotations

import sys
import urllib.request
from pathlib import Path

CPU = "https://download.pytorch.org/whl/cpu"
SECONDS = 5


def chosen(asked: str, platform: str, nvidia: bool, cpu: str = CPU) -> tuple[str, str]:
    """Return the index to add, if any, and why, in words."""
    if asked:
        return ("", "as on PyPI, as you asked") if asked == "none" else (asked, "as you asked")
    if platform != "linux":
        return "", "as on PyPI, some 0.2 GB"
    if nvidia:
        return "", "with CUDA, some 5 GB: there is an NVIDIA device"
    if not answers(cpu):
        return "", f"with CUDA, some 5 GB, as on PyPI: {cpu} did not answer"
    return cpu, "for CPU, some 0.2 GB; TORCH_INDEX=none takes PyPI's, with CUDA"


def answers(index: str) -> bool:
    """Tell whether an index answers within seconds."""
    try:
        with urllib.request.urlopen(f"{index}/torch/", timeout=SECONDS) as page:
            return bool(page.status == 200)
    except OSError:
        return False


if __name__ == "__main__":
    nvidia = Path("/proc/driver/nvidia").exists() or Path("/dev/nvidia0").exists()
    index, why = chosen(" ".join(sys.argv[1:]), sys.platform, nvidia)
    print(f"torch {why}", file=sys.stderr)
    print(index)
