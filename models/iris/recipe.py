"""iris: a random forest, from scikit-learn to ai.onnx.ml, its numbers reduced to 8-bit steps.

    python models/iris/recipe.py [--work DIR]

The data come with scikit-learn, nothing is downloaded. A tree has no matrix to quantize; what can
be reduced is reduced: thresholds to the middle between two neighbouring tenths of a centimetre (the
resolution of the measurements), leaf shares to 1/128. Leaves that became equal are merged, and
attributes that say nothing are dropped.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

sys.path.insert(0, str(Path(__file__).parents[1]))
import recipe_kit as kit

FOLDER = Path(__file__).parent
SEED = 20261123
TREES = 16  # a power of two: sums of leaf weights are exact in float32, in any order
STEPS = 128  # a leaf's shares are whole numbers of 1/128
TENTHS = np.arange(0, 128, dtype=np.float32) / np.float32(10)  # what is measured, in centimetres

# A tree is ("leaf", shares) or ("split", feature, threshold, where_at_most, where_above).


def clean_data() -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The 150 flowers less exact duplicates, so that no row is in both training and test."""
    data = load_iris()
    _, first = np.unique(np.column_stack([data.data, data.target]), axis=0, return_index=True)
    keep = np.sort(first)
    rows, classes = data.data[keep].astype(np.float32), data.target[keep]
    assert np.isfinite(rows).all() and rows.min() > 0 and rows.max() < 10
    return rows, classes, [str(name) for name in data.target_names]


def read_trees(model: onnx.ModelProto) -> list[tuple]:
    """The forest out of the parallel arrays of TreeEnsembleClassifier."""
    [node] = [node for node in model.graph.node if node.op_type == "TreeEnsembleClassifier"]
    values = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    classes = len(values["classlabels_int64s"])
    keys = list(zip(values["nodes_treeids"], values["nodes_nodeids"]))
    position = {key: at for at, key in enumerate(keys)}
    leaves = {key: np.zeros(classes) for key in keys}
    for tree, leaf, label, weight in zip(
        values["class_treeids"], values["class_nodeids"], values["class_ids"], values["class_weights"]
    ):
        leaves[tree, leaf][label] += weight

    def build(tree: int, number: int) -> tuple:
        at = position[tree, number]
        if values["nodes_modes"][at] == b"LEAF":
            return ("leaf", leaves[tree, number] / leaves[tree, number].sum())
        assert values["nodes_modes"][at] == b"BRANCH_LEQ"
        at_most = build(tree, values["nodes_truenodeids"][at])
        above = build(tree, values["nodes_falsenodeids"][at])
        return ("split", values["nodes_featureids"][at], values["nodes_values"][at], at_most, above)

    return [build(tree, 0) for tree in sorted(set(values["nodes_treeids"]))]


def whole_steps(shares: np.ndarray) -> np.ndarray:
    """Shares as whole numbers that still add up to STEPS (largest remainders)."""
    exact = shares * STEPS
    steps = np.floor(exact)
    missing = int(STEPS - steps.sum())
    steps[np.argsort(steps - exact, kind="stable")[:missing]] += 1
    return steps


def between_tenths(threshold: float) -> float:
    """The middle of the two tenths that the threshold separates: no measured flower changes sides."""
    below = np.searchsorted(TENTHS, np.float32(threshold), side="right") - 1
    return float(below / 10 + 0.05)


def reduce(tree: tuple) -> tuple:
    """The tree on coarse numbers, without splits whose two sides have become equal leaves."""
    if tree[0] == "leaf":
        return ("leaf", whole_steps(tree[1]))
    _, feature, threshold, at_most, above = tree
    at_most, above = reduce(at_most), reduce(above)
    if at_most[0] == above[0] == "leaf" and np.array_equal(at_most[1], above[1]):
        return at_most
    return ("split", feature, between_tenths(threshold), at_most, above)


def write_trees(trees: list[tuple], classes: int) -> onnx.ModelProto:
    """A model of one TreeEnsembleClassifier with no attribute more than it needs."""
    nodes = {key: [] for key in ("treeids", "nodeids", "featureids", "modes", "values")}
    nodes |= {"truenodeids": [], "falsenodeids": []}
    leaves = {key: [] for key in ("treeids", "nodeids", "ids", "weights")}

    def put(tree: int, item: tuple, number: int) -> int:
        """Writes `item` as node `number`, its children behind it; answers the next free number."""
        split = item[0] == "split"
        row = {"treeids": tree, "nodeids": number, "modes": "BRANCH_LEQ" if split else "LEAF"}
        row |= {"featureids": item[1] if split else 0, "values": item[2] if split else 0.0}
        row |= {"truenodeids": number + 1 if split else 0, "falsenodeids": 0}
        at = len(nodes["treeids"])
        for key, value in row.items():
            nodes[key].append(value)
        if split:
            middle = put(tree, item[3], number + 1)
            nodes["falsenodeids"][at] = middle
            return put(tree, item[4], middle)
        for label in np.flatnonzero(item[1]):
            weight = float(item[1][label]) / (STEPS * len(trees))
            leaf = {"treeids": tree, "nodeids": number, "ids": int(label), "weights": weight}
            for key, value in leaf.items():
                leaves[key].append(value)
        return number + 1

    for tree, item in enumerate(trees):
        put(tree, item, 0)
    node = helper.make_node(
        "TreeEnsembleClassifier",
        ["features"],
        ["label", "probabilities"],
        domain="ai.onnx.ml",
        classlabels_int64s=list(range(classes)),
        post_transform="NONE",
        **{f"nodes_{key}": value for key, value in nodes.items()},
        **{f"class_{key}": value for key, value in leaves.items()},
    )
    graph = helper.make_graph(
        [node],
        "iris",
        [helper.make_tensor_value_info("features", onnx.TensorProto.FLOAT, ["N", 4])],
        [
            helper.make_tensor_value_info("label", onnx.TensorProto.INT64, ["N"]),
            helper.make_tensor_value_info("probabilities", onnx.TensorProto.FLOAT, ["N", classes]),
        ],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="recipe.py")


def main() -> None:
    work = kit.scratch_folder(__doc__.splitlines()[0])
    rows, classes, labels = clean_data()
    train_rows, test_rows, train_classes, test_classes = train_test_split(
        rows, classes, test_size=50, stratify=classes, random_state=SEED
    )
    forest = RandomForestClassifier(n_estimators=TREES, max_depth=4, random_state=SEED)
    forest.fit(train_rows, train_classes)

    exported = to_onnx(
        forest,
        initial_types=[("features", FloatTensorType([None, 4]))],
        options={"zipmap": False},
        target_opset={"": 17, "ai.onnx.ml": 3},
    )
    before = work / "iris.fp32.onnx"
    onnx.save(exported, before)
    artifact = FOLDER / "model.int8.onnx"
    reduced = write_trees([reduce(tree) for tree in read_trees(exported)], len(labels))
    onnx.checker.check_model(reduced)
    onnx.save(reduced, artifact)

    feeds = {"features": test_rows}
    exact = kit.run(before, feeds, "probabilities")
    coarse = kit.run(artifact, feeds, "probabilities")
    proven = kit.proven_batch(
        artifact, "features", np.resize(rows, (256, 4)), "probabilities", [2, 8, 32, 64, 128, 256]
    )
    kit.write_json(FOLDER / "labels.json", labels)
    sample = [[5.1, 3.5, 1.4, 0.2]]
    scores = kit.run(artifact, {"features": np.array(sample, np.float32)}, "probabilities")
    kit.write_golden(FOLDER, sample, [kit.best_first(row, labels) for row in scores], 1e-6)
    kit.write_manifest(FOLDER, artifact)
    kit.write_metrics(
        FOLDER,
        kit.measure(test_classes, exact.argmax(axis=1)),
        kit.measure(test_classes, coarse.argmax(axis=1)),
        (before.stat().st_size, artifact.stat().st_size),
        [
            f"Same class on {(exact.argmax(1) == coarse.argmax(1)).sum()} of {len(test_rows)} rows;"
            f" largest difference of a probability {np.abs(exact - coarse).max():.4f}.",
            f"Rows of one run equal single runs bit for bit up to {proven} rows.",
        ],
    )


if __name__ == "__main__":
    main()
