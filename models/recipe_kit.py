"""What the Python recipes share: pinned sources, metrics, and the files of a model folder."""

import argparse
import hashlib
import json
import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

DESCRIPTIONS = {
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
}


def scratch_folder(description: str) -> Path:
    """The folder for downloads: `--work DIR` of the command line, else a fresh temporary one."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--work", type=Path, help="scratch folder, kept and reused")
    chosen = parser.parse_args().work
    folder = chosen.resolve() if chosen else Path(tempfile.mkdtemp(prefix="recipe-"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def sha256_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def fetch(command: list[str], pattern: str, sha256: str, work: Path) -> Path:
    """Runs a package download in `work` once; refuses a file whose digest is not the pinned one."""
    if not list(work.glob(pattern)):
        subprocess.run(command, cwd=work, check=True, stdout=subprocess.DEVNULL)
    [file] = work.glob(pattern)
    if sha256_of(file) != sha256:
        raise SystemExit(f"{file.name}: sha256 is {sha256_of(file)}, pinned is {sha256}")
    return file


def npm_package(name: str, version: str, sha256: str, work: Path) -> Path:
    """Unpacks one npm package without its dependencies or scripts; answers its folder."""
    stem = f"{name.removeprefix('@').replace('/', '-')}-{version}"
    command = ["npm", "pack", "--silent", "--ignore-scripts", f"{name}@{version}"]
    archive = fetch(command, f"{stem}.tgz", sha256, work)
    folder = work / stem
    if not folder.exists():
        folder.mkdir()
        subprocess.run(["tar", "-xzf", archive, "-C", folder], check=True)
    return folder / "package"


def debian_package(name: str, sha256: str, work: Path) -> Path:
    """Unpacks one Debian package without installing it; answers the folder that stands for `/`."""
    archive = fetch(["apt-get", "download", name], f"{name}_*.deb", sha256, work)
    folder = work / name
    if not folder.exists():
        subprocess.run(["dpkg-deb", "-x", archive, folder], check=True)
    return folder


def measure(truth: np.ndarray, predicted: np.ndarray, positive: int | None = None) -> dict[str, float]:
    """Accuracy, precision, recall and F1: of class `positive`, or the macro mean over all classes."""
    chosen = {"average": "macro"} if positive is None else {"average": "binary", "pos_label": positive}
    precision, recall, f1, _ = precision_recall_fscore_support(
        truth, predicted, zero_division=0, **chosen
    )
    return {
        "accuracy": float(accuracy_score(truth, predicted)),
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(f1),
    }


def run(model: Path | bytes, feeds: dict[str, np.ndarray], output: str) -> np.ndarray:
    """One run on the CPU, two threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    source = model if isinstance(model, bytes) else str(model)
    session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    return session.run([output], feeds)[0]


def proven_batch(model: Path, name: str, rows: np.ndarray, output: str, sizes: list[int]) -> int:
    """The largest of the ascending `sizes` up to which rows in one run equal single runs bit for bit."""
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])

    def scores(some: np.ndarray) -> np.ndarray:
        return session.run([output], {name: some})[0]

    single = np.concatenate([scores(rows[at : at + 1]) for at in range(max(sizes))])
    proven = 1
    for size in sizes:
        if not np.array_equal(scores(rows[:size]), single[:size]):
            break
        proven = size
    return proven


def best_first(scores: np.ndarray, labels: list[str], top_k: int = 5) -> list[dict]:
    """One row of scores as the service answers it; equal scores keep the order of the labels."""
    order = np.argsort(-scores, kind="stable")[:top_k]
    return [{"label": labels[at], "score": float(str(scores[at]))} for at in order]


def write_json(file: Path, value: object) -> None:
    file.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_manifest(folder: Path, artifact: Path) -> None:
    """Puts size and digest of the artifact into the manifest; every other word stays as it is."""
    manifest = folder / "manifest.json"
    text = re.sub(r'("sha256": )"[^"]*"', rf'\g<1>"{sha256_of(artifact)}"', manifest.read_text())
    manifest.write_text(re.sub(r'("bytes": )\d+', rf"\g<1>{artifact.stat().st_size}", text))


def write_metrics(folder: Path, before: dict, after: dict, sizes: tuple[int, int], notes: list[str]) -> None:
    """The table of a model that was made smaller: how good it was, and how good it is."""
    rows = ["| | before | after |", "|---|---|---|"]
    rows += [f"| {DESCRIPTIONS[key]} | {before[key]:.4f} | {after[key]:.4f} |" for key in before]
    rows += [f"| file, bytes | {sizes[0]:,} | {sizes[1]:,} |"]
    write_table(folder, rows, notes)


def write_table(folder: Path, rows: list[str], notes: list[str]) -> None:
    """Puts the table between the two `<!-- metrics -->` marks of the card, and prints it."""
    table = "\n".join(rows + [""] + [f"- {note}" for note in notes])
    print(f"{folder.name}\n{table}")
    card = folder / "README.md"
    mark = "<!-- metrics -->"
    head, _, tail = card.read_text().split(mark)
    card.write_text(f"{head}{mark}\n{table}\n{mark}{tail}")


def write_golden(folder: Path, inputs: object, outputs: object, tolerance: float) -> None:
    """The request that every host must answer, and its answer."""
    write_json(folder / "sample.json", {"inputs": inputs})
    metric = "max-absolute-difference"
    write_json(
        folder / "expected.json", {"outputs": outputs, "metric": metric, "tolerance": tolerance}
    )
