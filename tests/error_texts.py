"""Every text of an error in the source, for docs/errors.md; in Python's ... stands for what they insert."""

import re
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]
LITERAL = r'f?"(?:[^"\\]|\\.)*"'


def call_at(text, start):
    """The text between the parenthesis that opens at `start` and the one that closes it."""
    depth, place = 0, start
    while True:
        literal = re.match(LITERAL, text[place:])
        if literal:
            place += literal.end()
            continue
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return text[start + 1 : place]
        place += 1


def texts_in(call):
    """The literals of a call; neighbours are one text."""
    for group in re.findall(rf"{LITERAL}(?:\s*{LITERAL})*", call):
        parts = re.findall(LITERAL, group)
        yield "".join(re.sub(r"\{[^{}]*\}", "...", part[2:-1]) if part[0] == "f" else part[1:-1] for part in parts)


def c_texts():
    """(status, text) of every pyce_fail."""
    found = set()
    for path in sorted((SOURCE / "c_src").glob("*.c")):
        text = path.read_text()
        for match in re.finditer(r"\bpyce_fail\(", text):
            call = call_at(text, match.end() - 1)
            status = re.search(r"PYCE_ERROR_\w+", call)
            if status:
                found |= {(status[0], text) for text in texts_in(call) if "%" in text or " " in text}
    return found


def python_texts():
    """(exception, text) of every raise with a text of its own, outside the tools that `python -m pyce` runs."""
    found = set()
    for path in sorted((SOURCE / "pyce").glob("*.p*")):
        if path.suffix not in {".py", ".pyx", ".pxi"} or path.name in {"__main__.py", "_demo.py"}:
            continue
        text = path.read_text()
        for match in re.finditer(r"\b(?:raise|return) (_?\w*Error)\(", text):
            call = call_at(text, match.end() - 1)
            found |= {(match[1].lstrip("_"), text) for text in list(texts_in(call))[:1] if " " in text}
    return found
