"""What `import pruninglab` loads: nothing that only some functions need."""

from __future__ import annotations

import os
import subprocess
import sys

# Each of them takes a part of a second or more; torchvision took half of the whole import.
DEAR = (
    *("scipy", "seaborn", "sklearn", "torchvision", "pandas", "nbformat", "torch._dynamo"),
    *(
        "matplotlib",
        "IPython",
        "ipywidgets",
        "pruninglab.kit",
        "pruninglab.lessons",
        "pruninglab.papers",
    ),
)


def in_new_python(code: str, **variables: str) -> str:
    """Run code in a new interpreter without the variables that threads depend on; return stdout."""
    left_out = (
        *("GOMP_SPINCOUNT", "KMP_BLOCKTIME", "OMP_WAIT_POLICY", "PRUNINGLAB_THREADS"),
        "MKL_NUM_THREADS",
    )
    own = {name: value for name, value in os.environ.items() if name not in left_out}
    ran = subprocess.run(
        [sys.executable, "-c", code], env=own | variables, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_what_is_dear_is_loaded_when_used() -> None:
    loaded = in_new_python("import sys, pruninglab; print(*sys.modules)").split()
    assert "torch" in loaded
    assert not set(DEAR) & set(loaded)


def test_names_are_known_before_they_are_loaded() -> None:
    in_new_python(
        "import pruninglab as lab; assert set(lab.__all__) <= set(dir(lab));"
        "assert all(hasattr(lab, name) for name in lab.__all__);"
        "assert lab.lessons is lab.lessons and lab.papers.ROWS;"
        "assert not hasattr(lab, 'plot')"
    )
    in_new_python("from pruninglab import *; explore, lessons.start, papers.record")


def test_the_garbage_collector_leaves_modules_alone() -> None:
    frozen = in_new_python("import gc, pruninglab; print(gc.get_freeze_count())")
    assert int(frozen) > 100_000


def test_and_then_it_is_there() -> None:
    in_new_python(
        "import torch; import pruninglab as lab; lab.nets.resnet_18(seed=0);"
        "lab.nets.resnet_50(seed=0); lab.nets.vgg_16(inputs=(1, 32, 32), seed=0);"
        "lab.imc.extreme_eigenvalues(torch.diag(torch.arange(9.0)), 2)"
    )
