"""Bundled subsets, full sets, folders: right, whole, or refused by name."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.server
import os
import pickle
import resource
import shutil
import socket
import struct
import threading
from collections.abc import Callable, Iterator
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


GOOD_LINE = "0" * 64 + "  mnist/other.gz\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read .*git checkout"),
        (b"", "has no line for mnist/.*git checkout"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"<html>\n", "damaged in line 1 .*git checkout"),
        (GOOD_LINE.encode() + b"12345  mnist/a.gz\n", "damaged in line 2"),
        (GOOD_LINE.encode() + b"0" * 64, "damaged in line 2"),
    ],
)
def test_a_damaged_checksum_file_is_refused_by_name(
    bundled_copy: Path, content: bytes | None, message: str
) -> None:
    sums = data.BUNDLED / "SHA256SUMS"
    sums.unlink()
    if content is not None:
        sums.write_bytes(content)
    with pytest.raises(DataError, match=f"SHA256SUMS .*{message}"):
        data.load("mnist")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: f"\n{text}\n  \n",
        lambda text: text.replace("  ", " *"),
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\n".join(line[:64].upper() + line[64:] for line in text.splitlines()),
    ],
    ids=["blank lines", "stars", "CRLF", "capitals"],
)
def test_what_sha256sum_reads_we_read(bundled_copy: Path, change: Callable[[str], str]) -> None:
    sums = data.BUNDLED / "SHA256SUMS"
    sums.write_bytes(change(sums.read_text()).encode())
    assert len(data.load("mnist").test) == 2000


def test_a_pipe_in_the_place_of_a_file_is_refused(bundled_copy: Path) -> None:
    bundled_copy.unlink()
    os.mkfifo(bundled_copy)
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte\.gz.*is not a regular file"):
        data.load("mnist")


def test_old_pickles_of_torchvision_are_not_opened(
    server: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_small_mnist(*server, monkeypatch)
    old = tmp_path / "root" / "MNIST" / "processed"
    old.mkdir(parents=True)
    for name in ("training.pt", "test.pt"):
        (old / name).write_bytes(pickle.dumps(print))
    assert len(data.load("mnist", full=True, root=tmp_path / "root").test) == 10


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
        ({"name": "mnist", "validation": 0.99999}, r"validation=0\.99999 leaves none of 10,000"),
        ({"name": "mnist", "validation": float("nan")}, "validation=nan"),
        ({"name": "mnist", "device": "tpu"}, "device .*tpu"),
        ({"name": "mnist", "normalize": 2}, "normalize=2"),
        ({"name": "mnist", "root": 3}, "root=3"),
    ],
)
def test_bad_arguments(options: dict, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        data.load(**options)


def test_a_split_takes_only_images_and_labels_that_fit() -> None:
    images = torch.zeros(90, 1, 2, 2)
    for targets in (torch.zeros(5).long(), torch.zeros(90), torch.zeros(90, 1).long()):
        with pytest.raises(ValueError, match=r"targets=.*to fit inputs float32"):
            data.Split(images, targets)
    with pytest.raises(TypeError, match="inputs=None"):
        data.Split(None, torch.zeros(1).long())
    with pytest.raises(TypeError, match="targets=None"):
        data.Split(images, None)


def test_a_split_refuses_counts_and_places_out_of_range() -> None:
    split = data.Split(torch.zeros(5, 1, 2, 2), torch.arange(5))
    for count in (-1, 2.0, True):
        with pytest.raises((ValueError, TypeError), match="count="):
            split.take(count)
    assert (len(split.take(0)), len(split.take(2)), len(split.take(9))) == (0, 2, 5)
    with pytest.raises(ValueError, match="size=0"):
        split.batches(0)
    with pytest.raises(ValueError, match=r"device .*'tpu'"):
        split.to("tpu")
    shuffled = torch.Generator().manual_seed(0)
    for generator in (None, shuffled):
        assert sorted(torch.cat([y for _, y in split.batches(2**70, generator)])) == list(range(5))


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
    monkeypatch.setattr(data, "_checksums", lambda file, wanted: dict(sums))


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


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nab", b"no\r\n"]
)
@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_a_server_that_never_answers_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, answer: bytes
) -> None:
    """It accepts, sends a part or nonsense or nothing, and keeps the line open."""
    monkeypatch.setattr(data, "PATIENCE", 0.2)
    lines: list[socket.socket] = []

    def serve(listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                lines.append(listening.accept()[0])
                lines[-1].recv(1000)
                lines[-1].sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        monkeypatch.setattr(datasets.MNIST, "mirrors", [url])
        monkeypatch.setattr(datasets.CIFAR10, "url", url)
        before = socket.getdefaulttimeout()
        with pytest.raises(DataError, match="could not be downloaded"):
            data.load(name, full=True, root=tmp_path / "root")
        assert socket.getdefaulttimeout() == before
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()
    for line in lines:
        line.close()


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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 8}, "size=8"),
        ({"size": (8,)}, r"size=\(8,\)"),
        ({"size": (0, 8)}, r"size=\(0, 8\)"),
        ({"size": (10**6, 10**6)}, "size=.*50,000,000"),
        ({"size": (8, 8), "validation": 0.99}, r"validation=0\.99 leaves none of 20"),
        ({"size": (8, 8), "gray": None}, "gray=None"),
        ({"size": (8, 8), "device": "tpu"}, "device .*tpu"),
    ],
)
def test_bad_arguments_of_a_folder(image_folder: Path, options: dict, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        data.load_folder(image_folder, **options)


def read_as(folder: Path, image: Image.Image, name: str = "0.png", **options: object) -> np.ndarray:
    """Return what is read, (height, width, channels) in 0 … 255, of an image of this kind."""
    image.save(folder / "train" / "cat" / name, **options)
    size = (image.height, image.width)
    loaded = data.load_folder(folder, size=size, normalize=False, validation=0)
    return (loaded.train.inputs[0].permute(1, 2, 0) * 255).round().numpy().astype(np.uint8)


RAMP = np.linspace(0, 255, 12 * 10).reshape(12, 10)


@pytest.mark.parametrize("kind", ["<u2", ">u2"])
@pytest.mark.parametrize("name", ["0.png", "0.tif"])
def test_sixteen_bits_become_eight(image_folder: Path, kind: str, name: str) -> None:
    image = Image.fromarray((RAMP * 257).astype(kind))
    (image_folder / "train" / "cat" / "0.png").unlink()
    found = read_as(image_folder, image, name)
    assert np.abs(found - RAMP[..., None]).max() <= 1
    assert found.min() == 0
    assert found.max() == 255


@pytest.mark.parametrize("mode", ["LA", "RGBA", "P", "L", "RGB"])
def test_transparent_pixels_lie_on_white(image_folder: Path, mode: str) -> None:
    black = Image.fromarray(np.zeros((12, 10, 4), np.uint8))
    black.paste((0, 0, 0, 255), (0, 0, 5, 12))
    options = {}
    if mode == "P":
        black = Image.fromarray((np.arange(10) >= 5).astype(np.uint8)[None].repeat(12, 0))
        black = black.convert("P")
        black.putpalette([0, 0, 0, 10, 10, 10])
        options = {"transparency": 1}
    elif mode in ("L", "RGB"):
        black = Image.fromarray(((np.arange(10) >= 5) * 9).astype(np.uint8)[None].repeat(12, 0))
        black, options = black.convert(mode), {"transparency": 9 if mode == "L" else (9, 9, 9)}
    else:
        black = black.convert(mode)
    found = read_as(image_folder, black, **options)
    assert np.array_equal(
        found, np.where(np.arange(10) < 5, 0, 255)[None, :, None].repeat(12, 0).repeat(3, 2)
    )


@pytest.mark.parametrize("turn", range(1, 9))
def test_images_are_turned_as_their_tag_says(image_folder: Path, turn: int) -> None:
    """Against numpy: the eight orientations of the EXIF standard, upper left at 1."""
    stored = RAMP.astype(np.uint8)
    shown = stored.T if turn > 4 else stored
    flips = {1: (), 2: (1,), 3: (0, 1), 4: (0,), 5: (), 6: (1,), 7: (0, 1), 8: (0,)}
    exif = Image.Exif()
    exif[0x0112] = turn
    Image.fromarray(stored).save(image_folder / "train" / "cat" / "0.png", exif=exif)
    loaded = data.load_folder(image_folder, size=shown.shape, normalize=False, validation=0)
    expected = np.flip(shown, flips[turn])
    assert np.array_equal((loaded.train.inputs[0, 0] * 255).round().numpy(), expected)


def huge(path: Path) -> None:
    Image.new("1", (10_000, 6_000)).save(path)


def bomb(path: Path) -> None:
    Image.new("1", (20_000, 10_000)).save(path)


def floats(path: Path) -> None:
    Image.fromarray(np.zeros((12, 10), np.float32)).save(path, format="TIFF")


def integers(path: Path) -> None:
    Image.fromarray(np.zeros((12, 10), np.int32)).save(path, format="TIFF")


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def words(path: Path) -> None:
    path.write_text("no image")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (huge, "10000 × 6000 pixels, above 50,000,000"),
        (bomb, "exceeds limit"),
        (floats, "32 bits .mode F."),
        (integers, "32 bits .mode I."),
        (pipe, "is not a regular file"),
        (dangling, "No such file"),
        (words, "cannot identify"),
    ],
)
def test_what_cannot_be_read_right_is_refused_by_name(
    image_folder: Path, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(image_folder / "train" / "dog" / "3.png")
    with pytest.raises(DataError, match=rf"dog.3\.png.*{message}"):
        data.load_folder(image_folder, size=(8, 8))


def postscript(path: Path) -> None:
    path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n")


def column(path: Path) -> None:
    Image.new("1", (1, 49_000_000)).save(path)


def row(path: Path) -> None:
    Image.new("1", (70_000, 1)).save(path)


def large_file(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"RIFF\x00\x00\x00\x00WEBPVP8 ")
        file.truncate(8 * 10**9)


def endless(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def foreign(path: Path) -> None:
    Image.new("L", (8, 8)).save(path, format="TGA")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (postscript, "cannot identify"),
        (column, "1 × 49000000 pixels.*65,535 in a row"),
        (row, "70000 × 1 pixels"),
        (large_file, "more than 500,000,000 bytes"),
        (endless, "not a regular file"),
        (loop, "levels of symbolic links"),
        (foreign, "cannot identify"),
    ],
)
def test_what_costs_too_much_or_runs_other_programs_is_refused_unopened(
    image_folder: Path, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(image_folder / "train" / "dog" / "3.png")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError, match=rf"dog.3\.png.*{message}"):
        data.load_folder(image_folder, size=(8, 8))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 700_000


def test_hidden_folders_and_files_are_none_of_yours(image_folder: Path) -> None:
    known = data.load_folder(image_folder, size=(8, 8))
    one = image_folder / "train" / "cat" / "0.png"
    for name in (".ipynb_checkpoints", "__pycache__", "@eaDir", "__MACOSX", ".git", "cat/@eaDir"):
        (image_folder / "train" / name).mkdir()
        shutil.copy(one, image_folder / "train" / name / "0-checkpoint.png")
    for name in ("._0.png", ".DS_Store"):
        (image_folder / "train" / "cat" / name).write_text("no image")
    (image_folder / "train" / "dog" / "again").symlink_to(image_folder / "train" / "dog")
    loaded = data.load_folder(image_folder, size=(8, 8))
    assert loaded.classes == ("cat", "dog")
    assert torch.equal(loaded.train.inputs, known.train.inputs)


ENDINGS = [".png", ".PNG", ".jpg", ".JPG", ".jpeg", ".jfif", ".JPE", ".gif", ".bmp", ".webp",
           ".WebP", ".tif", ".TIFF", ".ppm", ".pgm", ".apng"]  # fmt: skip


def test_images_of_every_ending_are_taken_and_other_files_are_told(image_folder: Path) -> None:
    folder = image_folder / "train" / "cat"
    image = Image.new("L", (8, 8), 90)
    kinds = Image.registered_extensions()
    for number, ending in enumerate(ENDINGS):
        image.save(folder / f"new{number}{ending}", format=kinds[ending.lower()])
    (folder / "deep" / "er").mkdir(parents=True)
    image.save(folder / "deep" / "er" / "0.png")
    loaded = data.load_folder(image_folder, size=(8, 8), validation=0)
    assert (loaded.train.targets == 0).sum() == 10 + len(ENDINGS) + 1
    for name in ("a.heic", "b.heic", "c.svg", "d.mp4", "labels.csv", "noending"):
        (folder / name).write_text("")
    image.save(image_folder / "train" / "stray.png")
    with pytest.warns(UserWarning, match="left out") as said:
        again = data.load_folder(image_folder, size=(8, 8), validation=0)
    assert len(again.train) == len(loaded.train)
    words = str(said[0].message)
    for told in ("2 (.heic)", "1 (.svg)", "1 (.mp4)", "1 (.csv)", "1 (no ending)"):
        assert told in words
    assert "1 (in no class)" in words


@pytest.mark.parametrize("share", [0, 0.1, 0.2, 0.34, 0.5, 0.7])
@pytest.mark.parametrize("sizes", [[1, 10], [10, 1], [1, 1, 1, 9], [2, 2, 2], [3, 50, 4], [7]])
def test_every_class_trains_and_validation_is_drawn_from_each(
    tmp_path: Path, sizes: list[int], share: float
) -> None:
    for label, count in enumerate(sizes):
        for part, images in (("train", count), ("test", 1)):
            (tmp_path / part / str(label)).mkdir(parents=True)
            for i in range(images):
                Image.new("L", (2, 2), i).save(tmp_path / part / str(label) / f"{i:02}.png")
    loaded = data.load_folder(tmp_path, size=(2, 2), validation=share)
    train = torch.bincount(loaded.train.targets, minlength=len(sizes))
    held = torch.bincount(loaded.validation.targets, minlength=len(sizes))
    assert (train + held).tolist() == sizes and bool((train > 0).all())
    assert held.sum() <= round(share * sum(sizes))
    if share <= 0.5:
        assert (held - share * torch.tensor(sizes)).abs().max() <= 2


def test_an_empty_class_is_named(image_folder: Path) -> None:
    for part in ("train", "test"):
        (image_folder / part / "bird").mkdir()
    with pytest.raises(DataError, match=r"no image of \['bird'\]"):
        data.load_folder(image_folder, size=(8, 8))


def test_of_an_animation_the_first_frame_counts(image_folder: Path) -> None:
    frames = [Image.new("RGB", (10, 12), colour) for colour in ("red", "lime", "blue")]
    for name in ("0.gif", "0.webp", "0.png", "0.tif"):
        options = {"lossless": True} if name == "0.webp" else {}
        (image_folder / "train" / "cat" / "0.png").unlink(missing_ok=True)
        found = read_as(image_folder, frames[0], name, save_all=True, append_images=frames[1:],
                        **options)  # fmt: skip
        (image_folder / "train" / "cat" / name).unlink()
        assert (found.reshape(-1, 3) == [255, 0, 0]).all()


@pytest.mark.parametrize("mode", ["CMYK", "1", "P", "L", "YCbCr"])
def test_other_colours_become_rgb(image_folder: Path, mode: str) -> None:
    (image_folder / "train" / "cat" / "0.png").unlink()
    image = Image.new("RGB", (10, 12), "white").convert(mode)
    assert (read_as(image_folder, image, "0.tif") >= 250).all()
