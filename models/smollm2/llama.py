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

from dataclasses import dataclass, replace

import numpy as np
import onnx
from gguf import BLOCK, Blocks
from onnx import TensorProto, helper, numpy_helper

CONTRIB = "com.microsoft"


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
    qkv: Blocks
    """Queries, keys and values below each other; RoPE turns neighbouring pairs of a head."""
    output: Blocks
    inner_norm: np.ndarray
    gate_up: Blocks
    down: Blocks


@dataclass(frozen=True)
class Llama:
    shape: Shape
    embedding: Blocks
    """Of 8 bits, and centred: least = -128 * scale. It is the last matrix as well."""
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

    def quantized(self, x: str, blocks: Blocks, name: str, accuracy: int) -> str:
        """x [rows, columns] times the transposed matrix, each number less 8; numbers of 4 bits, two a byte."""
        rows, count, _ = blocks.numbers.shape
        packed = blocks.numbers[..., 0::2] | blocks.numbers[..., 1::2] << 4
        inputs = [x, self.weight(f"{name}.numbers", packed), self.weight(f"{name}.scale", blocks.scale)]
        sizes = {"K": count * BLOCK, "N": rows, "bits": 4, "block_size": BLOCK, "accuracy_level": accuracy}
        return self.node("MatMulNBits", inputs, name, CONTRIB, **sizes)

    def linear(self, x: str, blocks: Blocks, name: str, accuracy: int) -> str:
        """x times the transposed matrix, exactly: scale * (number - 8) goes into MatMulNBits, and what is
        left of each block is the same for its 32 numbers, so it takes their sum. Numbers of 8 bits go as
        two of 4: float32 on numbers of 8 bits would be twenty times as slow (ONNX Runtime 1.30)."""
        if blocks.bits == 4:
            parts, offset = {"": blocks}, blocks.least + 8 * blocks.scale
        else:
            high = replace(blocks, numbers=blocks.numbers >> 4, scale=16 * blocks.scale)
            low = replace(blocks, numbers=blocks.numbers & 15)
            parts, offset = {".high": high, ".low": low}, blocks.least + 136 * blocks.scale
        cut = self.node("Reshape", [x, "cut"], f"{name}.cut")
        sums = self.node("ReduceSum", [cut, "last_axis"], f"{name}.sums", keepdims=0)
        products = [self.quantized(x, part, f"{name}.product{half}", accuracy) for half, part in parts.items()]
        if len(products) == 2:
            products = [self.node("Add", products, f"{name}.product")]
        return self.node("Gemm", [sums, self.weight(f"{name}.left", offset), *products], name, transB=1)

    def norm(self, inputs: list[str], scale: np.ndarray, name: str, epsilon: float) -> tuple[str, str]:
        """Of x and of x + skip; answers the norm, and the sum that it was taken of."""
        gamma = self.weight(f"{name}.scale", scale)
        if len(inputs) == 1:
            operator = {"operator": "SimplifiedLayerNormalization", "axis": -1, "epsilon": epsilon}
            return self.node(inputs=[inputs[0], gamma], name=name, **operator), inputs[0]
        more = ["", "", f"{name}.sum"]
        self.node("SkipSimplifiedLayerNormalization", [*inputs, gamma], name, CONTRIB, more, epsilon=epsilon)
        return name, more[-1]


def embed(graph: GraphWriter, blocks: Blocks, ids: str) -> str:
    """Rows of the matrix that also makes the logits: its halves are put together again, byte by byte."""
    four = graph.weight("four", np.array(4, np.uint8))
    halves = [graph.node("Gather", [f"logits.product.{half}.numbers", ids], f"row.{half}") for half in ("high", "low")]
    masks = [graph.weight(f"mask.{mask}", np.array(mask, np.uint8)) for mask in (15, 240)]
    even = graph.node("BitShift", [halves[0], four], "row.even.high", direction="LEFT")
    odd = graph.node("BitShift", [halves[1], four], "row.odd.low", direction="RIGHT")
    even = graph.node("BitwiseOr", [even, graph.node("BitwiseAnd", [halves[1], masks[0]], "row.even.low")], "row.even")
    odd = graph.node("BitwiseOr", [odd, graph.node("BitwiseAnd", [halves[0], masks[1]], "row.odd.high")], "row.odd")
    columns = [graph.node("Unsqueeze", [part, "last_axis"], f"{part}.column") for part in (even, odd)]
    numbers = graph.node("Cast", [graph.node("Concat", columns, "row.bytes", axis=-1)], "row.float", to=TensorProto.FLOAT)
    blocks_of_32 = graph.node("Reshape", [numbers, "cut"], "row.numbers")
    centred = graph.node("Sub", [blocks_of_32, graph.weight("zero", np.array(128, np.float32))], "row.centred")
    scale = graph.node("Gather", ["logits.product.low.scale", ids], "row.scale")
    column = graph.node("Unsqueeze", [scale, "last_axis"], "row.scale.column")
    return graph.node("Reshape", [graph.node("Mul", [centred, column], "row.scaled"), "flat"], "embedded")


def build(model: Llama, accuracy: int) -> onnx.ModelProto:
    """`accuracy` is MatMulNBits' own: 1 computes in float32, 4 rounds activations to int8, block by block."""
    shape, graph = model.shape, GraphWriter()
    constants = {"cut": [0, -1, BLOCK], "last_axis": [-1], "flat": [-1, shape.hidden], "last": -1}
    for name, values in constants.items():
        graph.weight(name, np.array(values, np.int64))
    cosine, sine = rope_caches(shape)
    caches = [graph.weight("cosine", cosine), graph.weight("sine", sine)]
    sizes = graph.node("Shape", ["input_ids"], "sizes")
    ids = graph.node("Reshape", ["input_ids", graph.weight("all", np.array([-1]))], "ids")

    stream = [embed(graph, model.embedding, ids)]

    for at, layer in enumerate(model.layers):
        name = f"layer.{at}"
        normed, total = graph.norm(stream, layer.attention_norm, f"{name}.attention_norm", shape.epsilon)
        qkv = graph.linear(normed, layer.qkv, f"{name}.qkv", accuracy)
        width = graph.weight(f"{name}.width", np.array([len(layer.qkv.numbers)]))
        target = graph.node("Concat", [sizes, width], f"{name}.target", axis=0)
        query = graph.node("Reshape", [qkv, target], f"{name}.query")
        past = [f"past_key_values.{at}.key", f"past_key_values.{at}.value"]
        inputs = [query, "", "", *past, "seqlens_k", "total_sequence_length", *caches]
        heads = {"num_heads": shape.heads, "kv_num_heads": shape.kv_heads, "do_rotary": 1, "rotary_interleaved": 1}
        present = [f"present.{at}.key", f"present.{at}.value"]
        graph.node("GroupQueryAttention", inputs, f"{name}.attention", CONTRIB, present, **heads)
        mixed = graph.node("Reshape", [f"{name}.attention", "flat"], f"{name}.mixed")
        attended = graph.linear(mixed, layer.output, f"{name}.output", accuracy)
        normed, total = graph.norm([total, attended], layer.inner_norm, f"{name}.inner_norm", shape.epsilon)
        both = graph.linear(normed, layer.gate_up, f"{name}.gate_up", accuracy)
        graph.node("Split", [both], f"{name}.gate", more=[f"{name}.up"], axis=-1, num_outputs=2)
        sigmoid = graph.node("Sigmoid", [f"{name}.gate"], f"{name}.sigmoid")
        silu = graph.node("Mul", [f"{name}.gate", sigmoid], f"{name}.silu")
        inner = graph.node("Mul", [silu, f"{name}.up"], f"{name}.inner")
        stream = [total, graph.linear(inner, layer.down, f"{name}.down", accuracy)]

    normed, _ = graph.norm(stream, model.norm, "norm", shape.epsilon)
    target = graph.node("Concat", [sizes, graph.weight("hidden", np.array([shape.hidden]))], "target", axis=0)
    spread = graph.node("Reshape", [normed, target], "spread")
    ends = graph.node("Gather", [spread, "last"], "ends", axis=1)
    graph.linear(ends, model.embedding, "logits", accuracy)

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
