"""Check a trace against two independent counts: the module's parameters and PyTorch's MACs.

`torch.utils.flop_counter.FlopCounterMode` counts a forward pass of its own on tensors without
values. It differs from ours by rule in three ways: it counts products of weights alone, which we
compute once; it has no formula for some calls, such as LSTM; and it sees inside calls that a trace
leaves unknown. Any other difference is listed, since the trace may be wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

from nas.errors import brief, first_line
from nas.graph.ops import Op, op_macs
from nas.modules.tracing.aten import CREATED, OPAQUE
from nas.modules.tracing.capture import Program, evaluating
from nas.modules.tracing.multiply import COUNTS, MULTIPLY, torch_counter, torch_macs
from nas.modules.tracing.nodes import call_name, rule_of, value, written
from nas.modules.tracing.trace import CountCheck

MOST_CALLS = 3
"""Maximum number of calls named as different."""


def check_macs(
    module: nn.Module, inputs: tuple[torch.Tensor, ...], program: Program, ops: Sequence[Op]
) -> CountCheck:
    """Compare the MACs of a trace with those of PyTorch's counter.

    `ops` were traced from the calls of `program` and have their names.
    """
    try:
        theirs = _eager_macs(module, inputs)
    except Exception as error:  # the user's code may fail on tensors without values
        return CountCheck(
            differences=(f"PyTorch's counter cannot run it: {brief(first_line(error))}",)
        )
    rest = sum(op_macs(op) for op in ops) - theirs
    if rest == 0:
        return CountCheck(torch_macs=theirs)
    rules: Counter[str] = Counter()
    calls = []
    for name, rule, mine, counted in _calls(program, {op.name: op for op in ops}):
        rest -= mine - counted
        if rule:
            rules[rule] += mine - counted
        elif mine != counted:
            calls.append(f"{name}: {mine:,} MACs, PyTorch counts {counted:,}")
    if rest != 0:
        calls.append(f"{-rest:,} MACs that PyTorch counts and the trace does not hold")
    more = [f"and {n} more calls"] if (n := len(calls) - MOST_CALLS) > 0 else []
    by_rule = tuple(f"{rule}: {macs:+,} MACs" for rule, macs in rules.items() if macs)
    return CountCheck((), theirs, by_rule, (*calls[:MOST_CALLS], *more))


def _eager_macs(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> int:
    """MACs of one forward pass on tensors without values."""
    tensors = [*module.parameters(), *module.buffers(), *inputs]
    fake = next((tensor for tensor in tensors if isinstance(tensor, FakeTensor)), None)
    mode = FakeTensorMode(allow_non_fake_inputs=True) if fake is None else fake.fake_mode
    with mode, evaluating(module), _frozen(module), torch_counter() as counter:
        module(*(torch.empty_like(tensor) for tensor in inputs))
    return int(counter.get_total_flops()) // 2


@contextmanager
def _frozen(module: nn.Module) -> Iterator[None]:
    """Turn off gradients, since the counter hooks into parameters that require them."""
    wanted = [parameter for parameter in module.parameters() if parameter.requires_grad]
    for parameter in wanted:
        parameter.requires_grad = False
    try:
        yield
    finally:
        for parameter in wanted:
            parameter.requires_grad = True


def _calls(program: Program, ops: dict[str, Op]) -> Iterator[tuple[str, str, int, int]]:
    """Calls that may multiply: name, rule of a difference, our MACs, PyTorch's MACs."""
    moving = _moving(program)
    for node in program.graph.nodes:
        kind, op = rule_of(node).kind, ops.get(node.name)
        if node.op != "call_function" or kind not in (*MULTIPLY, "attention", OPAQUE):
            continue
        rule = "" if op or node in moving else "products of weights alone are computed once"
        # written: the counter knows addmm, but not addmm_
        if kind == OPAQUE or call_name(node) in COUNTS or written(node):
            rule = f"{call_name(node)} has a formula in one of the counters only"
        counted = 0
        with suppress(*([Exception] if kind == OPAQUE else [])):  # a custom op may fail
            counted = torch_macs(node)
        yield node.name, rule, op_macs(op) if op else 0, counted


def _moving(program: Program) -> set[Any]:
    """Nodes that depend on the input, found by shared memory and not by a trace's rules."""
    found: set[Any] = set()
    memory: set[int] = set()
    for node in program.graph.nodes:
        shared = _storage(node)
        reads = any(n in found or _storage(n) in memory for n in node.all_input_nodes)
        if node.name in program.images or (reads and rule_of(node).kind != CREATED):
            found.add(node)
            memory |= {shared, *map(_storage, written(node))} - {0}
    return found


def _storage(node: Any) -> int:
    """Identity of the memory of a node's value; 0 if it is no tensor."""
    tensor = value(node)
    return 0 if tensor is None else tensor.untyped_storage()._cdata
