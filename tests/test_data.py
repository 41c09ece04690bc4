"""Bundled subsets, full sets, folders: right, whole, or refused by name."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import shutil
import struct
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import datasets

from pruninglab import data
from pruninglab.data import DataError


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_bundled_subset(name: str) -> None:
    loaded = data.load(name)
    assert [len(part) for part in (loaded.train, loaded.validation, loaded.test)] == [
        9000,
        1000,
        2000,
    ]
    assert loaded.shape == (1, 28, 28)
    assert len(loaded.classes) == 10
    assert loaded.train.targets.dtype == torch.int64
    assert set(loaded.train.targets.tolist()) == set(range(10))
    spread, mean = torch.std_mean(loaded.train.inputs)
    assert abs(float(mean)) < 1e-3
    assert float(spread) == pytest.approx(1, abs=1e-3)


def test_pixels_without_normalisation_are_in_the_unit_interval() -> None:
    raw = data.load("mnist", normalize=False).train.inputs
    assert (float(raw.min()), float(raw.max())) == (0, 1)


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_the_subset_is_the_head_of_the_full_set(name: str, full_data_root: Path) -> None:
    """An independent reader (torchvision) of the full files."""
    kind = {"mnist": datasets.MNIST, "fashion-mnist": datasets.FashionMNIST}[name]
    ours = data.load(name, normalize=False, validation=0)
    for train, part, count in ((True, ours.train, 10_000), (False, ours.test, 2000)):
        theirs = kind(str(full_data_root), train=train)
        assert torch.equal(part.inputs[:, 0] * 255, theirs.data[:count].float())
        assert torch.equal(part.targets, theirs.targets[:count])
    assert len(ours.validation) == 0


def test_full_sets(full_data_root: Path) -> None:
    loaded = data.load("fashion-mnist", full=True, root=full_data_root)
    assert [len(part) for part in (loaded.train, loaded.validation, loaded.test)] == [
        54_000,
        6000,
        10_000,
    ]


def test_bundled_files_are_small() -> None:
    sizes = [path.stat().st_size for path in data.BUNDLED.glob("*mnist/*.gz")]
    assert len(sizes) == 8
    assert sum(sizes) < 8_000_000


@pytest.fixture
def bundled_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(data.BUNDLED / "mnist", tmp_path / "mnist")
    shutil.copy(data.BUNDLED / "SHA256SUMS", tmp_path)
    monkeypatch.setattr(data, "BUNDLED", tmp_path)
    return tmp_path / "mnist" / "t10k-images-idx3-ubyte.gz"


def damage_truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def damage_one_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def damage_foreign(path: Path) -> None:
    path.write_bytes(gzip.compress(b"something else"))


@pytest.mark.parametrize("damage", [damage_truncate, damage_one_bit, damage_foreign, Path.unlink])
def test_a_damaged_file_is_refused_by_name(bundled_copy: Path, damage: object) -> None:
    assert len(data.load("mnist").test) == 2000
    damage(bundled_copy)
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte\.gz"):
        data.load("mnist")


def test_a_damaged_full_file_is_refused_by_name(tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for stem in data.FILES:
        (raw / stem).write_bytes(b"\0\0\x08\x01\0\0\0\1\7")
    with pytest.raises(DataError, match="train-images-idx3-ubyte is damaged or not the original"):
        data.load("mnist", full=True, root=tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "minst"}, "minst"),
        ({"name": "cifar10"}, "full=True"),
        ({"name": "mnist", "validation": 1.0}, r"validation=1\.0"),
        ({"name": "mnist", "device": "tpu"}, "tpu"),
    ],
)
def test_bad_arguments(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        data.load(**options)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Serve a folder on localhost."""
    served = tmp_path / "served"
    served.mkdir()
    handler = partial(Quiet, directory=str(served))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield served, f"http://127.0.0.1:{httpd.server_port}/"
        httpd.shutdown()
        thread.join()


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def serve_small_mnist(served: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for the public server: 20 training and 10 test images of noise."""
    rng = np.random.default_rng(0)
    resources, sums = [], []
    for stem, shape in zip(data.FILES, ((20, 28, 28), (20,), (10, 28, 28), (10,)), strict=True):
        content = idx(rng.integers(0, 10, shape, dtype=np.uint8))
        packed = gzip.compress(content)
        (served / f"{stem}.gz").write_bytes(packed)
        resources.append((f"{stem}.gz", hashlib.md5(packed).hexdigest()))
        sums.append((f"MNIST/raw/{stem}", hashlib.sha256(content).hexdigest()))
    monkeypatch.setattr(datasets.MNIST, "mirrors", [url])
    monkeypatch.setattr(datasets.MNIST, "resources", resources)
    monkeypatch.setattr(data, "_checksums", lambda file: dict(sums))


def test_download(
    server: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_small_mnist(*server, monkeypatch)
    root = tmp_path / "new" / "folder"
    monkeypatch.setenv("PRUNINGLAB_DATA", str(root))
    loaded = data.load("mnist", full=True)
    assert [len(part) for part in (loaded.train, loaded.validation, loaded.test)] == [18, 2, 10]
    assert (root / "MNIST" / "raw" / data.FILES[0]).exists()


def test_offline_says_what_to_do(
    server: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.MNIST, "mirrors", [server[1] + "nothing/here/"])
    with pytest.raises(DataError, match=r"MNIST is not in .*PRUNINGLAB_DATA.*full=False") as error:
        data.load("mnist", full=True, root=tmp_path / "root")
    assert "\n" not in str(error.value).strip()


@pytest.fixture
def image_folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for part, count in (("train", 10), ("test", 3)):
        for label in ("cat", "dog"):
            folder = tmp_path / "pets" / part / label
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 256, (12, 10, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{i}.png")
    return tmp_path / "pets"


def test_a_folder_of_images(image_folder: Path) -> None:
    loaded = data.load_folder(image_folder, size=(8, 8), validation=0.2)
    assert [len(part) for part in (loaded.train, loaded.validation, loaded.test)] == [16, 4, 6]
    assert loaded.shape == (3, 8, 8)
    assert loaded.classes == ("cat", "dog")
    assert sorted(loaded.validation.targets.tolist()) == [0, 0, 1, 1]
    same_size = data.load_folder(image_folder, size=(12, 10), normalize=False, validation=0)
    first = np.asarray(Image.open(image_folder / "train" / "cat" / "0.png"))
    assert np.array_equal(same_size.train.inputs[0].permute(1, 2, 0) * 255, first)
    assert data.load_folder(image_folder, size=(8, 8), gray=True).shape == (1, 8, 8)


def test_a_bad_image_is_named(image_folder: Path) -> None:
    damage_truncate(image_folder / "train" / "dog" / "3.png")
    with pytest.raises(DataError, match=r"dog.3\.png"):
        data.load_folder(image_folder, size=(8, 8))


def test_a_missing_folder_or_class_is_named(image_folder: Path) -> None:
    with pytest.raises(DataError, match="nowhere"):
        data.load_folder(image_folder / "nowhere", size=(8, 8))
    shutil.rmtree(image_folder / "test" / "dog")
    with pytest.raises(DataError, match=r"train has classes \['cat', 'dog'\], test has"):
        data.load_folder(image_folder, size=(8, 8))
