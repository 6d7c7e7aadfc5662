"""A Llama (RMSNorm, RoPE, grouped-query attention, SwiGLU, tied embeddings) as an ONNX graph.

Tensors of the graph, all names as the field has them:

    input_ids             int64 [batch, sequence]   the tokens to read; one of batch and sequence is 1
    seqlens_k             int32 [batch]             tokens of each row after this run, minus one
    total_sequence_length int32 []                  tokens of the longest row after this run
    past_key_values.N.*   float32 [batch, kv heads, capacity, head size]
    present.N.*           the same; the same memory, where the caller says so: rows are added in place
    logits                float32 [batch, vocabulary], of the last position only

The operators of the domain com.microsoft are those that ONNX Runtime has for the CPU:
https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
"""

from dataclasses import dataclass

import numpy as np
import onnx
from int8 import Int8Matrix
from onnx import TensorProto, helper, numpy_helper

CONTRIB = "com.microsoft"
DIGITS, DIGIT_BITS = 3, 7
"""21 bits: logits are off by less than 0.002, with 16 bits by 0.04 (2026-11-23)."""
BASE = 2**DIGIT_BITS
RAISE = BASE // 2 * (1 + BASE + BASE**2)
"""What makes every digit stand for half the base less than it says: -64 to 63."""
MOST = BASE**DIGITS - 1 - RAISE


@dataclass(frozen=True)
class Shape:
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    inner: int
    vocabulary: int
    context: int
    rope_base: float
    epsilon: float

    @property
    def head_size(self) -> int:
        return self.hidden // self.heads


@dataclass(frozen=True)
class Layer:
    attention_norm: np.ndarray
    qkv: Int8Matrix
    """Queries, keys and values below each other; RoPE turns neighbouring pairs of a head."""
    output: Int8Matrix
    inner_norm: np.ndarray
    gate_up: Int8Matrix
    down: Int8Matrix


@dataclass(frozen=True)
class Llama:
    shape: Shape
    embedding: Int8Matrix
    """The last matrix as well: a row a token."""
    layers: list[Layer]
    norm: np.ndarray


def rope_caches(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and sine float32 [context, head size / 2]."""
    exponents = np.arange(0, shape.head_size, 2) / shape.head_size
    angles = np.outer(np.arange(shape.context), shape.rope_base**-exponents)
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


class GraphWriter:
    """Collects nodes and weights; a node's first output has the name of the node."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def weight(self, name: str, values: np.ndarray) -> str:
        self.weights.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def node(self, operator: str, inputs: list[str], name: str, domain: str = "", more: list[str] = [], **attributes) -> str:
        outputs = [name, *more]
        self.nodes.append(helper.make_node(operator, inputs, outputs, name=name, domain=domain, **attributes))
        return name

    def linear(self, x: str, matrix: Int8Matrix, name: str) -> str:
        """x [rows, columns] times the transposed matrix: weights of one byte, x rounded to 21 bits.

        Each row of x becomes whole numbers, the largest `MOST`; raised above zero, each is cut into three digits of
        7 bits. The matrix takes the digits of all rows in one product of whole numbers, which rounds nothing; so a
        row comes out the same whatever stands beside it. Digits of 7 bits, since kernels for processors without VNNI
        add two products of bytes in 16 bits: 2 * 127 * 127 fits, 2 * 255 * 127 does not."""
        magnitude = self.node("Abs", [x], f"{name}.magnitude")
        largest = self.node("ReduceMax", [magnitude, "last_axis"], f"{name}.largest")
        steps = self.node("Mul", [x, self.node("Div", ["most", largest], f"{name}.scaling")], f"{name}.steps")
        raised = self.node("Add", [steps, "raise"], f"{name}.raised")
        whole = self.node("Cast", [raised], f"{name}.whole", to=TensorProto.UINT32)
        shifted = self.node("BitShift", [whole, "shifts"], f"{name}.shifted", direction="RIGHT")
        low_bytes = self.node("Cast", [shifted], f"{name}.low_bytes", to=TensorProto.UINT8)
        digits = self.node("BitwiseAnd", [low_bytes, "digit"], f"{name}.digits")
        numbers = self.weight(f"{name}.numbers", matrix.numbers.T)
        inputs = [digits, numbers, "one", self.weight(f"{name}.scale", matrix.scale), "middle", "zero"]
        products = self.node("MatMulIntegerToFloat", inputs, f"{name}.products", CONTRIB)
        # One row times a matrix, however many rows x has: numbers are added in the same order.
        below = self.node("Reshape", [products, "digits_first"], f"{name}.below_each_other")
        sums = self.node("MatMul", ["worths", below], f"{name}.sums")
        width = self.weight(f"{name}.width", np.array([-1, len(matrix.scale)]))
        return self.node("Mul", [self.node("Reshape", [sums, width], f"{name}.rows"), largest], name)

    def norm(self, inputs: list[str], scale: np.ndarray, name: str, epsilon: float) -> tuple[str, str]:
        """Of x and of x + skip; answers the norm, and the sum that it was taken of."""
        gamma = self.weight(f"{name}.scale", scale)
        if len(inputs) == 1:
            operator = {"operator": "SimplifiedLayerNormalization", "axis": -1, "epsilon": epsilon}
            return self.node(inputs=[inputs[0], gamma], name=name, **operator), inputs[0]
        more = ["", "", f"{name}.sum"]
        self.node("SkipSimplifiedLayerNormalization", [*inputs, gamma], name, CONTRIB, more, epsilon=epsilon)
        return name, more[-1]


def embed(graph: GraphWriter, ids: str) -> str:
    """Rows of the matrix that also makes the logits, which has them as columns."""
    columns = graph.node("Gather", ["logits.numbers", ids], "row.columns", axis=1)
    floats = graph.node("Cast", [graph.node("Transpose", [columns], "row.numbers")], "row.floats", to=TensorProto.FLOAT)
    scale = graph.node("Gather", ["logits.scale", ids], "row.scale")
    return graph.node("Mul", [floats, graph.node("Unsqueeze", [scale, "last_axis"], "row.scales")], "embedded")


def build(model: Llama) -> onnx.ModelProto:
    shape, graph = model.shape, GraphWriter()
    for name, value in {"last_axis": [-1], "digits_first": [DIGITS, -1], "flat": [-1, shape.hidden], "last": -1}.items():
        graph.weight(name, np.array(value, np.int64))
    for name, value in {"one": 1, "most": MOST, "raise": RAISE + 0.5}.items():
        graph.weight(name, np.array(value, np.float32))
    graph.weight("zero", np.array(0, np.int8))
    graph.weight("middle", np.array(BASE // 2, np.uint8))
    graph.weight("digit", np.array(BASE - 1, np.uint8))
    graph.weight("worths", (float(BASE) ** np.arange(DIGITS) / MOST).astype(np.float32).reshape(1, -1))
    graph.weight("shifts", np.arange(0, DIGITS * DIGIT_BITS, DIGIT_BITS, np.uint32).reshape(-1, 1, 1))
    cosine, sine = rope_caches(shape)
    caches = [graph.weight("cosine", cosine), graph.weight("sine", sine)]
    sizes = graph.node("Shape", ["input_ids"], "sizes")
    ids = graph.node("Reshape", ["input_ids", graph.weight("all", np.array([-1]))], "ids")

    stream = [embed(graph, ids)]
    qkv_width = graph.weight("qkv_width", np.array([len(model.layers[0].qkv.numbers)]))
    heads_shape = graph.node("Concat", [sizes, qkv_width], "heads_shape", axis=0)
    for at, layer in enumerate(model.layers):
        name = f"layer.{at}"
        normed, total = graph.norm(stream, layer.attention_norm, f"{name}.attention_norm", shape.epsilon)
        qkv = graph.linear(normed, layer.qkv, f"{name}.qkv")
        query = graph.node("Reshape", [qkv, heads_shape], f"{name}.query")
        past = [f"past_key_values.{at}.key", f"past_key_values.{at}.value"]
        inputs = [query, "", "", *past, "seqlens_k", "total_sequence_length", *caches]
        heads = {"num_heads": shape.heads, "kv_num_heads": shape.kv_heads, "do_rotary": 1, "rotary_interleaved": 1}
        present = [f"present.{at}.key", f"present.{at}.value"]
        graph.node("GroupQueryAttention", inputs, f"{name}.attention", CONTRIB, present, **heads)
        mixed = graph.node("Reshape", [f"{name}.attention", "flat"], f"{name}.mixed")
        attended = graph.linear(mixed, layer.output, f"{name}.output")
        normed, total = graph.norm([total, attended], layer.inner_norm, f"{name}.inner_norm", shape.epsilon)
        both = graph.linear(normed, layer.gate_up, f"{name}.gate_up")
        graph.node("Split", [both], f"{name}.gate", more=[f"{name}.up"], axis=-1, num_outputs=2)
        sigmoid = graph.node("Sigmoid", [f"{name}.gate"], f"{name}.sigmoid")
        silu = graph.node("Mul", [f"{name}.gate", sigmoid], f"{name}.silu")
        inner = graph.node("Mul", [silu, f"{name}.up"], f"{name}.inner")
        stream = [total, graph.linear(inner, layer.down, f"{name}.down")]

    normed, _ = graph.norm(stream, model.norm, "norm", shape.epsilon)
    target = graph.node("Concat", [sizes, graph.weight("hidden", np.array([shape.hidden]))], "target", axis=0)
    spread = graph.node("Reshape", [normed, target], "spread")
    ends = graph.node("Gather", [spread, "last"], "ends", axis=1)
    graph.linear(ends, model.embedding, "logits")

    def tensor(name: str, kind: int, dimensions: list) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, dimensions)

    cache = ["batch", shape.kv_heads, "capacity", shape.head_size]
    parts = [f"{at}.{part}" for at in range(shape.layers) for part in ("key", "value")]
    inputs = [
        tensor("input_ids", TensorProto.INT64, ["batch", "sequence"]),
        tensor("seqlens_k", TensorProto.INT32, ["batch"]),
        tensor("total_sequence_length", TensorProto.INT32, []),
        *(tensor(f"past_key_values.{part}", TensorProto.FLOAT, cache) for part in parts),
    ]
    outputs = [
        tensor("logits", TensorProto.FLOAT, ["batch", shape.vocabulary]),
        *(tensor(f"present.{part}", TensorProto.FLOAT, cache) for part in parts),
    ]
    proto = helper.make_graph(graph.nodes, "llama", inputs, outputs, graph.weights)
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid(CONTRIB, 1)]
    return helper.make_model(proto, opset_imports=opsets, ir_version=9)
