"""The weights of a trained supernet, read for its own space and images."""

from __future__ import annotations

from pathlib import Path

from nas.errors import WeightsError
from nas.files.resources import WEIGHTS
from nas.modules.checkpoints.weights import read_state
from nas.space.space import Space
from nas.supernet.facts import check_space, read_facts
from nas.supernet.judge import Judge
from nas.supernet.store import WeightStore
from nas.supernet.training import fitted_space
from nas.train.run import Task


def load_judge(folder: Path, space: Space, task: Task) -> Judge:
    """What evaluates the networks of a space with the weights of a folder.

    Raises:
        DocumentError: the folder is no supernet's, or damaged.
        WeightsError: the weights are damaged, or of another space, other classes or other images.
    """
    facts = read_facts(folder)
    check_space(folder, facts, space)
    fitted = fitted_space(space, task)
    if fitted.space_hash != facts.trained_hash:
        raise WeightsError(
            f"{folder} was trained for other classes or image sides than {task.data.name} has"
        )
    if task.data.fingerprint != facts.fingerprint:
        raise WeightsError(f"{folder} was trained on other images than {task.data.name} is")
    store = WeightStore(fitted, device=task.setting.device)
    store.load_state_dict(read_state(folder / WEIGHTS))
    return Judge(task, store)
