"""Programs outside the package: C and C++ against an installed tree and against the wheel, cffi on its library."""

import json
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from programs import WARNINGS, compiler, config, run, tool, words

import pyce

SOURCE = Path(__file__).resolve().parents[1]
PROGRAMS = SOURCE / "tests" / "consumers"
# mpmath, 20 digits; logits [[2, 0.5, 1], [float32(0.1), 1, 3]], labels [1, 2]
EXPECTED = (1.96436878410794484, 0.174254525093095322)


def configure_and_build(source, build, *options):
    compiler("c")  # without one, cmake would fail where this skips
    words(tool("cmake"), "-S", source, "-B", build, "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={tool('ninja')}", *options)
    words(tool("cmake"), "--build", build)


def compile_and_run(language, output, flags, **environment):
    standard = {"c": "-std=c99", "cpp": "-std=c++11"}[language]
    words(*compiler(language), standard, *WARNINGS, PROGRAMS / f"two_rows.{language}", "-o", output, *flags)
    return words(output, **environment)


def assert_right(printed):
    numbers = [float(word) for word in printed]
    for found, exact in zip(numbers[:2], EXPECTED, strict=True):
        assert abs(found - exact) <= 2 * np.spacing(np.float32(exact))
    for found, exact in zip(numbers[2:], EXPECTED, strict=True):
        assert abs(found - exact) <= 2 * np.spacing(exact)


# The portable kernels alone, which do not take a minute to compile.
QUICK = ["-DPYCE_X86_64=OFF"]
# Ways to configure the library that leave the kernels' commands alone, so that one build directory serves them all and
# compiles them once. STATIC: what plain compiler flags must name beside a static library.
SHARED = ["-DPYCE_SHARED=ON", "-DPYCE_OPENMP=ON", "-DCMAKE_INSTALL_LIBDIR=lib", "-DCMAKE_BUILD_TYPE=Release"]
VARIANTS = {
    "shared": [],
    "static": ["-DPYCE_SHARED=OFF"],
    "static, no OpenMP": ["-DPYCE_SHARED=OFF", "-DPYCE_OPENMP=OFF"],
    "lib64": ["-DCMAKE_INSTALL_LIBDIR=lib64"],
    "multiarch": ["-DCMAKE_INSTALL_LIBDIR=lib/x86_64-linux-gnu"],
    "debug": ["-DCMAKE_BUILD_TYPE=Debug"],
}
STATIC = {
    "static": ["-DPYCE_STATIC", "-fopenmp", "-pthread", "-lm"],
    "static, no OpenMP": ["-DPYCE_STATIC", "-pthread", "-lm"],
}


@pytest.fixture(scope="session")
def trees(tmp_path_factory):
    """Installed trees by variant, moved after their installation: nothing in them may name where they were."""
    build, moved = tmp_path_factory.mktemp("build"), {}
    optimised = "-O3 -DNDEBUG"  # in every build type, see VARIANTS

    def tree(variant):
        if variant not in moved:
            options = [f"-DCMAKE_C_FLAGS_{kind}={optimised}" for kind in ("RELEASE", "DEBUG")]
            configure_and_build(SOURCE, build, "-DPYCE_BUILD_TESTS=OFF", *QUICK, *options, *SHARED, *VARIANTS[variant])
            before = tmp_path_factory.mktemp("installed") / "before"
            words(tool("cmake"), "--install", build, "--prefix", before)
            moved[variant] = before.rename(before.with_name("moved"))
        return moved[variant]

    return tree


@pytest.fixture
def prefix(trees):
    return trees("shared")


def library_dir(prefix):
    (package,) = prefix.rglob("pyce-config.cmake")
    return package.parents[2]


def languages():
    cxx = shutil.which(shlex.split(os.environ.get("CXX", "c++"))[0])
    return ["C", "CXX"] if cxx else ["C"]


def build_consumers(build, *options, written_in=None):
    """Builds the CMake project of tests/consumers and runs its programs."""
    written_in = written_in or languages()
    configure_and_build(PROGRAMS, build, f"-DLANGUAGES={';'.join(written_in)}", *options)
    for language in written_in:
        assert_right(words(build / {"C": "two_rows_c", "CXX": "two_rows_cpp"}[language]))
    if "CXX" in written_in:
        printed = words(build / "tutorial_cpp")
        assert printed[:3] == ["loss", "1.96436882", "0.174254522"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_find_package_on_an_installed_tree(trees, tmp_path, variant):
    lib = library_dir(trees(variant))  # CMake searches a prefix for the library directory of its own system alone
    place = f"-DCMAKE_PREFIX_PATH={lib.parent}" if lib.name == "lib" else f"-Dpyce_DIR={lib / 'cmake' / 'pyce'}"
    build_consumers(tmp_path / "build", place)


@pytest.mark.parametrize("variant", STATIC)
def test_find_package_of_a_static_library_in_a_project_without_c(trees, tmp_path, variant):
    compiler("cpp")
    build_consumers(tmp_path / "build", f"-DCMAKE_PREFIX_PATH={trees(variant)}", written_in=["CXX"])


@pytest.fixture(scope="session")
def embedded(tmp_path_factory):
    """One build directory of a project that has pyce's sources as a part: the kernels are compiled once."""
    return tmp_path_factory.mktemp("embedded")


def test_static_library_as_a_part_of_another_build(embedded):
    options = [f"-DPYCE_SOURCE={SOURCE}", "-DPYCE_FETCH=OFF", "-DBUILD_SHARED_LIBS=OFF", "-DPYCE_OPENMP=OFF"]
    build_consumers(embedded, *QUICK, *options, "-DPYCE_SHARED=OFF")
    assert list(embedded.rglob("libpyce.a"))
    assert not list(embedded.rglob("libpyce.so*"))


def test_shared_library_by_fetch_content(embedded):
    options = [f"-DPYCE_SOURCE={SOURCE}", "-DPYCE_FETCH=ON", "-DBUILD_SHARED_LIBS=ON", "-DPYCE_OPENMP=ON"]
    build_consumers(embedded, *QUICK, *options, "-DPYCE_SHARED=ON")
    assert list(embedded.rglob("libpyce.so*"))


def compiled_by(build, *options):
    """How the library's own files are compiled as a part of another build: {file: command}."""
    configuration = ["-DLANGUAGES=C", f"-DPYCE_SOURCE={SOURCE}", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON", *options]
    ninja = f"-DCMAKE_MAKE_PROGRAM={tool('ninja')}"
    words(tool("cmake"), "-S", PROGRAMS, "-B", build, "-G", "Ninja", ninja, *configuration)
    commands = json.loads((build / "compile_commands.json").read_text())
    library = [entry for entry in commands if entry["file"].startswith(str(SOURCE / "c_src"))]
    return {Path(entry["file"]).stem: entry["command"] for entry in library}


@pytest.mark.parametrize(("options", "flags"), [
    ([], ["-O3"]),
    (["-DCMAKE_C_FLAGS=-O1"], ["-O1"]),
    (["-DCMAKE_BUILD_TYPE=Debug"], []),
    (["-DCMAKE_BUILD_TYPE=MinSizeRel"], ["-Os"]),
])  # fmt: skip
def test_part_of_another_build_is_optimised_unless_that_says_otherwise(tmp_path, options, flags):
    found = {name: re.findall(r" (-O\w*)", command) for name, command in compiled_by(tmp_path, *options).items()}
    kernels = found.pop("kernels")
    assert len(found) >= 13 and kernels[-1] == "-O3"
    assert set(map(tuple, found.values())) == {tuple(flags)}


def test_part_of_a_build_with_fast_math_is_compiled_without(tmp_path):
    for command in compiled_by(tmp_path, "-DCMAKE_C_FLAGS=-ffast-math").values():
        assert re.findall(r" -f(?:no-)?fast-math", command) == [" -ffast-math", " -fno-fast-math"]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("language", ["c", "cpp"])
def test_pkg_config_on_an_installed_tree(trees, tmp_path, variant, language):
    lib = library_dir(trees(variant))
    found = {"PKG_CONFIG_PATH": str(lib / "pkgconfig")}
    static = ["--static"] if variant in STATIC and language == "c" else []  # which changes nothing
    flags = words(tool("pkg-config"), *static, "--cflags", "--libs", "pyce", **found)
    assert_right(compile_and_run(language, tmp_path / "program", flags, LD_LIBRARY_PATH=str(lib)))
    assert words(tool("pkg-config"), "--modversion", "pyce", **found) == [pyce.__version__]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("language", ["c", "cpp"])
def test_plain_compiler_flags_on_an_installed_tree(trees, tmp_path, variant, language):
    prefix = trees(variant)
    lib = library_dir(prefix)
    flags = [f"-I{prefix / 'include'}", f"-L{lib}", "-lpyce", *STATIC.get(variant, [f"-Wl,-rpath,{lib}"])]
    assert_right(compile_and_run(language, tmp_path / "program", flags))


@pytest.mark.parametrize(("variant", "directory"), [("lib64", "lib64"), ("multiarch", "lib/x86_64-linux-gnu")])
def test_library_and_its_package_files_lie_in_the_directory_that_was_named(trees, variant, directory):
    prefix = trees(variant)
    below = {path.relative_to(prefix) for path in prefix.rglob("*") if path.is_file()}
    assert {path for path in below if not path.is_relative_to(directory)} == {Path("include/pyce.h")}
    (abi,) = re.findall(r"PYCE_ABI_VERSION (\d+)", (prefix / "include/pyce.h").read_text())
    for part in (f"libpyce.so.{abi}", "pkgconfig/pyce.pc", "cmake/pyce/pyce-config.cmake"):
        assert Path(directory) / part in below


def test_example_in_the_header_compiles_and_is_right(prefix, tmp_path):
    text = (prefix / "include" / "pyce.h").read_text()
    example = text.split("2  EXAMPLE")[1].split("Anything else")[0]
    source = tmp_path / "example.c"
    source.write_text("\n".join(line.removeprefix(" *") for line in example.splitlines()) + "\n")
    lib = prefix / "lib"
    flags = [f"-I{prefix / 'include'}", f"-L{lib}", "-lpyce", f"-Wl,-rpath,{lib}"]
    words(*compiler("c"), "-std=c99", "-Wall", "-Wextra", "-pedantic", source, "-o", tmp_path / "example", *flags)
    numbers = [float(word) for word in words(tmp_path / "example")]
    assert np.allclose(numbers, EXPECTED, rtol=2e-7, atol=0)


@pytest.mark.parametrize("language", ["c", "cpp"])
def test_pyce_config_compiles_against_the_installed_package(tmp_path, language):
    assert_right(compile_and_run(language, tmp_path / "program", config("--cflags", "--libs")))


def test_pkg_config_on_the_installed_package(tmp_path):
    lib = config("--libdir")[0]
    flags = words(tool("pkg-config"), "--cflags", "--libs", "pyce", PKG_CONFIG_PATH=f"{lib}/pkgconfig")
    assert_right(compile_and_run("c", tmp_path / "program", flags, LD_LIBRARY_PATH=lib))


def test_pyce_config_finds_the_cmake_package(tmp_path):
    build_consumers(tmp_path / "build", f"-Dpyce_DIR={config('--cmakedir')[0]}")


@pytest.mark.parametrize("language", ["c", "cpp"])
def test_include_and_library_of_the_installed_package(tmp_path, language):
    library = Path(pyce.get_library())
    flags = [f"-I{pyce.get_include()}", library, f"-Wl,-rpath,{library.parent}"]
    assert_right(compile_and_run(language, tmp_path / "program", flags))


def test_package_holds_what_cmake_installs(prefix):
    """The wheel has no symlinks, so all but libpyce.so, which is one."""
    package = Path(pyce.get_include()).parent
    for path in (path for path in prefix.rglob("*") if path.is_file() and not path.is_symlink()):
        assert (package / path.relative_to(prefix)).is_file(), path
    assert (package / "include" / "pyce.h").read_bytes() == (prefix / "include" / "pyce.h").read_bytes()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads ELF files")
def test_extension_uses_the_library_of_the_package_and_has_no_code_of_its_own():
    extension, library = pyce._core.__file__, Path(pyce.get_library())
    assert f"Shared library: [{library.name}]" in run(tool("readelf"), "-d", extension)
    symbols = run(tool("nm"), "-D", extension) + run(tool("nm"), extension)
    found = set(re.findall(r" ([A-Za-z]) (pyce_\w+)", symbols))
    assert ("U", "pyce_compute") in found
    assert {name for kind, name in found if kind != "U"} == set()


def declarations(header):
    """The header's types, constants and functions in the form that cffi reads: no comments, no inline functions, and
    of the preprocessor the numeric constants alone."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.DOTALL)
    text = re.sub(r"^static inline .*?^}$", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r'^extern "C" \{$|^\}$', "", text, flags=re.MULTILINE)
    text = re.sub(r"PYCE_POINTER\((.*?), (\w+)\)", r"\1 \2", re.sub(r"^#define PYCE_POINTER.*", "", text, flags=re.M))
    text = re.sub(r"^#(?!define \w+ +\d+ *$).*$", "", text, flags=re.MULTILINE)
    return text.replace("PYCE_API", "")


def test_cffi_calls_the_library_of_the_package_by_the_header():
    cffi = pytest.importorskip("cffi")
    ffi = cffi.FFI()
    ffi.cdef(declarations((Path(pyce.get_include()) / "pyce.h").read_text()))
    library = ffi.dlopen(pyce.get_library())
    assert ffi.string(library.pyce_version()).decode() == pyce.__version__

    logits = np.array([[2, 0.5, 1], [0.1, 1, 3]], np.float32)
    labels = np.array([1, 2], np.uint8)
    loss = np.empty(2, np.float64)
    args = ffi.new("pyce_args *")
    args.struct_size = ffi.sizeof("pyce_args")
    args.loss_kind, args.ndim, args.axis = library.PYCE_SPARSE_SOFTMAX, 2, 1
    args.shape[0:2] = logits.shape
    for field, array, dtype in [
        (args.logits, logits, library.PYCE_FLOAT32),
        (args.labels, labels, library.PYCE_UINT8),
        (args.loss, loss, library.PYCE_FLOAT64),
    ]:
        field.data = ffi.cast("void *", array.ctypes.data)
        field.dtype = dtype
        field.stride[0 : array.ndim] = [step // array.itemsize for step in array.strides]
    error = ffi.new("pyce_error *")
    error.struct_size = ffi.sizeof("pyce_error")
    assert library.pyce_compute(args, error) == library.PYCE_OK
    assert np.all(np.abs(loss - EXPECTED) <= 2 * np.spacing(np.array(EXPECTED)))

    labels[1] = 3
    assert library.pyce_compute(args, error) == library.PYCE_ERROR_LABEL
    assert (error.index, error.value, error.argument) == (1, 3, library.PYCE_ARG_LABELS)
    assert "3" in ffi.string(error.message).decode()
