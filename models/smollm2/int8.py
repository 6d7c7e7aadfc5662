"""Matrices of whole numbers: one byte a weight, one scale a row."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Int8Matrix:
    """weight = scale * number; numbers int8 [rows, columns] from -127 to 127, scale float32 [rows]."""

    numbers: np.ndarray
    scale: np.ndarray

    def dense(self) -> np.ndarray:
        """The weights as float32 [rows, columns]."""
        return self.numbers.astype(np.float32) * self.scale[:, None]


def round_to_int8(weights: np.ndarray) -> Int8Matrix:
    """Each row by its own largest weight; off by at most half a step of 1 / 127 of it."""
    scale = (np.abs(weights).max(axis=1) / np.float32(127)).astype(np.float32)
    numbers = np.rint(weights / np.where(scale == 0, 1, scale)[:, None]).astype(np.int8)
    return Int8Matrix(numbers, scale)
