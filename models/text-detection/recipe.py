"""text-detection: PP-OCRv4's finder of lines, as published; golden sample and measured quality.

    python models/text-detection/recipe.py [--work DIR]

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
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).parents[1]))
import recipe_kit as kit
import text_kit as text

FOLDER = Path(__file__).parent
MODEL = "assets/ch_PP-OCRv4_det_infer.onnx"
SIDE, LIKELY, LEAST_PIXELS, THRESHOLD, GROWTH = 960, 0.3, 30, 0.5, 1.6
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
PAGES = 40


def tensor(image: Image.Image) -> tuple[np.ndarray, float, int, int]:
    """Blue, green, red, proportions kept, black around; with its scale and place."""
    ratio = min(SIDE / image.width, SIDE / image.height)
    width, height = round(image.width * ratio), round(image.height * ratio)
    left, top = (SIDE - width) // 2, (SIDE - height) // 2
    planes = np.zeros((SIDE, SIDE, 3), np.float32)
    planes[top : top + height, left : left + width] = text.resized(image, width, height)[..., ::-1]
    return ((planes / 255 - MEAN) / DEVIATION).transpose(2, 0, 1), ratio, left, top


def lines_of(session: onnxruntime.InferenceSession, image: Image.Image) -> list[tuple[float, np.ndarray]]:
    """What the service answers: score, and edges in pixels of the image, best first."""
    planes, ratio, left, top = tensor(image)
    chances = session.run(None, {"x": planes[None]})[0][0, 0]
    regions, _ = ndimage.label(chances >= LIKELY)
    found = []
    for at, (down, across) in enumerate(ndimage.find_objects(regions), 1):
        inside = chances[down, across][regions[down, across] == at]
        if inside.size < LEAST_PIXELS or inside.mean() < THRESHOLD:
            continue
        width, height = across.stop - across.start, down.stop - down.start
        by = round(width * height * GROWTH / (2 * (width + height)))
        edges = [across.start - by - left, down.start - by - top, across.stop + by - left, down.stop + by - top]
        limits = [image.width, image.height] * 2
        found.append((float(inside.mean()), np.clip(np.array(edges) / ratio, 0, limits)))
    return sorted(found, key=lambda one: -one[0])


def overlap_of(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two boxes."""
    shared = np.prod(np.maximum(0, np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])))
    return shared / (np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2]) - shared)


def main() -> None:
    work = kit.scratch_folder(__doc__.splitlines()[0])
    package = kit.npm_package(*text.PACKAGE, work)
    fonts = sorted((kit.debian_package(*text.FONTS, work) / text.FONT_FOLDER).glob("*.ttf"))
    model = package / MODEL
    kit.write_json(FOLDER / "labels.json", ["text"])
    kit.write_manifest(FOLDER, model)
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])

    chance = random.Random(5)
    right = wanted = answered = 0
    overlaps = []
    pages = [text.page_image(fonts, chance) for _ in range(PAGES)]
    for image, boxes in pages:
        found = [edges for _, edges in lines_of(session, image)]
        rest = [np.array(box, float) for box in boxes]
        wanted, answered = wanted + len(rest), answered + len(found)
        for edges in found:
            best = max(rest, key=lambda box: overlap_of(edges, box), default=None)
            if best is not None and overlap_of(edges, best) >= 0.5:
                overlaps.append(overlap_of(edges, best))
                rest = [box for box in rest if box is not best]
                right += 1
    rows = np.stack([tensor(image)[0] for image, _ in pages[:4]])
    proven = kit.proven_batch(model, "x", rows, session.get_outputs()[0].name, [2, 4])
    recall, precision = right / wanted, right / answered
    table = [
        "| precision | recall | F1 | mean overlap of what was found |",
        "|---|---|---|---|",
        f"| {precision:.3f} | {recall:.3f} | {2 * precision * recall / (precision + recall):.3f} "
        f"| {np.mean(overlaps):.3f} |",
    ]
    notes = [
        f"{wanted} lines on {PAGES} pages; found means an overlap of at least 0.5 (intersection over union).",
        f"Images of one run equal single runs bit for bit up to {proven} images.",
    ]
    kit.write_table(FOLDER, table, notes)
    write_sample(session, fonts)


def write_sample(session: onnxruntime.InferenceSession, fonts: list[Path]) -> None:
    """A page of a few lines, of which no edge lies so that another CPU could round it elsewhere."""
    for seed in range(1000):
        file = io.BytesIO()
        page = text.page_image([fonts[0]], random.Random(seed))[0]
        page.crop((0, 0, 640, 240)).save(file, "JPEG", quality=80)
        found = lines_of(session, Image.open(file))
        edges = np.array([box for _, box in found])
        if 1 < len(found) < 6 and (np.abs(edges % 1 - 0.5) > 0.04).all() and len({score for score, _ in found}) == len(found):
            break
    else:
        raise SystemExit("no page will do as a sample")
    names = ["xmin", "ymin", "xmax", "ymax"]
    outputs = [
        {"label": "text", "score": float(str(np.float32(score))), "box": dict(zip(names, (int(edge) for edge in np.rint(box))))}
        for score, box in found
    ]
    kit.write_golden(FOLDER, base64.b64encode(file.getvalue()).decode(), outputs, 0.01)
    print(len(file.getvalue()), "bytes of sample:", outputs)


if __name__ == "__main__":
    main()
