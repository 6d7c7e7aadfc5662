"""text-recognition: PP-OCRv4's reader of lines, as published; letters, golden sample and measured quality.

    python models/text-recognition/recipe.py [--work DIR]

The file is served as the package has it, so that a first call can pull it without this recipe.
"""

import base64
import io
import random
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
import recipe_kit as kit
import text_kit as text

FOLDER = Path(__file__).parent
MODEL = "assets/ch_PP-OCRv4_rec_infer.onnx"
LETTERS = "assets/ppocr_keys_v1.txt"
HEIGHT, WIDTH = 48, 640
LINES = 400
SAMPLE = "Invoice 2026-1123, total $1,234.56"


def tensor(image: Image.Image) -> np.ndarray:
    """Blue, green, red, from -1 to 1; full height from the left, zeros behind it."""
    width = min(WIDTH, max(1, round(image.width * HEIGHT / image.height)))
    planes = np.zeros((3, HEIGHT, WIDTH), np.float32)
    scaled = text.resized(image, width, HEIGHT)[..., ::-1] / np.float32(127.5) - 1
    planes[:, :, :width] = scaled.transpose(2, 0, 1)
    return planes


def read(probabilities: np.ndarray, letters: list[str]) -> tuple[str, float]:
    """The likeliest letter of each step, repeats and blanks taken out; the mean of their probabilities."""
    best = probabilities.argmax(axis=1)
    kept = [at for at, letter in enumerate(best) if letter != 0 and (at == 0 or letter != best[at - 1])]
    score = float(probabilities[kept, best[kept]].mean()) if kept else 0.0
    return "".join(letters[best[at]] for at in kept), score


def distance(one: str, other: str) -> int:
    """Letters to insert, delete or replace (Levenshtein)."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def main() -> None:
    work = kit.scratch_folder(__doc__.splitlines()[0])
    package = kit.npm_package(*text.PACKAGE, work)
    fonts = sorted((kit.debian_package(*text.FONTS, work) / text.FONT_FOLDER).glob("*.ttf"))
    model = package / MODEL
    letters = ["", *(package / LETTERS).read_text().rstrip("\n").split("\n"), " "]
    kit.write_json(FOLDER / "labels.json", letters)
    kit.write_manifest(FOLDER, model)

    chance = random.Random(7)
    truth = [text.some_line(chance) for _ in range(LINES)]
    images = [text.line_image(line, fonts, chance) for line in truth]
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    answers = [read(session.run(None, {"x": tensor(image)[None]})[0][0], letters) for image in images]
    wrong = sum(distance(line, said) for line, (said, _) in zip(truth, answers))
    exact = sum(line == said for line, (said, _) in zip(truth, answers))
    spaces = sum(line.replace(" ", "") == said.replace(" ", "") for line, (said, _) in zip(truth, answers))
    rows = np.stack([tensor(image) for image in images[:16]])
    proven = kit.proven_batch(model, "x", rows, session.get_outputs()[0].name, [2, 4, 8, 16])
    table = [
        "| lines read without a mistake | the same, spaces not counted | letters wrong, spaces counted |",
        "|---|---|---|",
        f"| {exact / LINES:.3f} | {spaces / LINES:.3f} | {wrong / sum(map(len, truth)):.4f} |",
    ]
    notes = [
        f"Mean score {np.mean([score for _, score in answers]):.3f}; of lines with a mistake "
        f"{np.mean([score for line, (said, score) in zip(truth, answers) if line != said]):.3f}.",
        f"Images of one run equal single runs bit for bit up to {proven} images.",
    ]
    kit.write_table(FOLDER, table, notes)

    file = io.BytesIO()
    text.line_image(SAMPLE, [fonts[0]], random.Random(11)).save(file, "JPEG", quality=90)
    said, score = read(session.run(None, {"x": tensor(Image.open(file))[None]})[0][0], letters)
    assert said.replace(" ", "") == SAMPLE.replace(" ", ""), said
    outputs = {"generated_text": said, "score": float(str(np.float32(score)))}
    kit.write_golden(FOLDER, base64.b64encode(file.getvalue()).decode(), outputs, 0.01)
    print(len(file.getvalue()), "bytes of sample:", outputs)


if __name__ == "__main__":
    main()
