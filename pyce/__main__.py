"""The console script `pyce`: a demonstration, facts about the installation, flags for compilers, and the judge."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence

import numpy as np

import pyce
import pyce._core as _core
from pyce import _demo, install


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; the result is the exit status."""
    parser = argparse.ArgumentParser(prog="pyce", description="Cross-entropy losses from logits, on the CPU.")
    parser.add_argument("--version", action="version", version=f"pyce {pyce.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="demo | info | config | verify")
    commands.add_parser("demo", help="worked examples, and small losses beside the textbook formula")
    commands.add_parser("info", help="version, instruction sets, threads, directories")
    config = commands.add_parser("config", help="what a C, C++ or Cython build needs")
    for flag, meaning in CONFIG_FLAGS.items():
        config.add_argument(f"--{flag}", dest="flags", action="append_const", const=flag, help=meaning)
    add_verify_options(commands.add_parser("verify", help="measure the error of every result on this machine, in ulps"))
    options = parser.parse_args(arguments)
    if options.command == "verify":
        return run_verify(options)
    if options.command == "config":
        if not options.flags:
            config.error("name at least one of " + ", ".join(f"--{flag}" for flag in CONFIG_FLAGS))
        lines = [" ".join(config_line(flag) for flag in options.flags)]
    else:
        lines = {"demo": _demo.lines, "info": info_lines}[options.command]()
    try:
        print("\n".join(lines), flush=True)
    except BrokenPipeError:  # the reader, e.g. `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


CONFIG_FLAGS = {
    "cflags": "compiler flags",
    "libs": "linker flags, with the run path of the library",
    "includedir": "directory of pyce.h",
    "libdir": "directory of the shared library",
    "cmakedir": "directory of the CMake package, for -Dpyce_DIR=",
}


def config_line(flag: str) -> str:
    """Return the answer to one flag of `pyce config`."""
    if flag == "cflags":
        return f"-I{shlex.quote(pyce.get_include())}"
    if flag == "libs":
        library = pyce.get_library()
        run_path = [] if sys.platform == "win32" else [f"-Wl,-rpath,{os.path.dirname(library)}"]
        return " ".join(shlex.quote(word) for word in [library, *run_path])
    return {
        "includedir": pyce.get_include,
        "libdir": install.get_library_dir,
        "cmakedir": install.get_cmake_dir,
    }[flag]()


VERIFIED_DTYPES = ("float32", "float64", "float16", "bfloat16")


def seed_number(text: str) -> int:
    """Return the seed of the random inputs."""
    seed = int(text)
    if seed < 0:
        raise argparse.ArgumentTypeError(f"{seed} is negative")
    return seed


def add_verify_options(verify: argparse.ArgumentParser) -> None:
    """Declare the options of `pyce verify`."""
    verify.add_argument("--quick", action="store_true", help="a short form, some seconds instead of some minutes")
    verify.add_argument("--seed", type=seed_number, help="of the random inputs (printed; a fresh one by default)")
    verify.add_argument("--isa", action="append", default=[], help="an instruction set, may be repeated; default: all")
    verify.add_argument(
        "--dtype", action="append", choices=VERIFIED_DTYPES, default=[], help="may be repeated; default: all"
    )


def run_verify(options: argparse.Namespace) -> int:
    """Run `pyce verify`: status 0, 1 if something is beyond its bound, 2 if it cannot be measured."""
    try:
        from pyce import _verify
    except ModuleNotFoundError as error:
        if error.name not in ("ml_dtypes", "mpmath", "tqdm"):
            raise
        print(f"pyce verify needs {error.name}: pip install 'pyce[verify]'", file=sys.stderr)
        return 2
    dtypes = tuple(options.dtype) or VERIFIED_DTYPES
    return _verify.verify(_verify.Options(options.quick, options.seed, tuple(options.isa), dtypes))


def info_lines() -> list[str]:
    """Return the report of `pyce info`."""
    library = _core.library()
    isas = _core.isas()
    openmp = library["openmp"]
    try:
        shared = pyce.get_library()
    except FileNotFoundError:
        shared = "inside the extension"
    facts = {
        "version": f"{library['version']} (ABI {library['abi']})",
        "losses": ", ".join(_core.losses()),
        "compiled": ", ".join(name for name, (_, compiled, _) in isas.items() if compiled),
        "available": ", ".join(name for name, (_, _, available) in isas.items() if available),
        "chosen": library["isa"],
        "threads": str(library["threads"]),
        "OpenMP": f"yes ({openmp // 100}-{openmp % 100:02d})" if openmp else "no",
        "compiler": library["compiler"],
        "Python": f"{sys.version.split()[0]}, NumPy {np.__version__}",
        "extension": str(_core.__file__),
        "include": pyce.get_include(),
        "library": shared,
        "CMake": install.get_cmake_dir(),
    }
    labels = {"compiled": "instruction sets compiled", "available": "  available", "chosen": "  chosen"}
    width = max(len(labels.get(key, key)) for key in facts)
    return [f"{labels.get(key, key):{width}}  {value}" for key, value in facts.items()]


if __name__ == "__main__":
    sys.exit(main())
