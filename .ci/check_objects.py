#!/usr/bin/env python3
"""Checks a finished build of libpyce: what it exports, and that no instruction leaves its instruction set.

    python .ci/check_objects.py BUILD_DIRECTORY [TOOL_PREFIX]

- The shared library is named after PYCE_ABI_VERSION (SONAME), and exports exactly the functions that the header marks
  PYCE_API, each in the version PYCE_<that number>.
- kernels.c defines one global symbol in each of its builds: a helper shared by two instruction sets would be linked
  once, with the wrong one's code.
- Outside the AVX builds of kernels.c nothing touches a ymm or zmm register.
- No function of another library takes part in a result: kernels.c calls nothing but what compilers call to move memory,
  and the library imports nothing that libm has.

TOOL_PREFIX is that of a cross compiler's gcc, nm, objdump and readelf.
"""

import re
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]
PREFIX = sys.argv[2] if len(sys.argv) > 2 else ""
MEMORY = {"memcpy", "memmove", "memset"}
# 64-bit integers on 32-bit processors: libgcc's, exact or rounded once; and how i686 finds its data
HELPERS = {"__aeabi_l2d", "__aeabi_l2f", "__aeabi_ldivmod", "__divdi3", "_GLOBAL_OFFSET_TABLE_"}
THUNK = "__x86.get_pc_thunk."
ENVIRONMENT = {"fegetenv", "fesetenv"}  # no part in a result


def output(*command):
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout


def symbols(*nm_options):
    """Names of the functions and objects, without versions and without the version's own symbol."""
    rows = [line.split() for line in output(f"{PREFIX}nm", "--defined-only", *nm_options).splitlines()]
    return {row[-1].split("@")[0] for row in rows if len(row) == 3 and row[1] != "A"}


def imports(*nm_options):
    """Names of what is needed from elsewhere."""
    rows = output(f"{PREFIX}nm", "--undefined-only", *nm_options).splitlines()
    return {row.split()[-1].split("@")[0] for row in rows if row.strip()}


def functions_of_libm():
    path = Path(output(f"{PREFIX}gcc", "-print-file-name=libm.so.6").strip())
    functions = symbols("-D", path)
    assert {"exp", "expf", "log1p", "log1pf", "fma"} <= functions, f"{path} is no libm"
    return functions


def main():
    build = Path(sys.argv[1])
    problems = []

    header = (SOURCE / "c_src/include/pyce.h").read_text()
    declared = set(re.findall(r"^PYCE_API [^(]*?(\w+)\(", header, re.MULTILINE))
    (library,) = (path for path in build.glob("libpyce.so*") if not path.is_symlink())
    exported = symbols("-D", library)
    problems += [f"{library.name} does not export {name}" for name in sorted(declared - exported)]
    problems += [f"{library.name} exports {name}" for name in sorted(exported - declared)]

    abi = re.search(r"^#define PYCE_ABI_VERSION (\d+)", header, re.MULTILINE)[1]
    soname = re.findall(r"\(SONAME\).*\[(.*)\]", output(f"{PREFIX}readelf", "-d", library))
    if soname != [f"libpyce.so.{abi}"]:
        problems.append(f"{library.name} has the SONAME {soname}, expected libpyce.so.{abi}")
    rows = output(f"{PREFIX}nm", "-D", "--defined-only", "--with-symbol-versions", library).split()
    versioned = {word for word in rows if word.split("@")[0] in exported}
    problems += [f"{name} is not in PYCE_{abi}" for name in sorted(versioned) if not name.endswith(f"@@PYCE_{abi}")]

    of_libm = imports("-D", library) & functions_of_libm() - ENVIRONMENT
    problems += [f"{library.name} imports {name} of libm" for name in sorted(of_libm)]

    objects = sorted(build.glob("CMakeFiles/pyce*.dir/c_src/*.o"))
    for path in objects:
        isa = re.match(r"pyce_kernels_(\w+)\.dir", path.parts[-3])
        defined = {name for name in symbols("-g", path) if not name.startswith(THUNK)}
        if isa and defined != {f"pyce_kernels_{isa[1]}"}:
            problems.append(f"{path} defines {sorted(defined)}")
        called = imports(path) - MEMORY - HELPERS
        if isa and called:
            problems.append(f"{path} calls {', '.join(sorted(called))}")
        if not (isa and isa[1].startswith("avx")):
            listing = output(f"{PREFIX}objdump", "-d", "--no-show-raw-insn", path)
            wide = re.findall(r"^.*%[yz]mm.*$", listing, re.MULTILINE)
            problems += [f"{path} uses AVX: {wide[0].strip()}"] if wide else []

    print("\n".join(problems))
    print(f"{len(exported)} exported functions, {len(objects)} objects, {len(problems)} problems")
    return bool(problems) or not objects


if __name__ == "__main__":
    sys.exit(main())
