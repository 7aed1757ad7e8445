"""Train a supernet, as `nas supernet` does, and use one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nas import library
from nas.api.train import AnyArch, loaded_arch, loaded_task
from nas.errors import WeightsError
from nas.files.output import Output
from nas.files.resources import WEIGHTS
from nas.latency.device import Device
from nas.space.space import Space
from nas.system.extras import require
from nas.system.progress import OnMessage, OnProgress, ignore

if TYPE_CHECKING:
    from torch.fx import GraphModule

    from nas.supernet.judge import Judge
    from nas.supernet.run import SupernetFacts
    from nas.train.run import Task


class Supernet:
    """A trained supernet: evaluates every network of its space, and hands each over trained."""

    def __init__(self, path: Path, space: Space, facts: SupernetFacts, judge: Judge) -> None:
        self.path = path
        self.space = space
        self.facts = facts
        self._judge = judge

    @classmethod
    def load(
        cls,
        path: str | Path,
        task: str | Path | Task | None = None,
        *,
        space: Space | None = None,
        on_progress: OnProgress = ignore,
        on_message: OnMessage = ignore,
    ) -> Supernet:
        """Load the result folder of a supernet, or that of a name in `results/`.

        `task` is the images that it was trained on, by default by their name; `space` its space, if
        the folder has no table of it.

        Raises:
            DataError: the images are not there.
            DocumentError: the folder is no supernet's, or damaged.
            WeightsError: the weights are of another space, other classes or other images.
        """
        require("train")
        from nas.modules.checkpoints.weights import read_state
        from nas.supernet.judge import Judge
        from nas.supernet.run import SPACE_TABLE, read_facts
        from nas.supernet.store import WeightStore
        from nas.supernet.training import fitted_space

        folder = Path(path) if Path(path).exists() else Output().out / path
        facts, table = read_facts(folder), folder / SPACE_TABLE
        own = space or library.load_space(table if table.exists() else facts.space)
        if own.space_hash != facts.space_hash:
            raise WeightsError(f"{folder} is the supernet of another space than {own.name}")
        loaded = loaded_task(task or facts.data, on_progress, on_message)
        fitted = fitted_space(own, loaded)
        if fitted.space_hash != facts.trained_hash:
            raise WeightsError(
                f"{folder} was trained for other classes or image sides than {loaded.data.name} has"
            )
        if loaded.data.fingerprint != facts.fingerprint:
            raise WeightsError(f"{folder} was trained on other images than {loaded.data.name} is")
        store = WeightStore(fitted, device=loaded.setting.device)
        store.load_state_dict(read_state(folder / WEIGHTS))
        return cls(folder, own, facts, Judge(loaded, store))

    def __repr__(self) -> str:
        return f"<Supernet {self.path}: {self.facts.space} on {self.facts.data}>"

    def judge(self, arch: AnyArch) -> float:
        """Top-1 in percent on the validation split, without further training.

        Raises:
            ArchError, SpaceError: the network does not suit the images, or is not inside.
        """
        return self._judge.judge(loaded_arch(arch))

    def extract(self, arch: AnyArch) -> GraphModule:
        """The module of a network, with its weights and statistics of batch norms.

        Raises:
            ArchError, SpaceError: as `judge`.
        """
        return self._judge.extract(loaded_arch(arch))


def train_supernet(
    space: str | Path | Space,
    task: str | Path | Task = "digits",
    output: Output | None = None,
    *,
    device: str | Path | Device | None = None,
    budget_ms: float | None = None,
    epochs: int | None = None,
    divergence: str = "kl",
    seed: int = 0,
    on_progress: OnProgress = ignore,
    on_message: OnMessage = ignore,
) -> Supernet:
    """Train one network that contains all networks of a space, and write a result folder.

    `space` and `device` are names, paths or loaded objects; `task` is a data set or what
    `nas.load_task` loads. With a device, no network above `budget_ms` is trained. `divergence` is
    `kl` or `alpha`. With `Output(resume=True)`, an interrupted training continues.

        supernet = nas.train_supernet("mobile32", "fashion-mnist", nas.Output(name="all"))
        supernet.judge(supernet.space.sample(rng))

    Raises:
        ArchError, RecipeError, SpaceError: the space or recipe does not suit the images.
        BudgetError: a budget without a device, or no positive number.
        InfeasibleError: no network of the space meets the budget.
        ResultError: the result exists already, or was started with other settings.
        TrainingError: the training collapsed again and again.
    """
    own = space if isinstance(space, Space) else library.load_space(space)
    on = device if device is None or isinstance(device, Device) else library.load_device(device)
    loaded = loaded_task(task, on_progress, on_message)
    from nas.supernet.resumable import SupernetPlan, train_supernet

    plan = SupernetPlan(on, budget_ms, epochs, divergence, seed)

    path, _ = train_supernet(
        own, loaded, output or Output(), plan, on_progress=on_progress, on_message=on_message
    )
    return Supernet.load(path, loaded, space=own)
