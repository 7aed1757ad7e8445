"""Image files decoded by worker processes, for sets that no memory holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from nas.errors import DataError
from nas.system.processes import cores
from nas.train.data.base import SHIFT, TRAIN_SHARE, WHOLE, Crop, Plan
from nas.train.data.image import ignore_warnings, read_image, square
from nas.train.preprocessing import Step

WORKERS = min(16, cores())


@dataclass(frozen=True, slots=True, eq=False)
class Streamed:
    """Image files of a split."""

    paths: Sequence[Path]
    labels: Tensor
    device: torch.device = torch.device("cpu")

    def take(self, index: Tensor) -> Streamed:
        paths = [self.paths[i] for i in index.tolist()]
        return Streamed(paths, self.labels[index], self.device)

    def to(self, device: torch.device) -> Streamed:
        return Streamed(self.paths, self.labels, device)

    def steps(self, side: int) -> tuple[Step, ...]:
        return Step("shorter_side", (round(side / TRAIN_SHARE),)), Step("centre_crop", (side,))

    def batches(self, plan: Plan, crop: Crop = WHOLE) -> Iterator[tuple[Tensor, Tensor]]:
        pinned = self.device.type == "cuda"
        loader = DataLoader(
            _Files(self.paths, self.labels.tolist(), crop),
            batch_sampler=[[(i, side) for i in index.tolist()] for index, side in plan],
            num_workers=WORKERS,
            pin_memory=pinned,
            worker_init_fn=_begin,
        )
        try:
            for images, labels in loader:
                images = images.to(self.device, non_blocking=pinned)
                yield images, labels.to(self.device, non_blocking=pinned)
        except DataError as error:  # a worker's, with its traceback
            raise DataError(str(error).strip().rpartition("DataError: ")[2]) from None


def _begin(worker: int) -> None:
    torch.set_num_threads(1)
    ignore_warnings()


class _Files(Dataset[tuple[Tensor, int]]):
    """Decoded, cropped images by index and side; the crop's numbers are the worker's own."""

    def __init__(self, paths: Sequence[Path], labels: Sequence[int], crop: Crop) -> None:
        self.paths, self.labels, self.crop = paths, labels, crop

    def __getitem__(self, wanted: tuple[int, int]) -> tuple[Tensor, int]:
        index, side = wanted
        image = read_image(self.paths[index])
        if self.crop.kind == "resized":
            part = v2.RandomResizedCrop(side, scale=(self.crop.least, 1.0), antialias=True)
            image = part(image)
        elif self.crop.kind == "shift":
            image = v2.RandomCrop(side, padding=max(1, round(SHIFT * side)))(square(image, side))
        else:
            image = v2.CenterCrop(side)(square(image, round(side / TRAIN_SHARE)))
        pixels: Tensor = v2.functional.pil_to_tensor(image)
        return pixels, self.labels[index]
