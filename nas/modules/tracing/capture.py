"""Capture the calls and parameters of a torch module.

`torch.export` runs the module's Python on fake tensors of the module's device, so nothing is
computed, copied or moved. Regions such as `autocast` are replaced by their content.
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
    """A captured program: calls in order of execution."""

    graph: torch.fx.Graph
    images: tuple[str, ...]
    """Names of the input nodes."""
    trained: dict[str, nn.Parameter]
    """Node -> parameter; a parameter that two modules share may have two nodes."""


class _Flat(nn.Module):
    """Wraps a module to return all its output tensors as one tuple."""

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
    """Initialise lazy layers, convert TorchScript, and make zeros as inputs.

    For either, the module is really run once on one image.
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
    """The outermost TorchScript modules of a module."""
    if isinstance(module, torch.jit.ScriptModule):
        yield module
    else:
        for part in module.children():
            yield from _scripts(part)


def capture(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> Program:
    """Capture one forward pass in evaluation mode; the module is not changed."""
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
    """Evaluation mode without gradients and without fused kernels, which hide their parts."""
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
    """Replace every wrapped region (autocast, no_grad, ...) by its calls."""
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
    """Connect the readers of a region's results to the nodes that compute them."""
    for reader in list(node.users):
        part = result[reader.args[1]] if isinstance(result, list | tuple) else result
        reader.replace_all_uses_with(part)
        node.graph.erase_node(reader)
    node.graph.erase_node(node)


def _region(module: torch.fx.GraphModule, node: torch.fx.Node) -> torch.fx.GraphModule | None:
    """The region that a call wraps; None if there is none or more than one."""
    if not isinstance(node.target, torch._ops.HigherOrderOperator):
        return None
    regions = [found for a in node.args if (found := _attribute(module, a)) is not None]
    return regions[0] if len(regions) == 1 and not node.kwargs else None


def _attribute(module: torch.fx.GraphModule, argument: Any) -> torch.fx.GraphModule | None:
    if isinstance(argument, torch.fx.Node) and argument.op == "get_attr":
        found = getattr(module, str(argument.target), None)
        return found if isinstance(found, torch.fx.GraphModule) else None
    return None
