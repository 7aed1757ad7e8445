"""Networks by name: the project's own tables, timm's and torchvision's models, the user's modules.

    mobilenetv3-large          a table: a shipped name, a YAML file or a results folder
    timm:mobileone_s1          a model of timm, re-parameterised where it offers that
    torchvision:resnet18       a classifier of torchvision
    path/to/file.py:factory    a module of the user's, which `factory()` returns

Each may end in @SIDE: on square images of that side. What is no table is traced without weights, on
torch's meta device where it can be, and no file is fetched. Of the user's code only the file that
is named is run.
"""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nas import library
from nas.arch import Arch
from nas.build.trace import Check, Row, trace
from nas.cost import macs
from nas.errors import NasError, TraceError, UnknownNameError, brief, first_line
from nas.extras import require
from nas.folders import find
from nas.graph import Graph
from nas.ops import Shape
from nas.quiet import quiet
from nas.rewrite import fuse
from nas.scaling import scaled

DEFAULT: Shape = (3, 224, 224)
"""Input of a module that does not say what it was made for."""


@dataclass(frozen=True, eq=False)
class Traced:
    """A network that was traced from a torch module; it stands where an `Arch` does."""

    name: str
    source: str
    """What it was traced from, with its version."""
    input: Shape
    """(C, H, W)"""
    graph: Graph
    rows: tuple[Row, ...]
    """Its top-level submodules, in order of use."""
    unmapped: tuple[str, ...]
    """Calls without an op kind: their work is unknown."""
    check: Check = Check()
    """What the counts were held against."""

    @cached_property
    def fused(self) -> Graph:
        """Primitive ops as deployed: norms folded, branches merged."""
        return fuse(self.graph)

    @cached_property
    def params(self) -> int:
        """Parameters of the module, each counted once."""
        return sum(row.params for row in self.rows)

    @cached_property
    def macs(self) -> int:
        """Multiply-adds of one image, without those of `unmapped`."""
        return int(macs(self.graph))


Network = Arch | Traced


def load_network(name: str) -> Network:
    """A network by any of the names above.

    Raises:
        UnknownNameError: with the nearest names.
        ArchError: a table does not fit images of that side.
        TraceError: a module cannot be built or traced.
        MissingExtraError: what it is of is not installed.
    """
    base, side = _split(name)
    library_name, _, model = base.partition(":")
    if library_name in LIBRARIES:
        return LIBRARIES[library_name](name, model, side)
    file, _, factory = base.rpartition(":")
    if file.endswith(".py"):
        return _own(name, Path(file), factory, side)
    arch = library.load_arch(base)
    return arch if side is None else scaled(arch, side=side, name=f"{arch.name}@{side}")


def _split(name: str) -> tuple[str, int | None]:
    """A name without its @SIDE, and the side; a file may have such a name of its own."""
    if sized := re.fullmatch(r"(.+)@(\d{1,5})", name):
        try:
            find("architecture", name)
        except NasError:
            return sized[1], int(sized[2])
    return name, None


Create = Callable[[int | None], Any]
"""Makes a module for images of a side, or of the side that it is made for."""


def _timm(name: str, model: str, side: int | None) -> Traced:
    timm, utils = require("timm"), require("timm", "timm.utils.model")
    if not timm.is_model(model):
        raise UnknownNameError("timm model", model, timm.list_models())

    def create(side: int | None) -> Any:
        module = _on_meta(timm.create_model, model, **_size("img_size", side))
        return _on_meta(utils.reparameterize_model, module.eval())

    def made_for(module: Any) -> Shape:
        return tuple(module.pretrained_cfg.get("input_size", DEFAULT))

    return _traced(name, f"timm {timm.__version__}", create, made_for, side)


def _torchvision(name: str, model: str, side: int | None) -> Traced:
    models = require("train", "torchvision.models")
    if model not in (valid := models.list_models(module=models)):
        raise UnknownNameError("torchvision model", model, valid)

    def create(side: int | None) -> Any:
        return _on_meta(models.get_model, model, **_size("image_size", side))

    def made_for(_: Any) -> Shape:
        side = models.get_model_weights(model).DEFAULT.transforms.keywords["crop_size"]
        return (3, side, side)

    version = require("train", "torchvision").__version__
    return _traced(name, f"torchvision {version}", create, made_for, side)


LIBRARIES: dict[str, Callable[[str, str, int | None], Traced]] = {
    "timm": _timm,
    "torchvision": _torchvision,
}


def _own(name: str, file: Path, factory: str, side: int | None) -> Traced:
    """A module of the user's."""
    torch = require("train")
    if not file.is_file():
        raise TraceError(f"{file}: no such file")
    with _strange(name):
        found = runpy.run_path(str(file))
    if factory not in found:
        names = [key for key, value in found.items() if callable(value) and key[0] != "_"]
        raise UnknownNameError("function", factory, names, str(file))

    def create(_: int | None) -> Any:
        module = found[factory]()
        if not isinstance(module, torch.nn.Module):
            raise TypeError(f"expected a torch.nn.Module, found {type(module).__name__}")
        return module

    return _traced(name, str(file), create, lambda _: DEFAULT, side)


def _traced(
    name: str, source: str, create: Create, made_for: Callable[[Any], Shape], side: int | None
) -> Traced:
    with _strange(name):
        module = create(None)
        shape = made_for(module)
        if side is not None and (side, side) != shape[1:]:
            shape = (shape[0], side, side)
            with suppress(TypeError):  # most networks take any side and no word about it
                module = create(side)
        graph, rows, unmapped, check = trace(module, shape)
    return Traced(name, f"traced from {source}", shape, graph, rows, tuple(unmapped), check)


def _size(option: str, side: int | None) -> dict[str, int]:
    return {} if side is None else {option: side}


def _on_meta(make: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """The module without memory, unless it wants to see its own values."""
    with suppress(RuntimeError), require("train").device("meta"):
        return make(*args, **options)
    return make(*args, **options)


@contextmanager
def _strange(name: str) -> Iterator[None]:
    """Runs others' code, which may print and raise anything.

    Raises:
        TraceError: with its first words.
    """
    try:
        with quiet():
            yield
    except NasError:
        raise
    except (Exception, SystemExit) as error:  # a script without a guard may end Python
        raise TraceError(f"{name}: {type(error).__name__}: {brief(first_line(error))}") from error
