"""smollm2 in the layout of `@huggingface/transformers`, which the benchmark compares percall with.

    python models/smollm2/peer.py --work .cache/smollm2     after recipe.py; writes `transformers/` there

Nodes and weights are the artifact's. That library gives a mask where the artifact takes lengths, and wants the logits
with an axis for the sequence; the rest it finds by the names that the artifact has.
"""

import sys
from pathlib import Path

import onnx
from onnx import TensorProto, helper

sys.path[:0] = [str(Path(__file__).parents[1])]
import recipe_kit as kit

LENGTHS = ("seqlens_k", "total_sequence_length")


def with_mask(model: onnx.ModelProto) -> onnx.ModelProto:
    """Counts the lengths off `attention_mask` int64 [batch, total]; logits float32 [batch, 1, vocabulary]."""
    graph = model.graph
    one = helper.make_tensor("mask.one", TensorProto.INT64, [1], [1])
    before = [
        helper.make_node("ReduceSum", ["attention_mask", "mask.one"], ["mask.sums"], keepdims=0),
        helper.make_node("Sub", ["mask.sums", "mask.one"], ["mask.lasts"]),
        helper.make_node("Cast", ["mask.lasts"], ["seqlens_k"], to=TensorProto.INT32),
        helper.make_node("Shape", ["attention_mask"], ["mask.width"], start=1),
        helper.make_node("Squeeze", ["mask.width"], ["mask.total"]),
        helper.make_node("Cast", ["mask.total"], ["total_sequence_length"], to=TensorProto.INT32),
    ]
    graph.node[-1].output[0] = "ends.logits"
    after = helper.make_node("Unsqueeze", ["ends.logits", "mask.one"], ["logits"])
    mask = helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["batch", "total"])
    inputs = [mask, *(tensor for tensor in graph.input if tensor.name not in LENGTHS)]
    graph.output[0].type.tensor_type.shape.dim.insert(1, onnx.TensorShapeProto.Dimension(dim_value=1))
    # The library makes its empty cache by these names: what it does not know is 0 long.
    for tensor in [*inputs, *graph.output]:
        tensor.type.tensor_type.shape.dim[0].dim_param = "batch_size"
    for tensor in graph.output[1:]:
        tensor.type.tensor_type.shape.dim[2].dim_param = "total"
    changed = helper.make_graph(
        [*before, *graph.node, after], graph.name, inputs, graph.output, [*graph.initializer, one]
    )
    return helper.make_model(changed, opset_imports=model.opset_import, ir_version=model.ir_version)


def config(model: onnx.ModelProto) -> dict:
    """What the library asks of a model before it opens one."""
    attentions = [node for node in model.graph.node if node.op_type == "GroupQueryAttention"]
    heads = {attribute.name: attribute.i for attribute in attentions[0].attribute}
    cache = next(tensor for tensor in model.graph.input if tensor.name == "past_key_values.0.key")
    return {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "num_hidden_layers": len(attentions),
        "num_attention_heads": heads["num_heads"],
        "num_key_value_heads": heads["kv_num_heads"],
        "hidden_size": heads["num_heads"] * cache.type.tensor_type.shape.dim[3].dim_value,
    }


def main() -> None:
    work = kit.scratch_folder(__doc__.splitlines()[0])
    model = onnx.load(work / "smollm2.int8.onnx")
    folder = work / "transformers"
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    kit.write_json(folder / "config.json", config(model))
    # The name that the library looks for when it is asked for `dtype: 'int8'`.
    onnx.save(with_mask(model), folder / "onnx" / "model_int8.onnx")


if __name__ == "__main__":
    main()
