"""A torch module run once on tensors without values: its calls, and its parameters.

`torch.export` runs the module's own Python on fake tensors of the device that the module is on, so
nothing is copied, computed or moved. What a region like `autocast` wraps is put in its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.export import export

from nas.modules.tracing.inputs import Input, tensors_of
from nas.modules.tracing.nodes import PREFIX
from nas.system.capture import capture_output


class Program(NamedTuple):
    """Calls in order of execution."""

    graph: torch.fx.Graph
    images: tuple[str, ...]
    """Names of the nodes that the inputs are."""
    trained: dict[str, nn.Parameter]
    """Of each node that is a parameter; one that two modules share may have two nodes."""


class _Flat(nn.Module):
    """The module, with all tensors that it returns as one tuple, whatever holds them."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, *inputs: Any) -> tuple[torch.Tensor, ...]:
        return tuple(_tensors(self.module(*inputs)))


def _tensors(found: Any) -> Iterator[torch.Tensor]:
    if isinstance(found, torch.Tensor):
        yield found
    elif isinstance(found, list | tuple | set):
        for part in found:
            yield from _tensors(part)
    elif isinstance(found, dict) or hasattr(found, "__dict__"):
        yield from _tensors([*(found if isinstance(found, dict) else vars(found)).values()])


def ready(module: nn.Module, inputs: Sequence[Input]) -> tuple[nn.Module, tuple[torch.Tensor, ...]]:
    """The module with its lazy layers made and its scripts opened, and zeros to call it with.

    Either takes one image that is really computed, which makes lazy layers as any first call does.
    """
    images = tensors_of(module, inputs)
    if any(nn.parameter.is_lazy(p) for p in [*module.parameters(), *module.buffers()]):
        with evaluating(module):
            module(*images)
        images = tensors_of(module, inputs)
    jit: Any = torch.jit
    if not all(isinstance(script, jit.TopLevelTracedModule) for script in _scripts(module)):
        with evaluating(module):
            module = jit.trace(module, images, check_trace=False, strict=False)
    return module, images


def _scripts(module: nn.Module) -> Iterator[nn.Module]:
    """The outermost TorchScript modules in a module."""
    if isinstance(module, torch.jit.ScriptModule):
        yield module
    else:
        for part in module.children():
            yield from _scripts(part)


def capture(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> Program:
    """The calls of one forward pass in evaluation mode; the module is left as it was."""
    with evaluating(module):
        program = export(_Flat(module), inputs, strict=False)
    _inline(program.graph_module)
    signature = program.graph_signature
    own = dict(module.named_parameters(remove_duplicate=False))
    trained = {
        node: own[path.removeprefix(PREFIX)]
        for node, path in signature.inputs_to_parameters.items()
    }
    return Program(program.graph_module.graph, tuple(map(str, signature.user_inputs)), trained)


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients, as plain layers: no fused kernel hides its parts."""
    training = [part for part in module.modules() if part.training]
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad(), capture_output():
            module.eval()
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for part in training:
            part.training = True


def _inline(module: torch.fx.GraphModule) -> None:
    """Put the calls of every wrapped region (autocast, no_grad, ...) where the region stands."""
    graph = module.graph
    for node in list(graph.nodes):
        region = _region(module, node)
        if region is None:
            continue
        _inline(region)
        at = next(i for i, a in enumerate(node.args) if _attribute(module, a) is region)
        places = [n for n in region.graph.nodes if n.op == "placeholder"]
        values = dict(zip(places, node.args[at + 1 :], strict=True))
        with graph.inserting_before(node):
            result = graph.graph_copy(region.graph, values)
        _replace(node, result)


def _replace(node: Any, result: Any) -> None:
    """Give the readers of a region's results the nodes that made them."""
    for reader in list(node.users):
        part = result[reader.args[1]] if isinstance(result, list | tuple) else result
        reader.replace_all_uses_with(part)
        node.graph.erase_node(reader)
    node.graph.erase_node(node)


def _region(module: torch.fx.GraphModule, node: torch.fx.Node) -> torch.fx.GraphModule | None:
    """The one region that a call wraps; None where it wraps none, or chooses between two."""
    if not isinstance(node.target, torch._ops.HigherOrderOperator):
        return None
    regions = [found for a in node.args if (found := _attribute(module, a)) is not None]
    return regions[0] if len(regions) == 1 and not node.kwargs else None


def _attribute(module: torch.fx.GraphModule, argument: Any) -> torch.fx.GraphModule | None:
    if isinstance(argument, torch.fx.Node) and argument.op == "get_attr":
        found = getattr(module, str(argument.target), None)
        return found if isinstance(found, torch.fx.GraphModule) else None
    return None
