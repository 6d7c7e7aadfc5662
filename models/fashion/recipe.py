"""fashion: a small convolutional network on Fashion-MNIST, from raw files to a served int8 model.

    python models/fashion/recipe.py [--work DIR]

Load and clean -> model -> train -> convert to ONNX -> quantize -> evaluate before and after.
Needs apt-get for the data package. Six minutes on 2 vCPU (2026-11-23). Repeated on one
machine it gives the same bytes; another kind of CPU may train slightly other weights.
"""

import base64
import gzip
import io
import os
import sys
from pathlib import Path
from typing import NamedTuple

os.environ.update(TF_CPP_MIN_LOG_LEVEL="2", TF_ENABLE_ONEDNN_OPTS="0", CUDA_VISIBLE_DEVICES="-1")

import keras
import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
from keras import layers
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process
from PIL import Image
from sklearn.metrics import f1_score

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))
import recipe_kit as kit

SEED = 20261123
SIZE = 28
LABELS = [
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
]  # fmt: skip
VALIDATION_IMAGES = 5_000
CALIBRATION_IMAGES = 1_000
EPOCHS = 12
BATCH = 128


class Images(NamedTuple):
    """pixels uint8 [N, 28, 28], light object on black; classes uint8 [N], 0 to 9."""

    pixels: np.ndarray
    classes: np.ndarray


# 1. Data -----------------------------------------------------------------------------------------


def read_idx(file: Path) -> np.ndarray:
    """An IDX file of bytes: magic 0 0 8 <dimensions>, big-endian sizes, then the data."""
    raw = gzip.decompress(file.read_bytes())
    assert raw[:3] == b"\x00\x00\x08", f"{file.name} holds no bytes"
    sizes = np.frombuffer(raw, ">u4", count=raw[3], offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(sizes)


def load(folder: Path, part: str) -> Images:
    pixels = read_idx(folder / f"{part}-images-idx3-ubyte.gz")
    classes = read_idx(folder / f"{part}-labels-idx1-ubyte.gz")
    assert pixels.shape == (len(classes), SIZE, SIZE) and classes.max() < len(LABELS)
    return Images(pixels, classes)


def clean(train: Images, test: Images) -> Images:
    """Training images less the blank, the repeated and those that are also test images.

    The test set stays as published, so that its numbers compare with everybody's.
    """
    seen = {image.tobytes() for image in test.pixels}
    keep = np.zeros(len(train.classes), bool)
    for at, image in enumerate(train.pixels):
        key = image.tobytes()
        keep[at] = key not in seen and image.any()
        seen.add(key)
    print(f"{len(keep) - keep.sum()} of {len(keep)} training images left out")
    return Images(train.pixels[keep], train.classes[keep])


def split(images: Images) -> tuple[Images, Images]:
    """Training and validation, shuffled by a fixed seed."""
    order = np.random.default_rng(SEED).permutation(len(images.classes))
    parts = order[VALIDATION_IMAGES:], order[:VALIDATION_IMAGES]
    return tuple(Images(images.pixels[part], images.classes[part]) for part in parts)


def to_input(pixels: np.ndarray) -> np.ndarray:
    """What the graph takes: float32 [N, 28, 28, 1], 0 to 1. The service does the same."""
    return pixels[..., None].astype(np.float32) / np.float32(255)


# 2. Model and training ---------------------------------------------------------------------------


def build() -> keras.Model:
    """Two convolutions, each followed by pooling, then two dense layers: 121,930 weights."""
    return keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 1), name="image"),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(64, activation="relu"),
            layers.Dense(len(LABELS), activation="softmax", name="probabilities"),
        ]
    )


def train(model: keras.Model, images: Images, validation: Images) -> None:
    """Adam on cross-entropy, its step shrinking to nothing along a cosine; the best epoch is kept."""
    steps = EPOCHS * -(-len(images.classes) // BATCH)
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, steps)),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    model.fit(
        to_input(images.pixels),
        images.classes,
        validation_data=(to_input(validation.pixels), validation.classes),
        epochs=EPOCHS,
        batch_size=BATCH,
        verbose=2,
        callbacks=[keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True)],
    )


# 3. ONNX and quantization ------------------------------------------------------------------------


def name_in_order(graph: onnx.GraphProto) -> None:
    """Names by position, constants in order of use: tf2onnx numbers them anew in every run."""
    names = {tensor.name: tensor.name for tensor in (*graph.input, *graph.output)}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for at, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{at}"
        for place, name in enumerate(node.input):
            names.setdefault(name, f"{node.name}_constant_{place}")
            node.input[place] = names[name]
        for place, name in enumerate(node.output):
            names.setdefault(name, f"{node.name}_output_{place}")
            node.output[place] = names[name]
    used = [constants[name] for name in names if name in constants]
    for tensor in used:
        tensor.name = names[tensor.name]
    ordered = [onnx.TensorProto.FromString(tensor.SerializeToString()) for tensor in used]
    del graph.initializer[:], graph.value_info[:]
    graph.initializer.extend(ordered)


def convert(model: keras.Model, file: Path) -> None:
    """Keras to ONNX, names as in the manifest, the number of images open."""
    signature = [tf.TensorSpec((None, SIZE, SIZE, 1), tf.float32, name="image")]

    @tf.function(input_signature=signature, autograph=False)
    def forward(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probabilities": model(image, training=False)}

    graph, _ = tf2onnx.convert.from_function(forward, input_signature=signature, opset=17)
    for tensor in (*graph.graph.input, *graph.graph.output):
        tensor.type.tensor_type.shape.dim[0].dim_param = "N"
    name_in_order(graph.graph)
    onnx.save(graph, file)


class Calibration(CalibrationDataReader):
    """Training images, one batch; calibration reads the range of every activation from them."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.batches = iter([{"image": to_input(pixels)}])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.batches, None)


def quantize(before: Path, after: Path, pixels: np.ndarray) -> None:
    """Static int8: fixed ranges of activations, so that no answer depends on its batch.

    Weights per channel and in 7 bits (`reduce_range`): without VNNI, x86 kernels saturate on 8.
    Softmax stays float32: its answer is what callers see.
    """
    prepared = before.with_suffix(".prepared.onnx")
    quant_pre_process(str(before), str(prepared), skip_symbolic_shape=True)
    quantize_static(
        str(prepared),
        str(after),
        Calibration(pixels),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=[
            "Conv", "Relu", "MaxPool", "Transpose", "Reshape", "MatMul", "Gemm", "Add",
        ],
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=True,
        calibrate_method=CalibrationMethod.MinMax,
    )


# 4. The whole story ------------------------------------------------------------------------------


def weakest(truth: np.ndarray, predicted: np.ndarray) -> str:
    """The class with the lowest F1, and the class that it is most often taken for."""
    f1 = f1_score(truth, predicted, average=None)
    at = int(f1.argmin())
    taken = np.bincount(predicted[truth == at], minlength=len(LABELS))
    taken[at] = 0
    return f"Weakest class: {LABELS[at]}, F1 {f1[at]:.3f}, most often taken for {LABELS[taken.argmax()]}."


def png(pixels: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def main() -> None:
    work = kit.scratch_folder(__doc__.splitlines()[0])
    keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()

    root = kit.debian_package(
        "dataset-fashion-mnist",
        "39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0",
        work,
    )
    data = root / "usr/share/datasets/fashion-mnist"
    test = load(data, "t10k")
    images, validation = split(clean(load(data, "train"), test))

    model = build()
    train(model, images, validation)
    loss, accuracy = model.evaluate(to_input(test.pixels), test.classes, verbose=0)
    print(f"Keras on the test images: loss {loss:.4f}, accuracy {accuracy:.4f}")

    before, artifact = work / "fashion.fp32.onnx", FOLDER / "model.int8.onnx"
    convert(model, before)
    quantize(before, artifact, images.pixels[:CALIBRATION_IMAGES])

    feeds = {"image": to_input(test.pixels)}
    exact = kit.run(before, feeds, "probabilities")
    coarse = kit.run(artifact, feeds, "probabilities")
    proven = kit.proven_batch(artifact, "image", feeds["image"], "probabilities", [2, 8, 64, 256, 1024])

    kit.write_json(FOLDER / "labels.json", LABELS)
    [scores] = kit.run(artifact, {"image": feeds["image"][:1]}, "probabilities")
    kit.write_golden(FOLDER, png(test.pixels[0]), kit.best_first(scores, LABELS), 0.01)
    kit.write_manifest(FOLDER, artifact)
    kit.write_metrics(
        FOLDER,
        kit.measure(test.classes, exact.argmax(axis=1)),
        kit.measure(test.classes, coarse.argmax(axis=1)),
        (before.stat().st_size, artifact.stat().st_size),
        [
            f"Trained on {len(images.classes):,} images, {len(validation.classes):,} for validation.",
            f"Same class on {(exact.argmax(1) == coarse.argmax(1)).sum():,} of {len(test.classes):,} images.",
            weakest(test.classes, coarse.argmax(axis=1)),
            f"Rows of one run equal single runs bit for bit up to {proven:,} rows.",
        ],
    )


if __name__ == "__main__":
    main()
