"""SpamAssassin's mails as what a caller of the service sends: subject and body as plain text."""

import email
import email.errors
import email.header
import html
import json
import re
from email.message import Message
from pathlib import Path

HAM, SPAM = 0, 1
GROUPS = {"easy-ham-1": HAM, "easy-ham-2": HAM, "hard-ham-1": HAM, "spam-1": SPAM, "spam-2": SPAM}

# Lines that say where the corpus was collected, not what the mail is: footers of the mailing lists
# it came from, their sponsors, and the frame of the news feeds that the collector had mailed to him.
COLLECTION_LINE = re.compile(
    r"^(_{8,}|-- ?$|URL: |Date: Not supplied|Irish Linux Users' Group|List maintainer|"
    r"This .{0,12}(sf\.net|sourceforge|thinkgeek).*|.*mailing list ?$|"
    r".*(mailman|spamassassin|sourceforge|thinkgeek|sf\.net|linux\.ie|freshrpms|xent\.com|"
    r"taint\.org|jmason|exmh|razor-users|yahoogroups|To unsubscribe from this group).*)$",
    re.IGNORECASE,
)
LIST_TAG = re.compile(r"\[[^\]]{1,40}\]")
HIDDEN = re.compile(r"<(script|style|head)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
TAG = re.compile(r"</?[a-z!][^>]*>", re.IGNORECASE)


def part_text(part: Message) -> str:
    """One part, decoded; HTML as the words that a reader would see."""
    text = str(part.get_payload())
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    if encoding in ("base64", "quoted-printable"):
        raw = part.get_payload(decode=True) or b""
        try:
            text = raw.decode(part.get_content_charset() or "latin-1", errors="replace")
        except (LookupError, UnicodeError):
            text = raw.decode("latin-1")
    if part.get_content_subtype() == "html":
        text = html.unescape(TAG.sub(" ", HIDDEN.sub(" ", text)))
    return text


def plain_text(source: str) -> str:
    """Subject and body of a mail; no other header, no attachment, no line of the collection."""
    source = re.sub(r"^From .*\n", "", source, count=1)
    mail = email.message_from_string(source)
    parts = [part for part in mail.walk() if part.get_content_maintype() == "text"]
    plain = [part for part in parts if part.get_content_subtype() == "plain"]
    body = "\n".join(part_text(part) for part in plain or parts)
    try:
        decoded = email.header.decode_header(str(mail.get("Subject", "")))
        subject = str(email.header.make_header(decoded))
    except (LookupError, UnicodeError, email.errors.HeaderParseError):
        subject = ""
    lines = [LIST_TAG.sub("", subject), *body.splitlines()]
    kept = (line.strip() for line in lines if not COLLECTION_LINE.match(line.strip()))
    return "\n".join(line for line in kept if line)


def read_mails(folder: Path) -> tuple[list[str], list[int], dict[str, int]]:
    """Texts and classes, each text once (letters compared); and how many mails were left out why."""
    texts, classes, seen = [], [], set()
    left_out = {"without text": 0, "repeated": 0}
    for group, kind in GROUPS.items():
        for file in sorted((folder / "data" / group).glob("*.json")):
            text = plain_text(json.loads(file.read_text())["text"])
            letters = re.sub(r"[\W\d_]+", "", text.lower())[:500]
            if not letters:
                left_out["without text"] += 1
            elif letters in seen:
                left_out["repeated"] += 1
            else:
                seen.add(letters)
                texts.append(text)
                classes.append(kind)
    return texts, classes, left_out
