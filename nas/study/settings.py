"""What identifies a search with training, and which numbers of it may grow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from nas.errors import check_names
from nas.evaluate.proxy_names import check_proxies
from nas.files.output import name_parts
from nas.files.settings import RunInputs
from nas.optimize.strategies import DEFAULT, STRATEGIES
from nas.study.plan import Plan

if TYPE_CHECKING:
    from nas.train.run import Task

SIZES = ("trials", "epochs", "finalists", "seeds")


@dataclass(frozen=True, slots=True)
class StudySettings:
    """How candidates are chosen and trained."""

    trials: int = 16
    """Candidates that are trained."""
    epochs: int | None = None
    """Epochs of a candidate that is never cut; None takes the recipe's.

    With a supernet, those that a finalist is trained on for; None leaves its inherited weights.
    """
    finalists: int = 2
    """Best candidates, which are trained anew for twice as long."""
    seeds: int = 2
    """Trainings of each finalist."""
    inherit: bool = False
    """Candidates start from the weights of the nearest trained one."""
    zero_cost: Sequence[str] = ()
    """Proxies that choose the first candidates; without any, the surrogate does."""
    strategy: str = DEFAULT
    """A name of `nas.optimize.strategies`."""
    objectives: Sequence[str] = ()
    """Names of `OBJECTIVES`, which are minimised too."""

    def check(self) -> None:
        """Check all names.

        Raises:
            UnknownNameError: a name is unknown; the message has the nearest ones.
        """
        from nas.optimize.strategies.problem import OBJECTIVES

        check_proxies(self.zero_cost)
        check_names("strategy", [self.strategy], STRATEGIES)
        check_names("objective", self.objectives, OBJECTIVES)

    def plan(self, task: Task, *, inherited: bool = False) -> Plan:
        """Epochs, finalists and seeds of the trainings; `inherited`: with a supernet's weights."""
        if inherited:
            return Plan.inherited(self.epochs or 0, self.finalists, self.seeds)
        epochs = self.epochs or task.recipe.epochs
        return Plan(epochs, self.finalists, seeds=self.seeds, inherit=self.inherit)

    def sizes(self, task: Task, *, inherited: bool = False) -> dict[str, int]:
        """Numbers that may be larger when the run is resumed."""
        epochs = (self.epochs or 0) if inherited else self.plan(task).epochs
        return {key: getattr(self, key) for key in SIZES} | {"epochs": epochs}

    def name_parts(self) -> list[str]:
        """Parts of a result's name: what is not the default, apart from sizes."""
        usual = asdict(StudySettings())
        defaults = {key: own for key, own in usual.items() if key not in SIZES}
        return list(name_parts(asdict(self), defaults))

    def inputs(self, task: Task, search: Mapping[str, Any]) -> RunInputs:
        """Everything else that identifies the run; `search`: arguments of `nas.optimize`."""
        from nas.optimize.settings import inputs as search_inputs
        from nas.train.settings import inputs as train_inputs

        values = {key: own for key, own in asdict(self).items() if key not in SIZES}
        return search_inputs(search) | RunInputs(values=values) | train_inputs(task)
