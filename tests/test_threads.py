"""How torch's threads wait is set before torch is loaded; a small network is trained with one."""

from __future__ import annotations

import pytest
import torch
from test_import import in_new_python

from pruninglab import settings
from pruninglab.threads import SPINNING, spin_briefly

SHOW = "import os; print(*(os.environ.get(name) for name in ('GOMP_SPINCOUNT', 'KMP_BLOCKTIME')))"


def test_the_package_sets_it_when_it_is_loaded_first() -> None:
    shown = in_new_python(f"import pruninglab; {SHOW}")
    assert shown == " ".join(SPINNING.values())


def test_after_torch_it_is_too_late() -> None:
    assert in_new_python(f"import torch, pruninglab; {SHOW}") == "None None"


@pytest.mark.parametrize("name", ["GOMP_SPINCOUNT", "KMP_BLOCKTIME", "OMP_WAIT_POLICY"])
def test_what_is_decided_stays(name: str) -> None:
    variables = {name: "7"}
    assert not spin_briefly(variables, torch_is_loaded=False)
    assert variables == {name: "7"}


def test_the_library_has_read_it() -> None:
    """GNU's OpenMP says what it has read, if it is asked; another library has other words."""
    code = "import os, sys; os.dup2(1, 2); import pruninglab, torch; torch.ones(9).sum()"
    said = in_new_python(code, OMP_DISPLAY_ENV="VERBOSE")
    if "GOMP_SPINCOUNT" not in said:
        pytest.skip("torch of this machine does not use GNU's OpenMP")
    assert f"GOMP_SPINCOUNT = '{SPINNING['GOMP_SPINCOUNT']}'" in said


def test_the_number_of_threads_is_torchs_unless_it_is_asked() -> None:
    code = (
        "import torch; print(torch.get_num_threads());"
        "import pruninglab as lab; print(lab.environment('cpu')['threads'])"
    )
    before, after = in_new_python(code).split()
    assert before == after
    assert in_new_python(code, PRUNINGLAB_THREADS="1").split()[1] == "1"


@pytest.mark.parametrize("wanted", ["0", "-1", "two", "1.5", "99999", "²"])
def test_another_number_is_refused_by_name(wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRUNINGLAB_THREADS", wanted)
    with pytest.raises(ValueError, match=f"PRUNINGLAB_THREADS='{wanted}' must be a whole number"):
        settings.take_threads()


@pytest.mark.parametrize("wanted", ["", " ", "same"])
def test_the_number_is_not_set_twice(wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batched solve fails in a process that has changed it."""
    same = str(torch.get_num_threads()) if wanted == "same" else wanted
    monkeypatch.setenv("PRUNINGLAB_THREADS", same)
    monkeypatch.setattr(torch, "set_num_threads", lambda number: pytest.fail("set again"))
    settings.take_threads()


TRAIN = """
import torch, pruninglab as lab
from torch import nn
from pruninglab.data import Data, Split

seen, scored = set(), []

def objective(net, inputs, targets):
    seen.add(torch.get_num_threads())
    return nn.functional.cross_entropy(net(inputs), targets)

def score(net, images):
    scored.append(torch.get_num_threads())
    return lab.scores.magnitude(net, images)

def trained_with(*middle):
    net = nn.Sequential(*middle, nn.Flatten(), nn.LazyLinear(3))
    split = Split(torch.rand(12, 1, 4, 4), torch.arange(12) % 3)
    net(split.inputs)
    data = Data("noise", split, split, split, ("a", "b", "c"))
    settings = lab.Training(objective=objective, max_epochs=1)
    seen.clear()
    lab.train(net, data, stop=lab.stops.epochs(1), training=settings)
    recipe = lab.Recipe(score, rounds=1)
    list(lab.prune(net, data, recipe, seed=0, training=settings, device="cpu"))
    return sorted(seen), scored[-1], torch.get_num_threads()
"""


def trained_with(middle: str, **variables: str) -> str:
    """Return the threads of training, of the round's score, and afterwards, in a new Python."""
    return in_new_python(f"{TRAIN}\nprint(trained_with({middle}))", **variables)


def test_one_thread_trains_a_small_network_and_all_a_convolutional_or_a_large_one() -> None:
    two = {"OMP_NUM_THREADS": "2"}
    assert trained_with("", **two) == "([1], 1, 2)"
    assert trained_with("nn.Conv2d(1, 2, 3)", **two) == "([2], 2, 2)"
    assert trained_with("nn.Flatten(), nn.Linear(16, 70_000)", **two) == "([2], 2, 2)"


def test_so_it_is_in_a_thread_in_which_torch_has_not_computed_yet() -> None:
    code = (
        "import threading, pruninglab as lab; from pruninglab.engine.training import threads_for;"
        "import torch; net = lab.nets.lenet_300_100(seed=0); found = []\n"
        "def work():\n"
        "    with threads_for(net): found.append(torch.get_num_threads())\n"
        "    found.append(torch.get_num_threads())\n"
        "where = threading.Thread(target=work); where.start(); where.join(); print(found)"
    )
    # torch takes MKL's number over there: only where MKL has one of its own are the two apart.
    assert in_new_python(code, OMP_NUM_THREADS="2", MKL_NUM_THREADS="2") == "[1, 2]"


def test_a_row_is_computed_as_its_network_was_trained() -> None:
    code = (
        f"{TRAIN}\nfrom pruninglab.engine import records\nplain = records.sparsity_indices\n"
        "def noted(*given): seen.add(torch.get_num_threads()); return plain(*given)\n"
        "records.sparsity_indices = noted\n"
        "net = lab.nets.lenet_300_100(seed=0, inputs=(1, 4, 4))\n"
        "split = Split(torch.rand(12, 1, 4, 4), torch.arange(12) % 3)\n"
        "data = Data('noise', split, split, split, ('a', 'b', 'c'))\n"
        "brief = lab.Training(max_epochs=1)\n"
        "run = lab.prune(net, data, lab.Recipe(rounds=1), seed=0, training=brief, device='cpu')\n"
        "rows = [records.row_of(finished, 0) for finished in run]\n"
        "print(len(rows), seen, torch.get_num_threads())"
    )
    assert in_new_python(code, OMP_NUM_THREADS="2") == "2 {1} 2"


def test_mkl_has_as_many() -> None:
    code = (
        "import torch, pruninglab as lab; from pruninglab.engine.training import threads_for\n"
        "def told(): return [line.split()[-1] for line in torch.__config__.parallel_info()"
        ".splitlines() if line.strip().startswith('mkl_get_max_threads')]\n"
        "with threads_for(lab.nets.lenet_300_100(seed=0)): inside = told()\n"
        "print(*inside, *told())"
    )
    # Other processors' builds of torch have no MKL.
    assert in_new_python(code, OMP_NUM_THREADS="2") in ("1 2", "")


def test_whoever_asks_for_one_thread_has_one_everywhere() -> None:
    assert trained_with("nn.Conv2d(1, 2, 3)", PRUNINGLAB_THREADS="1") == "([1], 1, 1)"


def test_what_runs_after_training_works_with_all_threads() -> None:
    """After `torch.set_num_threads(2)` MKL's batched solve fails, or never ends."""
    code = (
        f"{TRAIN}\ntrained_with()\nmatrix = torch.rand(8, 200, 200) + 200 * torch.eye(200)\n"
        "right = torch.linalg.solve(matrix, torch.ones(8, 200, 1))\n"
        "print(torch.get_num_threads(), bool((matrix @ right - 1).abs().max() < 1e-3))"
    )
    two = {"OMP_NUM_THREADS": "2"}
    assert in_new_python(code, **two) == "2 True"


DRAW = """
import torch, pruninglab as lab

seen = []

@lab.figure("tests/threads")
def drawn(page, *, x=0):
    seen.append(torch.get_num_threads())
    page(3, 2)
    return f"Nothing at all, for x = {x}"

control = lab.slider(0, 9, 1, step=1, label="x", hint="nothing")
lab.explore(drawn, x=control)
control.value = 5
print(seen, torch.get_num_threads())
"""


def test_one_thread_draws_under_a_slider() -> None:
    """The browser needs the other core."""
    two = {"OMP_NUM_THREADS": "2"}
    assert in_new_python(DRAW, **two).endswith("[1, 1] 2")
