"""The device and the profile: found by themselves, overridden by name, refused by name."""

from __future__ import annotations

import pytest
import torch

from pruninglab import settings


def test_override(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRUNINGLAB_DEVICE", "cpu")
    assert settings.device() == torch.device("cpu")


def test_the_best_device_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PRUNINGLAB_DEVICE", raising=False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert settings.device().type == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert settings.device().type == "cuda"
    assert settings.device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(ValueError, match="cuda:2"):
        settings.device("cuda:2")


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cpu:1", "CPU ", "cpu:", "cpu:²", "cpu:٠"])
def test_a_wrong_device_is_refused_with_the_list(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("PRUNINGLAB_DEVICE", name)
    with pytest.raises(ValueError, match=rf"PRUNINGLAB_DEVICE='{name.strip()}'.*\['?.*cpu'\]"):
        settings.device()


def test_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PRUNINGLAB_PROFILE", raising=False)
    assert settings.profile() == "classroom"
    monkeypatch.setenv("PRUNINGLAB_PROFILE", "paper")
    assert settings.profile() == "paper"
    monkeypatch.setenv("PRUNINGLAB_PROFILE", "fast")
    with pytest.raises(ValueError, match=r"'fast'.*classroom"):
        settings.profile()


def test_environment_names_what_a_number_depends_on() -> None:
    found = settings.environment(torch.device("cpu"))
    assert found["torch"] == torch.__version__
    assert found["device"].startswith("cpu")
    assert found["threads"] == str(torch.get_num_threads())


def test_a_device_that_is_not_there_is_refused() -> None:
    for bad in ("", "meta", torch.device("meta"), "cpu:7"):
        with pytest.raises(ValueError, match="name="):
            settings.device(bad)
        with pytest.raises(ValueError, match="on="):
            settings.environment(bad)
    with pytest.raises(TypeError, match="name=3"):
        settings.device(3)
