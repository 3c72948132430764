"""Every text of an error, as the source and as docs/errors.md have it; in Python's ... stands for what they insert."""

import re
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]
LITERAL = r"""f?(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
DOC = (SOURCE / "docs" / "errors.md").read_text()


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
    """(status, text) of every pyce_fail; a text of one word, or none, is in no table."""
    found = set()
    for path in sorted((SOURCE / "c_src").glob("*.[ch]")):
        text = path.read_text()
        for match in re.finditer(r"\bpyce_fail\(", text):
            call = call_at(text, match.end() - 1)
            status = re.search(r"PYCE_ERROR_\w+", call)
            if status:
                sentences = [text for text in texts_in(call) if "%" in text or " " in text]
                found |= {(status[0], text) for text in sentences or [f"? {call}"]}
    return found


def python_texts():
    """(exception, text) of every exception that is raised or returned, outside the tools that `python -m pyce` runs; a
    text that is not in the call is in no table. Those of C are raised by one function, `raise_error`."""
    found = set()
    for path in sorted((SOURCE / "pyce").glob("*.p*")):
        if path.suffix not in {".py", ".pyx", ".pxi"} or path.name in {"__main__.py", "_demo.py"}:
            continue
        text = path.read_text()
        for match in re.finditer(r"\b(?:raise (?:\w+\.)*_?([A-Z]\w*)|return _?([A-Z]\w*Error)\b)(?=(\()?)", text):
            call = call_at(text, match.end()) if match[3] else ""
            if call != "message" or path.name != "_core.pyx":
                found.add((match[1] or match[2], next(texts_in(call), f"? {call}")))
    return found


def rows(section):
    """(first column, text) of a table's rows; a text may hold backticks of its own."""
    return {(name.strip("`"), text) for name, text in re.findall(r"^\| (\S+) \| `(.*?)` \| ", section, re.MULTILINE)}


C_ROWS, PYTHON_ROWS = map(rows, DOC.split("\n## ")[1:])


NUMBERS = {"%lld": r"-?\d{1,19}", "%llu": r"\d+"}  # the two have a row each for one sentence


def row_of(rows, kind, message):
    """The row whose text a message is, the one with most words of its own if several are; None if none is."""
    inserted = re.compile(r"(\.\.\.|%\.?\d*(?:ll)?[a-z])")

    def is_message(text):
        parts = inserted.split(text)
        parts[::2] = map(re.escape, parts[::2])
        parts[1::2] = (NUMBERS.get(part, ".*") for part in parts[1::2])
        return re.fullmatch("".join(parts), message, re.DOTALL)

    fitting = [row for row in rows if row[0] == kind and is_message(row[1])]
    return max(fitting, key=lambda row: len(inserted.sub("", row[1])), default=None)
