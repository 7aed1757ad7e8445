"""One network at several image sizes: one module per size, all sharing the same tensors.

A generated module contains its feature map sizes (patches, TensorFlow's padding). Its weights do
not depend on them, except for position embeddings.
"""

from __future__ import annotations

from torch import fx

from nas.errors import RecipeError
from nas.modules.layers import assemble
from nas.space.arch import Arch
from nas.space.retarget import for_task
from nas.train.recipe import Regularise
from nas.train.regularise import regularise


def at_side(arch: Arch, module: fx.GraphModule, side: int, recipe: Regularise) -> fx.GraphModule:
    """The network on side x side images, sharing the tensors of `module`.

    Raises:
        RecipeError: a tensor's shape depends on the size (position embeddings).
        ArchError: a row does not accept that size.
    """
    resized = for_task(arch, classes=arch.graph.shape[0], side=side)
    other = assemble(resized.graph)
    regularise(other, resized.graph, recipe)
    own, shared = other.state_dict(), module.state_dict(keep_vars=True)
    for name, tensor in shared.items():
        if own[name].shape != tensor.shape:
            raise RecipeError(
                f"{arch.name} cannot be trained at several sizes: {name} is"
                f" {tuple(tensor.shape)} at {arch.input[1]} and {tuple(own[name].shape)} at {side}"
            )
    other.load_state_dict(shared, assign=True)  # the tensors themselves, not their values
    return other.to(next(module.parameters()).device)
