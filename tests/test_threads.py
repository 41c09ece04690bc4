"""How torch's threads wait is set before torch is loaded; their number only where it is asked."""

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
