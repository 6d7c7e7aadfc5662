"""The same Llama in plain numpy, float32, one token after the other: slow, short, and no ONNX in it."""

import numpy as np
from llama import Llama, rope_caches


def rms_norm(x: np.ndarray, scale: np.ndarray, epsilon: float) -> np.ndarray:
    return x / np.sqrt(np.mean(x * x) + np.float32(epsilon)) * scale


def turn(heads: np.ndarray, cosine: np.ndarray, sine: np.ndarray) -> np.ndarray:
    """RoPE of neighbouring pairs; heads [heads, head size]."""
    even, odd = heads[:, 0::2], heads[:, 1::2]
    return np.stack([even * cosine - odd * sine, even * sine + odd * cosine], axis=-1).reshape(heads.shape)


class Reference:
    """Reads one token a call, and answers the logits of the next."""

    def __init__(self, model: Llama) -> None:
        self.model, self.shape = model, model.shape
        self.cosine, self.sine = rope_caches(model.shape)
        self.embedding = model.embedding.dense()
        names = ("qkv", "output", "gate_up", "down")
        self.matrices = [{name: getattr(layer, name).dense() for name in names} for layer in model.layers]
        self.keys = [[] for _ in model.layers]
        self.values = [[] for _ in model.layers]

    def read(self, token: int) -> np.ndarray:
        shape, stream, at = self.shape, self.embedding[token], len(self.keys[0])
        for index, (layer, matrix) in enumerate(zip(self.model.layers, self.matrices)):
            normed = rms_norm(stream, layer.attention_norm, shape.epsilon)
            heads = (matrix["qkv"] @ normed).reshape(-1, shape.head_size)
            query, key, value = np.split(heads, [shape.heads, shape.heads + shape.kv_heads])
            query = turn(query, self.cosine[at], self.sine[at])
            self.keys[index].append(turn(key, self.cosine[at], self.sine[at]))
            self.values[index].append(value)
            stream = stream + matrix["output"] @ self.attend(query, index).ravel()
            normed = rms_norm(stream, layer.inner_norm, shape.epsilon)
            gate, up = np.split(matrix["gate_up"] @ normed, 2)
            stream = stream + matrix["down"] @ (gate / (1 + np.exp(-gate)) * up)
        return self.embedding @ rms_norm(stream, self.model.norm, shape.epsilon)

    def attend(self, query: np.ndarray, layer: int) -> np.ndarray:
        """Each group of query heads shares a head of keys and values; [heads, head size]."""
        group = self.shape.heads // self.shape.kv_heads
        keys = np.repeat(np.stack(self.keys[layer]), group, axis=1)
        values = np.repeat(np.stack(self.values[layer]), group, axis=1)
        scores = np.einsum("hd,thd->ht", query, keys) / np.float32(np.sqrt(self.shape.head_size))
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.einsum("ht,thd->hd", weights / weights.sum(axis=1, keepdims=True), values)


def greedy(model: Llama, prompt: list[int], count: int) -> tuple[list[int], list[float], float]:
    """The likeliest tokens, their log probabilities, and the narrowest lead of a likeliest logit."""
    reference, lead = Reference(model), np.inf
    tokens, logs = [], []
    for token in prompt:
        logits = reference.read(token)
    while len(tokens) < count:
        second, first = np.sort(logits)[-2:]
        lead = min(lead, float(first - second))
        tokens.append(int(logits.argmax()))
        logs.append(float(first - (first + np.log(np.exp(logits - first).sum()))))
        logits = reference.read(tokens[-1])
    return tokens, logs, lead
