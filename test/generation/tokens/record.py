"""Records what the `tokenizers` package (0.23.3) makes of fixed strings, with SmolLM2's own vocabulary.

    pip install tokenizers numpy
    PYTHONPATH=models/smollm2 python test/generation/tokens/record.py SmolLM2-135M-Instruct.gguf

The vocabulary is read from the metadata of the GGUF file. Writes beside itself `tokenizer.json`, the
vocabulary cut after its first 2,048 tokens, and `expected.json`: the tokens of each string under the
cut vocabulary and under the whole one; and the whole tokenizer into the folder of the model.
"""

import json
import sys
from pathlib import Path

from gguf import read_gguf
from tokenizers import Tokenizer

KEPT = 2048
here = Path(__file__).parent
data, _ = read_gguf(Path(sys.argv[1]))
tokens, merges = data["tokenizer.ggml.tokens"], data["tokenizer.ggml.merges"]
CONTROL = 3
special = [id for id, kind in enumerate(data["tokenizer.ggml.token_type"]) if kind == CONTROL]


def tokenizer_file(kept: int) -> dict:
    vocab = {word: id for id, word in enumerate(tokens[:kept])}
    return {
        "version": "1.0",
        "added_tokens": [
            {
                "id": id,
                "content": tokens[id],
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for id in special
        ],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Digits", "individual_digits": True},
                {
                    "type": "ByteLevel",
                    "add_prefix_space": False,
                    "trim_offsets": True,
                    "use_regex": True,
                },
            ],
        },
        "model": {
            "type": "BPE",
            "vocab": vocab,
            "merges": [merge for merge in merges if merge.replace(" ", "") in vocab],
        },
        "stop_tokens": ["<|im_end|>", "<|endoftext|>"],
        "chat": {"system": "You are a helpful AI assistant named SmolLM, trained by Hugging Face"},
    }


def reference(file: dict) -> Tokenizer:
    foreign = {name: file[name] for name in file if name not in ("stop_tokens", "chat")}
    return Tokenizer.from_str(json.dumps(foreign))


strings = json.loads((here / "strings.json").read_text())
cut, whole = tokenizer_file(KEPT), tokenizer_file(len(tokens))
small, large = reference(cut), reference(whole)
expected = [
    {
        "text": text,
        "cut": small.encode(text, add_special_tokens=False).ids,
        "whole": large.encode(text, add_special_tokens=False).ids,
    }
    for text in strings
]
dump = lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"
(here / "tokenizer.json").write_text(dump(cut))
(here / "expected.json").write_text("[\n" + ",\n".join(map(dump, expected)).replace("\n,", ",") + "]\n")

# Ids count up from the special tokens by way of the letters of the bytes to what each merge makes.
letters = tokens[len(special) : len(tokens) - len(merges)]
assert special == list(range(len(special))) and all(len(letter) == 1 for letter in letters)
assert [merge.replace(" ", "") for merge in merges] == tokens[-len(merges) :]
whole["model"] = {"type": "BPE", "letters": "".join(letters), "merges": " ".join(merges)}
whole["added_tokens"] = [{"id": id, "content": tokens[id]} for id in special]
(here.parents[2] / "models" / "smollm2" / "tokenizer.json").write_text(dump(whole))
