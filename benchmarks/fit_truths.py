"""Fit the benchmarks that are shipped as trees, and test them on networks left out.

    python benchmarks/fit_truths.py --data DIR

DIR holds accel_nasbench.csv, ofa_mobilenetv3_evals.csv and nas_bench_macro_cifar10.csv. The model
is gradient boosting of small trees (scikit-learn) over the choices of each space. The script checks
that our spaces contain the networks of the data, prints and records figures on five folds left out,
and writes predictors/benchmarks/NAME/. The same files and scikit-learn give the same folders.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import sklearn
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.model_selection import KFold
from truth_data import SOURCES, Networks, Source, check_macro, read_networks

from nas.evaluate.bench.artefact import COLUMNS, CSV, YAML
from nas.evaluate.bench.benchmark import load_benchmark
from nas.evaluate.bench.trees import LEAVES, Node, Tree, Trees
from nas.evaluate.fidelity.ranking import kendall
from nas.files.csv import write_csv
from nas.files.resources import content_hash
from nas.space.choices import Choices
from nas.space.columns import Floats, Ints

OUT = Path(__file__).parents[1] / "predictors" / "benchmarks"
DATE = "2026-11-25"
FOLDS = 5
SETTINGS = {
    "n_estimators": 2000,
    "learning_rate": 0.07,
    "max_depth": None,
    "max_leaf_nodes": 5,
    "min_samples_leaf": 20,
    "subsample": 0.6,
    "max_features": 0.8,
    "init": "zero",
    "random_state": 0,
}
"""Chosen on a coarse grid by Kendall's tau on the folds."""
DIGITS = 5
"""Decimal places of a leaf's value."""


def main() -> None:
    """Check, fit, test, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    print(f"nas-bench-macro: {check_macro(data)} networks, parameters as in the table")
    for source in SOURCES:
        networks = read_networks(source, data)
        print(f"{source.name}: {len(networks.codes)} networks, parameters as in the data")
        fit(source, networks)


def fit(source: Source, networks: Networks) -> None:
    """Fit and write one benchmark."""
    choices = Choices.of(networks.space.table)
    values = choices.values(networks.codes)
    held_out = held_out_figures(values, networks)
    print(held_out)
    constant, model = fitted(values, networks.top1)
    expected = constant + model.predict(values)
    trees = [tree_of(estimator[0].tree_) for estimator in model.estimators_]
    found = Trees(choices, trees, constant)(networks.codes)
    assert np.abs(found - expected).max() < 1e-9, "the trees are not scikit-learn's"
    write(source, networks, choices, trees, constant, held_out)
    written = load_benchmark(source.name).evaluate(networks.codes)
    assert np.abs(written - expected).max() < 1e-3, "rounding moves the accuracies"


def fitted(values: Ints, top1: Floats) -> tuple[float, GradientBoostingRegressor]:
    """Fit the mean, and a model of the difference from it."""
    constant = round(float(top1.mean()), 3)
    return constant, GradientBoostingRegressor(**SETTINGS).fit(values, top1 - constant)


def held_out_figures(values: Ints, networks: Networks) -> dict[str, float]:
    """Return figures on the folds left out, beside the ranking of size alone."""
    top1, predicted = networks.top1, np.empty(len(values))
    estimators = {"tau": predicted} | dict(
        zip(("tau_params", "tau_macs"), networks.sizes.T, strict=True)
    )
    taus: dict[str, list[float]] = {name: [] for name in estimators}
    for learnt, held in KFold(FOLDS, shuffle=True, random_state=0).split(values):
        constant, model = fitted(values[learnt], top1[learnt])
        predicted[held] = constant + model.predict(values[held])
        for name, scores in estimators.items():
            taus[name].append(kendall(np.column_stack([scores[held], top1[held]])))
    errors = predicted - top1
    return {
        "folds": FOLDS,
        "tau": float(np.mean(taus["tau"])),
        "tau_sd": float(np.std(taus["tau"])),
        "r2": float(1 - (errors**2).mean() / top1.var()),
        "rmse": float(np.sqrt((errors**2).mean())),
        "tau_params": float(np.mean(taus["tau_params"])),
        "tau_macs": float(np.mean(taus["tau_macs"])),
    }


def tree_of(tree: sklearn.tree._tree.Tree) -> Tree:
    """Convert a tree of scikit-learn; indices are whole, so a threshold is the index below it."""
    assert tree.n_leaves <= LEAVES
    rate = SETTINGS["learning_rate"]
    columns = (tree.children_left, tree.children_right, tree.feature, tree.threshold, tree.value)
    return [
        Node(value=rate * float(value[0, 0]))
        if left < 0
        else Node(int(feature), int(np.floor(threshold)), int(left), int(right))
        for left, right, feature, threshold, value in zip(*columns, strict=True)
    ]


def write(
    source: Source,
    networks: Networks,
    choices: Choices,
    trees: list[Tree],
    constant: float,
    held_out: dict[str, float],
) -> None:
    """Write the folder that `nas.evaluate.bench.artefact` reads."""
    folder = OUT / source.name
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[list[object]] = []
    for number, tree in enumerate(trees):
        for index, node in enumerate(tree):
            cells: list[object] = ["", "", "", "", f"{node.value:.{DIGITS}f}"]
            if node.parameter is not None:
                name = choices.parameters[node.parameter].name
                cells = [name, node.at_most, node.left, node.right, ""]
            rows.append([number, index, *cells])
    write_csv(folder / CSV, COLUMNS, rows)
    figures = ", ".join(f"{name}: {value:.4g}" for name, value in held_out.items())
    content = {
        "schema": "1",
        "name": source.name,
        "made": f'"{DATE}, benchmarks/fit_truths.py, scikit-learn {sklearn.__version__}"',
        "source": f'"{source.cites}"',
        "accuracy": f'"{source.accuracy}"',
        "networks": str(len(networks.codes)),
        "held_out": f"{{{figures}}}",
        "constant": str(constant),
        "space_hash": f'"{networks.space.space_hash}"',
        "hash": f'"{content_hash(folder / CSV)}"',
    }
    text = "".join(f"{key}: {value}\n" for key, value in content.items())
    (folder / YAML).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
