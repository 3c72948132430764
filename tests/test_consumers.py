"""Programs outside the package: C and C++ against an installed tree and against the wheel, cffi on its library."""

import os
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from programs import WARNINGS, compiler, config, tool, words

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


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The library, built once by plain CMake."""
    build = tmp_path_factory.mktemp("build")
    configure_and_build(SOURCE, build, "-DPYCE_BUILD_TESTS=OFF")
    return build


@pytest.fixture
def prefix(built, tmp_path):
    """An installed tree, moved after its installation: nothing in it may name the place where it was."""
    words(tool("cmake"), "--install", built, "--prefix", tmp_path / "before")
    return (tmp_path / "before").rename(tmp_path / "moved")


def with_cxx():
    return "ON" if shutil.which(shlex.split(os.environ.get("CXX", "c++"))[0]) else "OFF"


def build_consumers(build, *options):
    """Builds the CMake project of tests/consumers; its programs."""
    configure_and_build(PROGRAMS, build, f"-DWITH_CXX={with_cxx()}", *options)
    return [build / "two_rows_c"] + [build / "two_rows_cpp"] * (with_cxx() == "ON")


def test_find_package_on_an_installed_tree(prefix, tmp_path):
    for program in build_consumers(tmp_path / "build", f"-DCMAKE_PREFIX_PATH={prefix}"):
        assert_right(words(program))


def test_static_library_as_a_part_of_another_build(tmp_path):
    options = [f"-DPYCE_SOURCE={SOURCE}", "-DBUILD_SHARED_LIBS=OFF", "-DPYCE_OPENMP=OFF"]
    for program in build_consumers(tmp_path / "build", *options):
        assert_right(words(program))
    assert list(tmp_path.rglob("libpyce.a"))
    assert not list(tmp_path.rglob("libpyce.so*"))


@pytest.mark.parametrize("language", ["c", "cpp"])
def test_pkg_config_on_an_installed_tree(prefix, tmp_path, language):
    found = {"PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig")}
    flags = words(tool("pkg-config"), "--cflags", "--libs", "pyce", **found)
    assert_right(compile_and_run(language, tmp_path / "program", flags, LD_LIBRARY_PATH=str(prefix / "lib")))
    assert words(tool("pkg-config"), "--modversion", "pyce", **found) == [pyce.__version__]


@pytest.mark.parametrize("language", ["c", "cpp"])
def test_plain_compiler_flags_on_an_installed_tree(prefix, tmp_path, language):
    lib = prefix / "lib"
    flags = [f"-I{prefix / 'include'}", f"-L{lib}", "-lpyce", f"-Wl,-rpath,{lib}"]
    assert_right(compile_and_run(language, tmp_path / "program", flags))


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
    for program in build_consumers(tmp_path / "build", f"-Dpyce_DIR={config('--cmakedir')[0]}"):
        assert_right(words(program))


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
