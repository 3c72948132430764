#!/usr/bin/env python3
"""Builds the C library with several compilers, for other platforms and other processors, and runs its tests there.

    python .ci/platforms.py [--all] [--keep DIRECTORY] [NAME ...]

Each line of PLATFORMS is configured, built without warnings, tested by ctest and, where check_objects.py can read its
objects, checked by it. Each of its instruction sets with fused multiply-add must print the digests of gcc's AVX2
kernels; one without must refuse to, so that none is taken for what it is not. The build of gcc then runs on
emulated processors without AVX-512 and without AVX2: it must choose the instruction set that is named here, and an
instruction that the processor lacks ends the program. DIRECTORY/gcc has what check_abi.py reads.

Emulators take 30 to 60 times as long, so what they leave out is named in each line, and the digests are of the first
eleven shapes; --all runs every test and compares all shapes. NAME: those platforms alone.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tools import SOURCE, Failure, run

SHORT_SHAPES = 11
UNAVAILABLE = 2  # test_digest's exit status for an instruction set without fused multiply-add
SLOW = "threads|layout|digest"  # under an emulator: a minute or more each
WINDOWS_GCC = "x86_64-w64-mingw32"


@dataclass(frozen=True)
class Platform:
    name: str
    compiler: str
    options: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()  # what runs its programs; nothing: this machine
    fused: tuple[str, ...] = ("baseline",)  # its instruction sets with fused multiply-add
    left_out: str = ""  # tests, a regular expression
    objects: str | None = None  # the prefix of the tools for check_objects.py; None: it cannot read them


def linux(processor, triple, *, left_out=SLOW, **rest):
    return Platform(
        processor,
        f"{triple}-gcc",
        ("-DCMAKE_SYSTEM_NAME=Linux", f"-DCMAKE_SYSTEM_PROCESSOR={processor}"),
        rest.pop("runs", (f"qemu-{processor}", "-L", f"/usr/{triple}")),
        left_out=left_out,
        objects=f"{triple}-",
        **rest,
    )


FUSED = ("avx2", "avx512")
WINDOWS = ("-DCMAKE_SYSTEM_NAME=Windows", "-DCMAKE_SYSTEM_PROCESSOR=x86_64")
I686 = "/usr/i686-linux-gnu/lib"
DEBUGGED = f"-DCMAKE_C_FLAGS=-g -ffile-prefix-map={SOURCE}/="  # the types of the ABI, by paths of no machine
NATIVE = Platform("gcc", "gcc", (DEBUGGED,), fused=FUSED, objects="")
PLATFORMS = (
    NATIVE,
    Platform("clang", "clang", fused=FUSED, objects=""),
    Platform("serial", "gcc", (DEBUGGED, "-DPYCE_OPENMP=OFF"), fused=FUSED, objects=""),
    linux("aarch64", "aarch64-linux-gnu"),
    linux("s390x", "s390x-linux-gnu"),  # big endian
    linux("riscv64", "riscv64-linux-gnu"),
    linux("arm", "arm-linux-gnueabihf", fused=()),  # 32 bits
    # not by qemu-i386, which hangs with two OpenMP threads
    linux("i686", "i686-linux-gnu", fused=(), left_out="", runs=(f"{I686}/ld-linux.so.2", "--library-path", I686)),
    # CMake takes gcc's libgomp for musl's, but it does not load
    Platform("musl", "musl-gcc", ("-DPYCE_OPENMP=OFF",), fused=FUSED),
    Platform("mingw", f"{WINDOWS_GCC}-gcc", WINDOWS, ("wine",), FUSED, "layout"),
    Platform("mingw-static", f"{WINDOWS_GCC}-gcc", (*WINDOWS, "-DPYCE_SHARED=OFF"), ("wine",), FUSED, SLOW),
)
# qemu's processors and what must be chosen on them
PROCESSORS = (("Nehalem", "baseline"), ("Haswell", "avx2"))


def environment(work, name):
    """Emulated threads that wait must not spin; wine must find pyce.dll and gcc's own."""
    found = {**os.environ, "OMP_WAIT_POLICY": "passive"}
    if name.startswith("mingw"):
        runtime = Path(run(f"{WINDOWS_GCC}-gcc", "-print-file-name=libgomp-1.dll").strip()).parent
        folders = (work / name, runtime, f"/usr/{WINDOWS_GCC}/lib")
        found["WINEPATH"] = ";".join(f"Z:{folder}" for folder in folders)
        found |= {"WINEDEBUG": "-all", "WINEPREFIX": str(work / "wine")}
    return found


def program(work, platform, name):
    suffix = ".exe" if platform.name.startswith("mingw") else ""
    return (*platform.runs, str(work / platform.name / "tests/c" / (name + suffix)))


def digests(work, platform, isa, shapes):
    """What test_digest prints; None if the instruction set has no fused multiply-add, or is not here."""
    command = (*program(work, platform, "test_digest"), isa, *shapes)
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment(work, platform.name))
    if done.returncode == UNAVAILABLE:
        return None
    if done.returncode:
        raise Failure(f"{' '.join(command)}: status {done.returncode}\n{done.stderr}")
    return done.stdout.splitlines()


def instruction_sets(work, platform):
    """Those that test_isa lists as compiled, as available, and the one that it calls the default."""
    listing = run(*program(work, platform, "test_isa"), "list", env=environment(work, platform.name)).splitlines()
    compiled = {line.split(":")[0] for line in listing if "compiled 1" in line}
    here = {line.split(":")[0] for line in listing if "available 1" in line}
    (default,) = (line.split(":")[0] for line in listing if line.endswith(", default"))
    return compiled, here, default


def build(work, platform):
    folder = work / platform.name
    emulator = ";".join(platform.runs)
    options = (*platform.options, f"-DCMAKE_C_COMPILER={platform.compiler}", "-DPYCE_WERROR=ON")
    options += (f"-DCMAKE_CROSSCOMPILING_EMULATOR={emulator}",) if emulator else ()
    run("cmake", "-S", SOURCE, "-B", folder, "-G", "Ninja", *options)
    run("cmake", "--build", folder)
    if platform.objects is not None:
        run(sys.executable, ".ci/check_objects.py", folder, platform.objects)


def test(work, platform, everything):
    """Runs ctest; a line that says what passed."""
    options = ("-E", platform.left_out) if platform.left_out and not everything else ()
    ctest = ("ctest", "--test-dir", work / platform.name, "--output-on-failure", "--timeout", 1500, *options)
    said = run(*ctest, env=environment(work, platform.name))
    return next(line for line in said.splitlines() if "tests passed" in line)


def compare_bits(work, platform, reference, everything):
    """Checks each instruction set; how many have the bits of the reference, a line for each digest."""
    compiled, here, _ = instruction_sets(work, platform)
    if compiled != {"baseline", *platform.fused}:
        raise Failure(f"{platform.name}: compiled are {sorted(compiled)}, expected baseline and {platform.fused}")
    shapes = () if everything or not platform.runs else (str(SHORT_SHAPES),)
    same = 0
    for isa in ("baseline", "avx2", "avx512"):
        found = digests(work, platform, isa, shapes)
        if (found is not None) != (isa in platform.fused and isa in here):
            raise Failure(f"{platform.name} {isa}: {'has' if found else 'lacks'} fused multiply-add")
        if found is None:
            continue
        different = set(found) - set(reference) if shapes else set(found) ^ set(reference)
        if different or not found:
            raise Failure("\n".join([f"{platform.name} {isa}: {len(different)} other digests", *sorted(different)[:5]]))
        same += 1
    return same


def check_dispatch(work, reference, everything):
    """The native build on processors that lack something."""
    shapes = () if everything else (str(SHORT_SHAPES),)
    for processor, expected in PROCESSORS:
        emulated = Platform(NATIVE.name, "", runs=("qemu-x86_64", "-cpu", processor))
        _, _, default = instruction_sets(work, emulated)
        if default != expected:
            raise Failure(f"{processor}: {default} is chosen, expected {expected}")
        for name in ("basic", "status", "stack", *(("threads", "layout", "isa") if everything else ())):
            run(*program(work, emulated, f"test_{name}"), env=environment(work, NATIVE.name))
        if default != "baseline":
            found = digests(work, emulated, default, shapes)
            if not found or not set(found) <= set(reference):
                raise Failure(f"{processor}: other bits")
        print(f"{processor}: {default} chosen, tests pass", flush=True)


def check(work, platform, everything, reference=None):
    """One platform from source to the last test; whether all is well. Without a reference its bits are not compared."""
    try:
        build(work, platform)
        said = test(work, platform, everything)
        same = compare_bits(work, platform, reference, everything) if reference else None
    except Failure as failure:
        print(f"{platform.name} FAILED: {failure}", flush=True)
        return False
    bits = "" if same is None else f"; instruction sets with the same bits: {same}"
    left_out = f"; left out: {platform.left_out}" if platform.left_out and not everything else ""
    print(f"{platform.name}: {said}{bits}{left_out}", flush=True)
    return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", choices=[[], *(platform.name for platform in PLATFORMS)])
    parser.add_argument("--all", action="store_true", help="every test and shape, under emulators too")
    parser.add_argument("--keep", type=Path, help="where to build; kept")
    arguments = parser.parse_args()
    chosen = [p for p in PLATFORMS if p is not NATIVE and (not arguments.names or p.name in arguments.names)]
    with tempfile.TemporaryDirectory() as temporary:
        work = (arguments.keep or Path(temporary)).resolve()
        if not check(work, NATIVE, arguments.all):
            return 1
        reference = digests(work, NATIVE, "avx2", ())
        if not reference:
            sys.exit("this machine has no AVX2: nothing to compare with")
        print(f"{len(reference)} digests in the reference", flush=True)
        with ThreadPoolExecutor(2) as pool:
            fine = list(pool.map(lambda platform: check(work, platform, arguments.all, reference), chosen))
        try:
            check_dispatch(work, reference, arguments.all)
        except Failure as failure:
            print(f"dispatch FAILED: {failure}")
            return 1
    return not all(fine)


if __name__ == "__main__":
    sys.exit(main())
