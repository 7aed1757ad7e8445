"""A network as one Python file that needs only torch, with its weights beside it.

Tensors keep their names. Masks and indices, which follow from the sizes, would be long as text and
are stored with the weights.
"""

from __future__ import annotations

import inspect
import json
import re
from io import BytesIO
from pathlib import Path

import torch

from nas.deploy.export.base import Deployed
from nas.deploy.export.classes import ClassWriter
from nas.deploy.export.images import InputImages
from nas.graph.cost import macs, params
from nas.graph.graph import Graph
from nas.modules import layers as built
from nas.space.arch import Arch, show_shape

IMAGES = InputImages()
"""Images of a network about which nothing is known."""
WIDTH = 90
"""Width of the lines about images in the file's docstring."""
CHAIN = '''\
def chain(**layers: nn.Module) -> nn.Sequential:
    """Layers under their names, one after the other."""
    return nn.Sequential(OrderedDict(layers))
'''

STORED = {
    "Constant": '''\
class Constant(nn.Module):
    """A fixed tensor, stored with the weights."""

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        self.register_buffer("values", torch.zeros(shape))

    def forward(self, images: Tensor | None = None) -> Tensor:
        return _for_each(images, self.values)
''',
    "Gather": '''\
class Gather(nn.Module):
    """Rows of a table by a fixed index, stored with the weights."""

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        self.register_buffer("index", torch.zeros(shape, dtype=torch.int64))

    def forward(self, table: Tensor) -> Tensor:
        return table[:, self.index]
''',
}
"""Replacements for our own classes, which compute their content."""

LOAD = """\
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
"""
MAY_LOAD = f'''\
def build(weights: str | Path | None = None) -> Network:
    """Build the network for inference, with weights from a file (`WEIGHTS`) or random ones."""
    network = Network()
    if weights is not None:
    {LOAD}    return network.eval()
'''
MUST_LOAD = f'''\
def build(weights: str | Path | None = None) -> Network:
    """Build the network for inference, with weights from a file (`WEIGHTS` by default).

    The file also holds masks and indices that the network needs.
    """
    network = Network()
    weights = weights or WEIGHTS
{LOAD}    return network.eval()
'''

IMPORTS = (
    (r"\bOrderedDict\b", "from collections import OrderedDict"),
    (r"\bSequence\b", "from collections.abc import Sequence"),
    (r"\bPath\b", "from pathlib import Path"),
    ("", ""),
    ("", "import torch"),
    ("", "from torch import Tensor, nn"),
    (r"\bF\.", "from torch.nn import functional as F"),
)


def write(deployed: Deployed, path: Path) -> None:
    """Write the code to `path`, and the weights to a `.pt` file of the same name."""
    weights = path.with_suffix(".pt")
    text = source(deployed.arch, deployed.graph, weights.name, deployed.images)
    path.write_text(text, encoding="utf-8")
    state = deployed.module.state_dict()
    for name, layer in deployed.module.named_modules():
        if type(layer).__name__ in STORED:
            state |= {f"{name}.{buffer}": values for buffer, values in layer.named_buffers()}
    whole = BytesIO()  # torch would end the process on a full disk
    torch.save({name: tensor.contiguous() for name, tensor in state.items()}, whole)
    weights.write_bytes(whole.getbuffer())


def source(arch: Arch, graph: Graph, weights_file: str, images: InputImages = IMAGES) -> str:
    """The text of the file for a network's graph, usually fused."""
    code = ClassWriter(graph, _rows(arch)).write()
    own = _own("".join(code))
    blocks = [
        *own.values(),
        *code,
        f"WEIGHTS = Path(__file__).with_name({json.dumps(weights_file, ensure_ascii=False)})\n",
        MUST_LOAD if own.keys() & STORED else MAY_LOAD,
        _main(arch),
    ]
    body = "\n\n".join(blocks)
    imports = "".join(f"{line}\n" for pattern, line in IMPORTS if re.search(pattern, body))
    return f"{_header(arch, graph, weights_file, images)}\n{imports}\n\n{body}"


def _header(arch: Arch, graph: Graph, weights_file: str, images: InputImages) -> str:
    expected = "\n         ".join(map(_plain, images.lines(WIDTH)))
    return f'''\
"""{_plain(arch.name)}: {_plain(arch.source)}.

Input    (B, {_sizes(arch.input)})
         {expected}
Output   (B, {_sizes(graph.shape)})
Params   {params(graph):,}
MACs     {macs(graph):,} per image
Weights  {_plain(weights_file)}
arch_id  {arch.arch_id}

Needs only torch. Batch norms are folded into the layers before them, branches are merged.
"""

from __future__ import annotations
'''


def _main(arch: Arch) -> str:
    return f"""\
if __name__ == "__main__":
    with torch.no_grad():
        print(tuple(build(WEIGHTS)(torch.zeros(1, {_sizes(arch.input)})).shape))
"""


def _rows(arch: Arch) -> dict[str, str]:
    """Part of the network -> its table row, such as `56x24 bneck k 3 exp 72 out 40`."""
    rows = {}
    for index, (row, shape) in enumerate(zip(arch.rows, arch.shapes, strict=False), 1):
        cells = [f"{name} {value}" for name, value in row.canonical().items() if value is not None]
        words = " ".join(cells).removeprefix("op ")
        rows[f"row{index}_{row.op}"] = f"{show_shape(shape)} {words}"
    return rows


def _own(code: str) -> dict[str, str]:
    """Definitions that the code needs beyond torch, by name."""
    found = {"chain": CHAIN} if "chain(" in code else {}
    for name in ("SameConv2d", "StandardConv2d", "Scale", "Param", "Constant", "Gather"):
        if re.search(rf"\b(?<!\.){name}\(", code):
            found |= _with_needs(name)
    return found


def _with_needs(name: str) -> dict[str, str]:
    """A definition from `nas.modules.layers`, after those it needs."""
    value = getattr(built, name)
    if isinstance(value, float):
        return {name: f"{name} = {value!r}\n"}
    text = STORED.get(name) or inspect.getsource(value)
    needs = dict.fromkeys(re.findall(r"\b(_for_each|SameConv2d|STANDARD_EPS)\b", text))
    found: dict[str, str] = {}
    for other in needs:
        if other != name:
            found |= _with_needs(other)
    return found | {name: text}


def _plain(text: str) -> str:
    """Text made safe for one line of a docstring."""
    line = " ".join(text.replace("\\", "/").replace('"', "'").split())
    return "".join(character for character in line if character.isprintable())


def _sizes(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))
