#!/usr/bin/env python3
"""Compares the ABI of libpyce with the one that is recorded in .ci/abi; any difference is a failure.

    python .ci/check_abi.py [BUILD_DIRECTORY]            compare
    python .ci/check_abi.py --record [BUILD_DIRECTORY]   record what was changed on purpose

- Functions, parameters and the layout of the structs: abidw describes them, abidiff compares.
- The numbers of the header, which are no type of any function: a list of name and number.

Then check_objects.py looks at the library's name and its symbols. An ABI may grow: by functions, numbers, and fields
behind those that a struct has. Whatever else changes breaks programs, also where abidiff calls it a mere change (a
field that moved, a parameter of another type): raise PYCE_ABI_VERSION before it is recorded.

BUILD_DIRECTORY is a build with -g and -ffile-prefix-map=SOURCE/=; without one it is made, the portable kernels alone.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]
HEADER = SOURCE / "c_src/include/pyce.h"
RECORD = SOURCE / ".ci/abi/libpyce.abi"
NUMBERS = SOURCE / ".ci/abi/numbers.txt"
INCOMPATIBLE, ANY_CHANGE = 8, 4  # bits of abidiff's exit status


def build(folder):
    options = ["-DPYCE_X86_64=OFF", "-DPYCE_BUILD_TESTS=OFF", f"-DCMAKE_C_FLAGS=-g -ffile-prefix-map={SOURCE}/="]
    for command in ["-S", SOURCE, "-B", folder, "-G", "Ninja", *options], ["--build", folder]:
        subprocess.run(["cmake", *command], check=True, stdout=subprocess.DEVNULL)


def describe(folder, to):
    """Writes the ABI of a build, without a word on this machine or on what only the library itself sees."""
    (library,) = (path for path in folder.glob("libpyce.so*") if not path.is_symlink())
    omissions = ["--no-corpus-path", "--no-comp-dir-path", "--no-show-locs", "--no-elf-needed", "--no-architecture"]
    omissions += ["--exported-interfaces-only", "--drop-private-types", "--drop-undefined-syms"]
    subprocess.run(["abidw", *omissions, "--headers-dir", HEADER.parent, "--out-file", to, library], check=True)
    text = to.read_text()
    assert "name='ignore_index'" in text, f"{library} was built without -g"
    assert str(SOURCE) not in text, f"{library} was built without -ffile-prefix-map={SOURCE}/="


def soname(description):
    return re.search(r"soname='([^']+)'", description.read_text())[1]


def numbers():
    """Every enumerator and every number that a macro stands for, but the version."""
    text = re.sub(r"/\*.*?\*/", "", HEADER.read_text(), flags=re.DOTALL)
    found = dict(re.findall(r"^#define (PYCE_\w+) (\d+)\s*$", text, re.MULTILINE))
    found = {name: number for name, number in found.items() if not re.match("PYCE_(ABI_)?VERSION", name)}
    for body in re.findall(r"\benum \{(.*?)\}", text, re.DOTALL):
        for item in filter(None, map(str.strip, body.split(","))):
            name, number = re.fullmatch(r"(\w+) = (-?\d+)", item).groups()
            found[name] = number
    return found


def compare(description):
    """What changed: (may break programs, in words)."""
    done = subprocess.run(["abidiff", RECORD, description], capture_output=True, text=True)
    if done.returncode & ~(INCOMPATIBLE | ANY_CHANGE):
        sys.exit(f"abidiff failed\n{done.stdout}{done.stderr}")
    changes = [(bool(done.returncode & INCOMPATIBLE), done.stdout.strip())] if done.returncode else []
    before, now = dict(line.split() for line in NUMBERS.read_text().splitlines()), numbers()
    changes += [
        (name in before, f"{name}: recorded as {before.get(name, 'nothing')}, now {now.get(name, 'nothing')}")
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    ]
    return changes


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--record", action="store_true")
    parser.add_argument("build", nargs="?", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        directory = options.build or Path(folder) / "build"
        if not options.build:
            build(directory)
        description = Path(folder) / "libpyce.abi"
        describe(directory, description)
        if not (RECORD.exists() and NUMBERS.exists()) and not options.record:
            sys.exit("no ABI is recorded: nothing was compared")
        changes = compare(description) if RECORD.exists() else []
        print("\n".join(words for _, words in changes) or "the ABI is the recorded one")
        breaks = any(breaking for breaking, _ in changes) and soname(RECORD) == soname(description)
        if breaks:
            print("incompatible: programs that use this library would break; raise PYCE_ABI_VERSION in pyce.h")
        elif options.record:
            RECORD.parent.mkdir(exist_ok=True)
            RECORD.write_text(description.read_text())
            NUMBERS.write_text("".join(f"{name} {number}\n" for name, number in numbers().items()))
            changes = []
        elif changes:
            print("not recorded: if it only adds, python .ci/check_abi.py --record; else raise PYCE_ABI_VERSION first")
        checked = subprocess.run([sys.executable, SOURCE / ".ci/check_objects.py", directory])
        return bool(changes) or checked.returncode != 0


if __name__ == "__main__":
    sys.exit(main())
