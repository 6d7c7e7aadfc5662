"""Reads a GGUF file (version 3): its metadata, and its tensors as blocks of 32 numbers.

Source of the format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

BLOCK = 32
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9
F32, Q4_1, Q8_0 = 0, 3, 8


@dataclass(frozen=True)
class Blocks:
    """A matrix whose rows are cut into blocks of 32: weight = scale * number + least.

    numbers uint8 [rows, blocks, 32], scale and least float32 [rows, blocks].
    """

    numbers: np.ndarray
    scale: np.ndarray
    least: np.ndarray

    def dense(self) -> np.ndarray:
        """The weights as float32 [rows, columns]."""
        rows = self.numbers.astype(np.float32) * self.scale[..., None] + self.least[..., None]
        return rows.reshape(len(rows), -1)


class Cursor:
    def __init__(self, data: memoryview) -> None:
        self.data, self.at = data, 0

    def scalar(self, code: str) -> int | float | bool:
        [value] = struct.unpack_from(f"<{code}", self.data, self.at)
        self.at += struct.calcsize(code)
        return value

    def text(self) -> str:
        size = self.scalar("Q")
        self.at += size
        return str(self.data[self.at - size : self.at], "utf-8")

    def value(self, kind: int) -> object:
        if kind == STRING:
            return self.text()
        if kind == ARRAY:
            element, count = self.scalar("I"), self.scalar("Q")
            return [self.value(element) for _ in range(count)]
        return self.scalar(SCALARS[kind])


def read_gguf(file: Path) -> tuple[dict[str, object], dict[str, Blocks | np.ndarray]]:
    """Metadata by key, and tensors by name: Q4_1 and Q8_0 as `Blocks`, F32 as an array."""
    cursor = Cursor(memoryview(file.read_bytes()))
    assert cursor.scalar("I") == int.from_bytes(b"GGUF", "little") and cursor.scalar("I") == 3
    tensors, pairs = cursor.scalar("Q"), cursor.scalar("Q")
    metadata = {cursor.text(): cursor.value(cursor.scalar("I")) for _ in range(pairs)}
    heads = [
        (cursor.text(), [cursor.scalar("Q") for _ in range(cursor.scalar("I"))], cursor.scalar("I"), cursor.scalar("Q"))
        for _ in range(tensors)
    ]
    alignment = metadata.get("general.alignment", 32)
    start = -(-cursor.at // alignment) * alignment
    # The file names the innermost dimension first.
    return metadata, {
        name: read_tensor(cursor.data[start + offset :], shape[::-1], kind) for name, shape, kind, offset in heads
    }


def read_tensor(data: memoryview, shape: list[int], kind: int) -> Blocks | np.ndarray:
    count = int(np.prod(shape))
    if kind == F32:
        return np.frombuffer(data, "<f4", count).reshape(shape)
    head = [("scale", "<f2")] + ([("least", "<f2")] if kind == Q4_1 else [])
    body = ("numbers", "u1", 16) if kind == Q4_1 else ("numbers", "i1", 32)
    assert kind in (Q4_1, Q8_0), f"tensor type {kind}"
    blocks = np.frombuffer(data, np.dtype([*head, body]), count // BLOCK).reshape(shape[0], -1)
    scale = blocks["scale"].astype(np.float32)
    if kind == Q8_0:
        numbers = (blocks["numbers"].astype(np.int16) + 128).astype(np.uint8)
        return Blocks(numbers, scale, -128 * scale)
    # Low halves of the bytes are the numbers 0 to 15 of a block, high halves those from 16.
    numbers = np.concatenate([blocks["numbers"] & 15, blocks["numbers"] >> 4], axis=-1)
    return Blocks(numbers, scale, blocks["least"].astype(np.float32))
