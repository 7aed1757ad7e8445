"""Load networks by name: tables, models of timm and torchvision, the user's own modules.

    mobilenetv3-large          a table: a shipped name, a YAML file or a results folder
    timm:mobileone_s1          a model of timm, re-parameterised where it offers that
    torchvision:resnet18       a classifier of torchvision
    path/to/file.py:factory    a module of the user's: what `factory()` returns, or a module itself

A name may end in @SIDE or @HEIGHTxWIDTH, for images of that size. Networks other than tables are
traced without weights, on torch's meta device if possible, and nothing is downloaded. The user's
file is run as Python would import it. It may define tensors `example_inputs`, or the module may
define `example_input_array` (Lightning's name); otherwise the module is called with as many images
as it requires.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from nas import library
from nas.errors import ArchError, NasError, TraceError, UnknownNameError
from nas.files.resources import find
from nas.graph.cost import macs
from nas.graph.fuse import fuse
from nas.graph.graph import Graph
from nas.graph.ops import Shape
from nas.modules.tracing.inputs import DEFAULT, Input, guesses, parse, resized, stated
from nas.modules.tracing.trace import CountCheck, SubmoduleRow, Trace, trace
from nas.modules.user_errors import explain_error
from nas.modules.user_file import imported_file
from nas.space.arch import Arch
from nas.space.scaling import scaled
from nas.space.table import MAX_SIDE
from nas.system.capture import capture_output
from nas.system.extras import require


@dataclass(frozen=True, eq=False)
class TracedNetwork:
    """A network traced from a torch module; it can be used like an `Arch`."""

    name: str
    source: str
    """Library and version, or file, that it was traced from."""
    input: Shape
    """(C, H, W)"""
    graph: Graph
    rows: tuple[SubmoduleRow, ...]
    """Top-level submodules in the order of use."""
    unmapped: tuple[str, ...]
    """Calls without an op kind, whose work is unknown."""
    check: CountCheck = CountCheck()
    """Comparison of the counts with the module's and PyTorch's."""

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
        """Multiply-adds for one image, without those of `unmapped`."""
        return int(macs(self.graph))


Network = Arch | TracedNetwork


def load_network(name: str, inputs: Sequence[str] = ()) -> Network:
    """Load a network by name, for inputs such as `1x96x192:float16`.

    Raises:
        UnknownNameError: there is no such network; the nearest names are given.
        ArchError: a table does not fit images of that size.
        TraceError: a module cannot be built or traced.
        MissingExtraError: the network's library is not installed.
    """
    base, size = _split(name)
    asked = NetworkRequest(name, size, tuple(map(parse, inputs)))
    if inputs and size:
        raise TraceError(f"{name}: the size is given twice; leave out @ or --input")
    library_name, _, model = base.partition(":")
    if library_name in LIBRARIES:
        with _foreign_code(name):
            return LIBRARIES[library_name](asked, model)
    file, _, factory = base.rpartition(":")
    if file.endswith(".py"):
        return _from_user_file(asked, Path(file), factory)
    arch = library.load_arch(base)
    if inputs:
        raise TraceError(f"{name}: a table has a fixed input; choose another size with {base}@224")
    if size is None:
        return arch
    if size[0] != size[1]:
        raise ArchError(f"{name}: a table takes square images: {base}@{size[0]}")
    return scaled(arch, side=size[0], name=f"{arch.name}@{size[0]}")


def _split(name: str) -> tuple[str, Size | None]:
    """Split @SIDE or @HxW from a name, unless a file has the whole name."""
    if sized := re.fullmatch(r"(.+)@(\d{1,18})(?:x(\d{1,18}))?", name):
        try:
            find("architecture", name)
        except NasError:
            size = int(sized[2]), int(sized[3] or sized[2])
            if not all(1 <= side <= MAX_SIDE for side in size):
                found = name.removeprefix(f"{sized[1]}@")
                raise ArchError(
                    f"{name}: expected a size from 1 to {MAX_SIDE}, found {found}"
                ) from None
            return sized[1], size
    return name, None


Size = tuple[int, int]
"""Height and width."""

Create = Callable[[Size | None], Any]
"""Makes a module for a given image size, or for its default size."""


class NetworkRequest(NamedTuple):
    """What a name and its options ask for."""

    name: str
    size: Size | None = None
    inputs: tuple[Input, ...] = ()


def _timm(asked: NetworkRequest, model: str) -> TracedNetwork:
    timm, utils = require("timm"), require("timm", "timm.utils.model")
    if not timm.is_model(model):
        raise UnknownNameError("timm model", model, timm.list_models())

    def create(size: Size | None) -> Any:
        module = _on_meta(timm.create_model, model, **_size("img_size", size))
        return _on_meta(utils.reparameterize_model, module.eval())

    def made_for(module: Any) -> list[tuple[Input, ...]]:
        return [(Input(tuple(module.pretrained_cfg.get("input_size", DEFAULT))),)]

    return _traced(asked, f"timm {timm.__version__}", create, made_for)


def _torchvision(asked: NetworkRequest, model: str) -> TracedNetwork:
    models = require("train", "torchvision.models")
    if model not in (valid := models.list_models(module=models)):
        raise UnknownNameError("torchvision model", model, valid)

    def create(size: Size | None) -> Any:
        return _on_meta(models.get_model, model, **_size("image_size", size))

    def made_for(_: Any) -> list[tuple[Input, ...]]:
        side = models.get_model_weights(model).DEFAULT.transforms.keywords["crop_size"]
        return [(Input((3, side, side)),)]

    version = require("train", "torchvision").__version__
    return _traced(asked, f"torchvision {version}", create, made_for)


LIBRARIES: dict[str, Callable[[NetworkRequest, str], TracedNetwork]] = {
    "timm": _timm,
    "torchvision": _torchvision,
}


def _from_user_file(asked: NetworkRequest, file: Path, factory: str) -> TracedNetwork:
    """Trace a user's module: the result of a function or class, or a module itself."""
    torch = require("train")
    if not file.is_file():
        raise TraceError(f"{file}: no such file")
    hint = "" if asked.inputs else "; if it takes other inputs, give them with --input"
    with _foreign_code(asked.name, hint), imported_file(file) as own:
        found = vars(own)
        if factory not in found:
            names = [
                key
                for key, value in found.items()
                if key[0] != "_" and (callable(value) or isinstance(value, torch.nn.Module))
            ]
            raise UnknownNameError("function", factory, names, str(file))

        def create(_: Size | None) -> Any:
            made = found[factory]
            module = made if isinstance(made, torch.nn.Module) else made()
            if not isinstance(module, torch.nn.Module):
                raise TypeError(f"expected a torch.nn.Module, found {type(module).__name__}")
            return module

        def made_for(module: Any) -> Iterable[tuple[Input, ...]]:
            examples = getattr(module, "example_input_array", None)
            examples = found.get("example_inputs") if examples is None else examples
            if examples is None:
                return guesses(module)
            return [stated(examples() if callable(examples) else examples)]

        return _traced(asked, str(file), create, made_for)


def _traced(
    asked: NetworkRequest,
    source: str,
    create: Create,
    made_for: Callable[[Any], Iterable[tuple[Input, ...]]],
) -> TracedNetwork:
    """Trace on the requested inputs, or on the first of the module's own that works."""
    name, size, inputs = asked
    module = create(None)
    tries = [inputs] if inputs else list(made_for(module))
    if size is not None and tries[0] != (tries := [resized(i, size) for i in tries])[0]:
        with suppress(TypeError):  # most networks take images of any size and no argument for it
            module = create(size)
    found, taken = _first_taken(module, tries)
    return TracedNetwork(name, f"traced from {source}", taken[0].shape, *found)


def _first_taken(module: Any, tries: list[tuple[Input, ...]]) -> tuple[Trace, tuple[Input, ...]]:
    """The trace on the first inputs that work; raises the first error if none does."""
    failures = []
    for inputs in tries:
        try:
            return trace(module, inputs), inputs
        except Exception as failure:
            failures.append(failure)
    raise failures[0]


def _size(option: str, size: Size | None) -> dict[str, Any]:
    """The keyword argument for a size; a square is given by its side."""
    if size is None:
        return {}
    return {option: size[0] if size[0] == size[1] else size}


def _on_meta(make: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Make a module on the meta device, or on the CPU if it reads its own values."""
    with suppress(RuntimeError), require("train").device("meta"):
        return make(*args, **options)
    return make(*args, **options)


@contextmanager
def _foreign_code(name: str, hint: str = "") -> Iterator[None]:
    """Run code of others, which may print and raise anything.

    Raises:
        TraceError: with the first line of the error.
    """
    try:
        with capture_output():
            yield
    except NasError:
        raise
    except (Exception, SystemExit) as error:  # a script may call sys.exit
        raise TraceError(f"{name}: {explain_error(error, hint)}") from error
