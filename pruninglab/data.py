"""Images as tensors on the device: bundled subsets, full sets through torchvision, any folder."""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import os
import re
import socket
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, Int64
from PIL import Image, ImageOps
from torch import Tensor
from tqdm.auto import tqdm

from .checks import Count, Share, Whole, check_choice, checked
from .files import read_limited
from .settings import device as pick_device

if TYPE_CHECKING:
    # Loaded by the functions that use it: it is half of the time of `import pruninglab`.
    from torchvision import datasets

PACKAGE = Path(__file__).resolve().parent
# Inside an installed package, at the top of a checkout.
BUNDLED = next(
    folder for folder in (PACKAGE / "bundled", PACKAGE.parent / "data")
    if (folder / "SHA256SUMS").exists()
)  # fmt: skip
DIGITS = tuple("0123456789")
CLOTHES = ("T-shirt", "trouser", "pullover", "dress", "coat",
           "sandal", "shirt", "sneaker", "bag", "ankle boot")  # fmt: skip
CLASSES = {"mnist": DIGITS, "fashion-mnist": CLOTHES}
NAMES = ("mnist", "fashion-mnist", "cifar10")

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte",
         "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")  # fmt: skip
# Images as uint8 (n, channels, height, width) and labels; of training and test, and the classes.
Pixels = tuple[Tensor, Tensor]
Raw = tuple[Pixels, Pixels, tuple[str, ...]]

# How folders and files begin that no user has made: .ipynb_checkpoints, __MACOSX, @eaDir.
HIDDEN = (".", "__", "@")
FROM_GIT = "restore it from git: git checkout -- data"
# Seconds without a byte after which a server counts as dead.
PATIENCE = 30
# Ten bytes a pixel are needed for a while: half a GB. Every row costs, too: no side is longer.
LARGEST_IMAGE, LONGEST_SIDE, LARGEST_FILE = 50_000_000, 65_535, 500_000_000
# What Pillow may open. It knows formats that start other programs, as PostScript does.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")


class DataError(RuntimeError):
    """A data file is missing, damaged or not what its name says; the message has the remedy."""


@checked
@dataclass(frozen=True, eq=False)
class Split:
    """Images and labels of one split, whole, as tensors on one device.

    Raises TypeError or ValueError if the two do not fit each other.
    """

    inputs: Float[Tensor, "images ..."]
    targets: Int64[Tensor, " images"]

    def __len__(self) -> int:
        return len(self.targets)

    def __iter__(self) -> Iterator[Tensor]:
        """Unpack: `inputs, targets = split`."""
        return iter((self.inputs, self.targets))

    def __repr__(self) -> str:
        return f"Split({len(self):,} images {tuple(self.inputs.shape[1:])} on {self.inputs.device})"

    @checked
    def take(self, count: Whole) -> Split:
        """Return the first `count` images (all of them if there are fewer)."""
        return Split(self.inputs[:count], self.targets[:count])

    def clone(self) -> Split:
        """Return an independent copy."""
        return Split(self.inputs.clone(), self.targets.clone())

    @checked
    def to(self, device: torch.device | str) -> Split:
        """Return the split on `device`; the same tensors if they are there already."""
        target = pick_device(device)
        return Split(self.inputs.to(target), self.targets.to(target))

    @checked
    def batches(
        self, size: Count, generator: torch.Generator | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield (inputs, targets) of `size` images, the last batch smaller; one pass over all.

        With a `generator` the order is a random permutation, without one it is the stored order.
        A batch is gathered by a slice of the permutation: measured four times cheaper than
        permuting the whole set first, and hundreds of times cheaper than a DataLoader.
        Raises ValueError if `size` is less than 1.
        """
        size = min(size, max(len(self), 1))
        if generator is None:
            yield from zip(self.inputs.split(size), self.targets.split(size), strict=True)
            return
        order = torch.randperm(len(self), generator=generator, device=generator.device)
        order = order.to(self.inputs.device)
        for index in order.split(size):
            yield self.inputs.index_select(0, index), self.targets.index_select(0, index)


@checked
@dataclass(frozen=True, eq=False)
class Data:
    """Three splits and what they show. Validation decides; test is only reported."""

    name: str
    train: Split
    validation: Split
    test: Split
    classes: tuple[str, ...]

    @checked
    def to(self, device: torch.device | str) -> Data:
        """Return the data on `device`."""
        moved = {part: getattr(self, part).to(device) for part in ("train", "validation", "test")}
        return replace(self, **moved)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width of an image."""
        channels, height, width = self.train.inputs.shape[1:]
        return channels, height, width


@checked
def load(
    name: str,
    *,
    full: bool = False,
    root: str | Path | None = None,
    device: str | torch.device | None = None,
    normalize: bool = True,
    validation: Share = 0.1,
) -> Data:
    """Load "mnist", "fashion-mnist" or "cifar10" whole onto the device, in three splits.

    Without `full` the bundled subset: 10,000 training and 2,000 test images, no download. With
    `full` the whole set through torchvision from `root`, else from `PRUNINGLAB_DATA`, else from
    data/full, where it is downloaded if it is not there. The last `validation` share of the
    training images becomes the validation split. `normalize` shifts and scales each channel to
    mean 0 and standard deviation 1 over the training images; without it pixels are in [0, 1].

    Raises ValueError for an unknown name or device, or a share that leaves no training image;
    DataError for a file that is missing, damaged or foreign. Used by every notebook.
    """
    check_choice("name", name, NAMES)
    if name == "cifar10" and not full:
        raise ValueError("name='cifar10' has no bundled subset; ask for full=True")
    target = pick_device(device)
    folder = Path(root or os.environ.get("PRUNINGLAB_DATA") or BUNDLED / "full")
    train, test, classes = _read_full(name, folder) if full else _read_bundled(name)
    cut = _count_training(len(train[1]), validation)
    return _assemble(name, train, test, classes, target, normalize, cut)


@checked
def load_folder(
    path: str | Path,
    *,
    size: tuple[Count, Count],
    gray: bool = False,
    device: str | torch.device | None = None,
    normalize: bool = True,
    validation: Share = 0.1,
) -> Data:
    """Load path/train/<class>/** and path/test/<class>/** as tensors.

    PNG, JPEG, GIF, BMP, WEBP, TIFF and PPM; of files with other endings a warning tells how many
    there are. Hidden folders and files (.ipynb_checkpoints, __MACOSX, @eaDir) are none of yours.

    Every image is resized to `size` (height, width); `gray` makes one channel of three. Images are
    turned as their EXIF tag says, transparent pixels lie on white, 16 bits a pixel become 8, and
    of several frames the first counts. The validation split is drawn evenly from each class, whose
    first image always stays for training.

    Raises ValueError for a size, share or device out of range; DataError for a missing folder,
    classes that differ between the two parts or have no image, or a file (named) that is no image,
    has more than 50 million pixels, 65,535 in a row or column, or 500 MB, or has pixels of 32 bits,
    whose range nobody knows.
    """
    if math.prod(size) > LARGEST_IMAGE:
        raise ValueError(f"size={size} must be at most {LARGEST_IMAGE:,} pixels")
    target = pick_device(device)
    parts = {part: _list_folder(Path(path) / part) for part in ("train", "test")}
    classes, others = (list(dict.fromkeys(label for _, label in parts[p])) for p in parts)
    if classes != others:
        raise DataError(
            f"{path}: train has classes {classes}, test has {others}; "
            "make one folder per class in both"
        )
    _count_training(len(parts["train"]), validation)
    train, cut = _spread(parts["train"], validation)
    pixels = _read_folder(train, classes, size, gray)
    test = _read_folder(parts["test"], classes, size, gray)
    return _assemble(Path(path).name, pixels, test, tuple(classes), target, normalize, cut)


def _count_training(images: int, validation: float) -> int:
    count = images - round(validation * images)
    if count < 1:
        raise ValueError(f"validation={validation} leaves none of {images:,} images for training")
    return count


def _assemble(
    name: str,
    train: Pixels,
    test: Pixels,
    classes: tuple[str, ...],
    target: torch.device,
    normalize: bool,
    cut: int,
) -> Data:
    """Make the three splits: the first `cut` of `train` train, the rest validate."""
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


def _read_bundled(name: str) -> Raw:
    paths = [f"{name}/{stem}.gz" for stem in FILES]
    sums = _checksums("SHA256SUMS", paths)
    files = [gzip.decompress(_verified(BUNDLED / path, sums[path], FROM_GIT)) for path in paths]
    return _as_raw(name, files)


def _as_raw(name: str, files: list[bytes]) -> Raw:
    images, labels, test_images, test_labels = map(_parse_idx, files)
    return (images[:, None], labels), (test_images[:, None], test_labels), CLASSES[name]


def _checksums(file: str, wanted: list[str]) -> dict[str, str]:
    """Read a file that `sha256sum -c` understands, path to SHA-256, or raise DataError."""
    path = BUNDLED / file
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read ({error}); {FROM_GIT}") from error
    sums = {}
    for number, line in enumerate(lines, start=1):
        # Two blanks, or a blank and a star: `sha256sum --binary` writes the star.
        match = re.fullmatch(r"([0-9a-fA-F]{64}) [ *](\S.*)", line.rstrip())
        if match:
            sums[match[2]] = match[1].lower()
        elif line.strip():
            raise DataError(f"{path} is damaged in line {number} ({line[:40]!r}); {FROM_GIT}")
    for name in wanted:
        if name not in sums:
            raise DataError(f"{path} has no line for {name}; {FROM_GIT}")
    return sums


def _verified(path: Path, sha256: str, remedy: str) -> bytes:
    """Return the bytes of the file, all of them, or raise DataError: never half-read."""
    try:
        content = read_limited(path, LARGEST_FILE)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}); {remedy}") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise DataError(
            f"{path} is damaged or not the original ({len(content):,} bytes, wrong SHA-256); "
            f"{remedy}"
        )
    return content


def _parse_idx(content: bytes) -> Tensor:
    """Unpack the idx format: two zero bytes, a type, a rank, big-endian sizes, then the bytes."""
    rank = content[3]
    sizes = np.frombuffer(content, dtype=">u4", count=rank, offset=4)
    pixels = np.frombuffer(content, dtype=np.uint8, offset=4 + 4 * rank).reshape(sizes.astype(int))
    return torch.from_numpy(pixels.copy())


def _read_full(name: str, folder: Path) -> Raw:
    from torchvision import datasets

    if name == "cifar10":
        with _named_failures("CIFAR10", folder):
            sets = [datasets.CIFAR10(str(folder), train, download=True) for train in (True, False)]
        train, test = (
            (torch.from_numpy(s.data).permute(0, 3, 1, 2), torch.tensor(s.targets)) for s in sets
        )
        return train, test, tuple(sets[0].classes)
    kind = datasets.MNIST if name == "mnist" else datasets.FashionMNIST
    paths = [f"{kind.__name__}/raw/{stem}" for stem in FILES]
    if not all((folder / path).exists() for path in paths):
        _download(kind, folder)
    # torchvision checks what it downloads, but takes files that lie there already on trust.
    sums, remedy = _checksums("SHA256SUMS.full", paths), "delete it and fetch it again"
    return _as_raw(name, [_verified(folder / path, sums[path], remedy) for path in paths])


def _download(kind: type[datasets.MNIST], folder: Path) -> None:
    """Let torchvision download, without opening the set: it would open old processed/*.pt too."""
    with _named_failures(kind.__name__, folder):
        images = object.__new__(kind)
        images.root = str(folder)
        images.download()


@contextmanager
def _named_failures(name: str, folder: Path) -> Iterator[None]:
    """Make a DataError of whatever torchvision, the network or the disk raises."""
    before = socket.getdefaulttimeout()
    # torchvision sets none: a server that accepts and never answers would hang the notebook.
    socket.setdefaulttimeout(PATIENCE)
    try:
        yield
    except Exception as error:
        reason = " ".join(f"{error or type(error).__name__}".split())
        raise DataError(
            f"{name} is not in {folder} and could not be downloaded ({reason}). Either "
            "connect to the internet and try again, or put the files there by hand in "
            "torchvision's layout, or name a folder that has them by root= or PRUNINGLAB_DATA, "
            "or work with the bundled subset: full=False"
        ) from error
    finally:
        socket.setdefaulttimeout(before)


def _list_folder(path: Path) -> list[tuple[Path, str]]:
    """Return the images and their classes, class by class; say how many other files there are."""
    endings = {end for end, kind in Image.registered_extensions().items() if kind in FORMATS}
    images, others, classes = [], Counter[str](), set()
    try:
        for folder, names in _walk(path):
            parts = folder.relative_to(path).parts
            classes |= set(parts[:1])
            for file in (folder / name for name in names):
                if parts and file.suffix.lower() in endings:
                    images.append((file, parts[0]))
                else:
                    others[file.suffix.lower() or "no ending" if parts else "in no class"] += 1
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error}); make {path}/<class>/") from error
    empty = classes - {label for _, label in images}
    if empty or not classes:
        which = f"no image of {sorted(empty)}" if classes else "no folder of images per class"
        raise DataError(f"{path} holds {which}; make path/train/<class>/ and path/test/<class>/")
    if others:
        told = ", ".join(f"{count} ({ending})" for ending, count in others.items())
        warnings.warn(f"{path}: left out, for no images of {FORMATS}: {told}", stacklevel=4)
    return images


def _walk(path: Path) -> Iterator[tuple[Path, list[str]]]:
    """Yield folders and the names of their files in order, but for hidden ones; each only once."""
    seen = set()
    for folder, inside, names in os.walk(path, onerror=_raise, followlinks=True):
        inside[:] = sorted(name for name in inside if not name.startswith(HIDDEN))
        if (place := os.path.realpath(folder)) in seen:
            inside.clear()
            continue
        seen.add(place)
        yield Path(folder), sorted(name for name in names if not name.startswith(HIDDEN))


def _raise(error: OSError) -> None:
    raise error


def _read_folder(
    files: list[tuple[Path, str]], classes: list[str], size: tuple[int, int], gray: bool
) -> Pixels:
    from torchvision.transforms import v2

    steps = [v2.PILToTensor(), v2.Resize(size, antialias=True)]
    transform = v2.Compose([v2.Grayscale(), *steps] if gray else steps)
    images = torch.empty(len(files), 1 if gray else 3, *size, dtype=torch.uint8)
    for i, (path, _) in enumerate(tqdm(files, desc="reading images")):
        images[i] = transform(_read_image(path))
    return images, torch.tensor([classes.index(label) for _, label in files])


def _read_image(path: Path) -> Image.Image:
    """Return the image as RGB, or raise DataError that names the file and what is wrong."""
    try:
        content = io.BytesIO(read_limited(path, LARGEST_FILE))
        with warnings.catch_warnings():
            # Pillow warns of large images and of odd tags; those that are too large are refused.
            warnings.simplefilter("ignore")
            with Image.open(content, formats=FORMATS) as image:
                _check_pixels(path, image)
                return _as_rgb(ImageOps.exif_transpose(image))
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{path} is not a readable image ({error}); mend or remove it") from error


def _check_pixels(path: Path, image: Image.Image) -> None:
    if math.prod(image.size) > LARGEST_IMAGE or max(image.size) > LONGEST_SIDE:
        shape = " × ".join(map(str, image.size))
        raise DataError(
            f"{path} has {shape} pixels, above {LARGEST_IMAGE:,} or {LONGEST_SIDE:,} in a row; "
            "make it smaller"
        )
    if image.mode in ("I", "F"):
        raise DataError(
            f"{path} has pixels of 32 bits (mode {image.mode}), whose range nobody knows; "
            "save it with 8 or 16 bits"
        )


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        image = Image.fromarray(np.rint(np.asarray(image) / 257).astype(np.uint8))
    if image.mode.endswith(("A", "a")) or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return image.convert("RGB")


def _spread(files: list[tuple[Path, str]], validation: float) -> tuple[list[tuple[Path, str]], int]:
    """Move every k-th image to the end, but no class's first; return how many stay before it."""
    train, held = files[:1], files[:0]
    for number, (before, one) in enumerate(pairwise(files), start=2):
        due = len(held) < round(validation * number) and one[1] == before[1]
        (held if due else train).append(one)
    return train + held, len(train)
