"""Conventions of trained weights that no tensor stores: epsilon of batch norms, and padding.

Libraries differ in them, so a checkpoint of the right shapes may still compute something else. Both
are attributes of the graph's ops, which the module and every export read; params, MACs, shapes and
`arch_id` do not depend on them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from nas.errors import UnknownNameError
from nas.files.records import between, required_one_of
from nas.graph.graph import Graph
from nas.graph.ops import Op

ORIGINS = ("nas", "timm", "torchvision", "tensorflow")
"""Libraries that weights were trained by or are made for."""
PADDINGS = ("symmetric", "same")
"""Padding of convolutions with a stride; TensorFlow's "same" pads one side more."""
EPS, TENSORFLOW_EPS = 1e-5, 1e-3
"""Epsilon of batch norms in PyTorch, and in TensorFlow's MobileNet and EfficientNet."""
WIDE_HEAD = 2048
"""Channels of the last convolution of EfficientNet-B5, torchvision's smallest with 1e-3."""


@dataclass(frozen=True, slots=True)
class Conventions:
    """Conventions of one set of weights."""

    weights_of: str = required_one_of(ORIGINS)
    batch_norm_eps: float = between(above=0, below=1)
    padding: str = required_one_of(PADDINGS)

    def applied(self, graph: Graph) -> Graph:
        """The graph with these conventions in its ops."""
        return replace(graph, ops=tuple(self._applied(op) for op in graph.ops))

    def _applied(self, op: Op) -> Op:
        if op.kind == "conv" and op.attrs["s"] > 1 and self.padding == "same":
            return op._replace(attrs={**op.attrs, "pad": "same"})
        if op.kind == "batch_norm" and self.batch_norm_eps != op.attrs.get("eps", EPS):
            return op._replace(attrs={**op.attrs, "eps": self.batch_norm_eps})
        return op

    def describe(self) -> str:
        """One phrase for people."""
        return f"{self.weights_of}'s: epsilon {self.batch_norm_eps:g}, {self.padding} padding"


OURS = Conventions("nas", EPS, "symmetric")


def conventions_of(origin: str, graph: Graph) -> Conventions:
    """Conventions of weights of this origin in a network.

    Raises:
        UnknownNameError: the origin does not exist.
    """
    if origin not in ORIGINS:
        raise UnknownNameError("origin of weights", origin, ORIGINS, "--weights-of")
    if origin == "tensorflow":
        return Conventions(origin, TENSORFLOW_EPS, "same")
    if origin == "torchvision" and _as_tensorflow_trained(graph):
        return Conventions(origin, TENSORFLOW_EPS, "symmetric")
    return replace(OURS, weights_of=origin)


def _as_tensorflow_trained(graph: Graph) -> bool:
    """Whether torchvision gives the network's batch norms TensorFlow's epsilon.

    It does for MobileNetV3, EfficientNetV2 and EfficientNet from B5 on
    (torchvision.models.mobilenetv3 and efficientnet); all others have PyTorch's.
    """
    acts = {op.attrs["fn"] for op in graph.ops if op.kind == "act"}
    convs = [op for op in graph.ops if op.kind == "conv"]
    if "hswish" in acts:
        return True
    if "silu" not in acts or not any(op.attrs["groups"] > 1 for op in convs):
        return False
    fused = convs[1].attrs["k"] > 1 and convs[1].attrs["groups"] == 1
    return bool(fused or convs[-1].attrs["out"] >= WIDE_HEAD)
