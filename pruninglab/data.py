"""Images as tensors on the device: bundled subsets, full sets through torchvision, any folder."""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torchvision import datasets
from torchvision.transforms import v2
from tqdm.auto import tqdm

from .settings import device as pick_device

BUNDLED = Path(__file__).resolve().parents[1] / "data"
DIGITS = tuple("0123456789")
CLOTHES = ("T-shirt", "trouser", "pullover", "dress", "coat",
           "sandal", "shirt", "sneaker", "bag", "ankle boot")  # fmt: skip
CLASSES = {"mnist": DIGITS, "fashion-mnist": CLOTHES}
NAMES = ("mnist", "fashion-mnist", "cifar10")

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


class DataError(RuntimeError):
    """A data file is missing, damaged or not what its name says."""


@dataclass(frozen=True, eq=False)
class Split:
    """Images and labels of one split, whole, as tensors on one device.

    `inputs` is float (n, channels, height, width), `targets` int64 (n,).
    """

    inputs: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.targets)

    def __iter__(self) -> Iterator[Tensor]:
        """Unpack: `inputs, targets = split`."""
        return iter((self.inputs, self.targets))

    def __repr__(self) -> str:
        return f"Split({len(self):,} images {tuple(self.inputs.shape[1:])} on {self.inputs.device})"

    def take(self, count: int) -> Split:
        """Return the first `count` images (all of them if there are fewer)."""
        return Split(self.inputs[:count], self.targets[:count])

    def to(self, device: torch.device | str) -> Split:
        """Return the split on `device`; the same tensors if they are there already."""
        return Split(self.inputs.to(device), self.targets.to(device))

    def batches(
        self, size: int, generator: torch.Generator | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield (inputs, targets) of `size` images, the last batch smaller; one pass over all.

        With a CPU `generator` the order is a random permutation, without one it is the stored
        order. A batch is gathered by a slice of the permutation: measured four times cheaper than
        permuting the whole set first, and hundreds of times cheaper than a DataLoader.
        Raises ValueError if `size` is less than 1.
        """
        if size < 1:
            raise ValueError(f"size={size} must be at least 1")
        if generator is None:
            yield from zip(self.inputs.split(size), self.targets.split(size), strict=True)
            return
        order = torch.randperm(len(self), generator=generator).to(self.inputs.device)
        for index in order.split(size):
            yield self.inputs.index_select(0, index), self.targets.index_select(0, index)


@dataclass(frozen=True, eq=False)
class Data:
    """Three splits and what they show. Validation decides; test is only reported."""

    name: str
    train: Split
    validation: Split
    test: Split
    classes: tuple[str, ...]

    def to(self, device: torch.device | str) -> Data:
        """Return the data on `device`."""
        moved = {part: getattr(self, part).to(device) for part in ("train", "validation", "test")}
        return replace(self, **moved)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width of an image."""
        channels, height, width = self.train.inputs.shape[1:]
        return channels, height, width


def load(
    name: str,
    *,
    full: bool = False,
    root: str | Path | None = None,
    device: str | torch.device | None = None,
    normalize: bool = True,
    validation: float = 0.1,
) -> Data:
    """Load "mnist", "fashion-mnist" or "cifar10" whole onto the device, in three splits.

    Without `full` the bundled subset: 10,000 training and 2,000 test images, no download. With
    `full` the whole set through torchvision from `root`, else from `PRUNINGLAB_DATA`, else from
    data/full, where it is downloaded if it is not there. The last `validation` share of the
    training images becomes the validation split. `normalize` shifts and scales each channel to
    mean 0 and standard deviation 1 over the training images; without it pixels are in [0, 1].

    Raises ValueError for an unknown name or share, DataError for a file that is missing, damaged
    or foreign. Used by every notebook.
    """
    if name not in NAMES:
        raise ValueError(f"name={name!r} is not known; choose from {NAMES}")
    _check_share(validation)
    if name == "cifar10" and not full:
        raise ValueError("name='cifar10' has no bundled subset; ask for full=True")
    folder = Path(root or os.environ.get("PRUNINGLAB_DATA") or BUNDLED / "full")
    raw = _read_full(name, folder) if full else _read_bundled(name)
    classes = CLASSES.get(name) or raw.classes
    return _assemble(name, raw.train, raw.test, classes, device, normalize, validation)


def load_folder(
    path: str | Path,
    *,
    size: tuple[int, int],
    gray: bool = False,
    device: str | torch.device | None = None,
    normalize: bool = True,
    validation: float = 0.1,
) -> Data:
    """Load path/train/<class>/* and path/test/<class>/* (torchvision's ImageFolder) as tensors.

    Every image is resized to `size` (height, width); `gray` makes one channel of three. The
    validation split is drawn evenly from all over the training images, since ImageFolder lists
    them class by class. Raises DataError for a missing folder, classes that differ between the two
    parts, or an image that cannot be read (named).
    """
    _check_share(validation)
    parts = {part: _open_folder(Path(path) / part) for part in ("train", "test")}
    if parts["train"].classes != parts["test"].classes:
        raise DataError(
            f"{path}: train has classes {parts['train'].classes}, test has {parts['test'].classes}"
        )
    pixels = {part: _read_folder(folder, size, gray) for part, folder in parts.items()}
    train = _spread(pixels["train"], validation)
    classes = tuple(parts["train"].classes)
    return _assemble(Path(path).name, train, pixels["test"], classes, device, normalize, validation)


@dataclass(frozen=True)
class _Raw:
    """Pixels as uint8 (n, channels, height, width) and labels, for training and test."""

    train: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]
    classes: tuple[str, ...] = ()


def _check_share(validation: float) -> None:
    if not 0 <= validation < 1:
        raise ValueError(f"validation={validation} must be at least 0 and less than 1")


def _assemble(
    name: str,
    train: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    classes: tuple[str, ...],
    device: str | torch.device | None,
    normalize: bool,
    validation: float,
) -> Data:
    target = pick_device(device)
    cut = len(train[1]) - round(validation * len(train[1]))
    parts = {
        "train": (train[0][:cut], train[1][:cut]),
        "validation": (train[0][cut:], train[1][cut:]),
        "test": test,
    }
    images = {part: pixels.to(target).float() / 255 for part, (pixels, _) in parts.items()}
    if normalize:
        spread, mean = torch.std_mean(images["train"], dim=(0, 2, 3), keepdim=True)
        for pixels in images.values():
            pixels.sub_(mean).div_(spread.clamp_min(1e-6))
    splits = {part: Split(images[part], parts[part][1].long().to(target)) for part in parts}
    return Data(name=name, classes=classes, **splits)


def _read_bundled(name: str) -> _Raw:
    sums = _checksums("SHA256SUMS")
    paths = [f"{name}/{stem}.gz" for stem in FILES]
    return _as_raw([gzip.decompress(_verified(BUNDLED / path, sums[path])) for path in paths])


def _as_raw(files: list[bytes]) -> _Raw:
    images, labels, test_images, test_labels = (_parse_idx(content) for content in files)
    return _Raw(train=(images[:, None], labels), test=(test_images[:, None], test_labels))


def _checksums(file: str) -> dict[str, str]:
    """Read a file that `sha256sum -c` understands: path to SHA-256."""
    lines = (BUNDLED / file).read_text().splitlines()
    return {path: sha256 for sha256, path in (line.split() for line in lines)}


def _verified(path: Path, sha256: str) -> bytes:
    """Return the bytes of the file, all of them, or raise DataError: never half-read."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); restore it from git") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DataError(
            f"{path} is damaged or not the original ({len(content):,} bytes, wrong SHA-256); "
            "delete it and fetch it again (bundled files: restore from git)"
        )
    return content


def _parse_idx(content: bytes) -> Tensor:
    """Unpack the idx format: two zero bytes, a type, a rank, big-endian sizes, then the bytes."""
    rank = content[3]
    sizes = np.frombuffer(content, dtype=">u4", count=rank, offset=4)
    pixels = np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * rank).reshape(sizes.astype(int))
    return torch.from_numpy(pixels.copy())


def _read_full(name: str, folder: Path) -> _Raw:
    if name == "cifar10":
        sets = [_fetch(datasets.CIFAR10, folder, train) for train in (True, False)]
        parts = [
            (torch.from_numpy(s.data).permute(0, 3, 1, 2), torch.tensor(s.targets)) for s in sets
        ]
        return _Raw(parts[0], parts[1], tuple(sets[0].classes))
    kind = datasets.MNIST if name == "mnist" else datasets.FashionMNIST
    paths = [f"{kind.__name__}/raw/{stem}" for stem in FILES]
    if not all((folder / path).exists() for path in paths):
        _fetch(kind, folder, train=True)
    # torchvision checks what it downloads, but takes files that lie there already on trust.
    sums = _checksums("SHA256SUMS.full")
    return _as_raw([_verified(folder / path, sums[path]) for path in paths])


def _fetch(kind: type, folder: Path, train: bool) -> datasets.VisionDataset:
    """Open a torchvision data set, downloading it (with torchvision's progress bar) if needed."""
    try:
        return kind(str(folder), train=train, download=True)
    except (RuntimeError, OSError, EOFError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise DataError(
            f"{kind.__name__} is not in {folder} and could not be downloaded ({reason}). Either "
            "connect to the internet and try again, or put the files there by hand in "
            "torchvision's layout, or name a folder that has them by root= or PRUNINGLAB_DATA, "
            "or work with the bundled subset: full=False"
        ) from error


def _open_folder(path: Path) -> datasets.ImageFolder:
    try:
        return datasets.ImageFolder(str(path))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(f"{path} does not hold one folder of images per class ({error})") from error


def _read_folder(
    folder: datasets.ImageFolder, size: tuple[int, int], gray: bool
) -> tuple[Tensor, Tensor]:
    steps = [v2.PILToTensor(), v2.Resize(size, antialias=True)]
    transform = v2.Compose([v2.Grayscale(), *steps] if gray else steps)
    images = torch.empty(len(folder.samples), 1 if gray else 3, *size, dtype=torch.uint8)
    labels = torch.empty(len(folder.samples), dtype=torch.int64)
    for i, (path, label) in enumerate(tqdm(folder.samples, desc=f"reading {folder.root}")):
        try:
            images[i] = transform(folder.loader(path))
        except (OSError, SyntaxError, ValueError) as error:
            raise DataError(f"{path} is not a readable image ({error})") from error
        labels[i] = label
    return images, labels


def _spread(pixels: tuple[Tensor, Tensor], validation: float) -> tuple[Tensor, Tensor]:
    """Move every k-th image to the end, so that the validation split sees every class."""
    count = len(pixels[1])
    held = torch.zeros(count, dtype=torch.bool)
    wanted = round(validation * count)
    if wanted:
        held[torch.linspace(0, count - 1, wanted).round().long()] = True
    order = torch.cat([(~held).nonzero()[:, 0], held.nonzero()[:, 0]])
    return pixels[0][order], pixels[1][order]
