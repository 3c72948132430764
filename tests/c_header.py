"""The installed header, as text and as declarations for cffi, and the library that the package carries."""

import re
from functools import cache
from pathlib import Path

import pyce


@cache
def header_text():
    return (Path(pyce.get_include()) / "pyce.h").read_text()


def library_path():
    """The shared library: what get_library() names, or the one in the directory that it names."""
    path = Path(pyce.get_library())
    return path if path.is_file() else next(p for p in sorted(path.glob("libpyce*")) if p.is_file())


def declarations():
    """The header's declarations without comments, preprocessor lines and inline functions."""
    text = re.sub(r"/\*.*?\*/", "", header_text(), flags=re.DOTALL)
    constants = dict(re.findall(r"^#define (PYCE_\w+) (\d+)\s*$", text, flags=re.MULTILINE))
    text = re.sub(r"\\\n", "", text)
    text = re.sub(r"^[ \t]*#.*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"^static inline .*?^\}", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r'extern "C" \{|^\}\s*$', "", text, flags=re.MULTILINE)
    text = re.sub(r"PYCE_POINTER\((.*?), (\w+)\);", r"\1 \2;", text)
    text = text.replace("PYCE_API ", "")
    for name, value in constants.items():
        text = re.sub(rf"\b{name}\b", value, text)
    return text
