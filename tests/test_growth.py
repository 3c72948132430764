"""Programs and libraries of different age: a later version whose structs have a field more is made here of the sources,
and each of the two runs with programs for the other."""

import re
import shutil
import sys
from pathlib import Path

import pytest
from programs import WARNINGS, compiler, run

import pyce

SOURCE = Path(__file__).resolve().parents[1] / "c_src"
PROGRAM = Path(__file__).parent / "growth" / "guarded_call.c"
GOOD = "loss 1.96436882 0.174254522"
UNTOUCHED = "loss -1 -1"

# What a later version does to add a field to each struct: declares it, names it as the last one, uses it.
GROWTH = {
    "include/pyce.h": [
        (
            "    int32_t has_ignore_index;\n} pyce_args;",
            "    int32_t has_ignore_index;\n    int64_t novel;\n} pyce_args;",
        ),
        (" /* one sentence, no newline */\n} pyce_error;", "\n    int64_t detail;\n} pyce_error;"),
    ],
    "args.c": [
        ("LAST_OF_ARGS has_ignore_index", "LAST_OF_ARGS novel"),
        ("LAST_OF_ERROR message", "LAST_OF_ERROR detail"),
    ],
    "pyce.c": [
        ("    error->index = -1;\n", "    error->index = -1;\n    error->detail = 4711;\n"),
        (
            "    now.args = args;\n",
            '    if (args->novel) return pyce_fail(error, PYCE_ERROR_VALUE, PYCE_ARG_ARGS, args->novel, "novel");\n'
            "    now.args = args;\n",
        ),
    ],
}

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="links an ELF library by its SONAME")


def edit(sources, name, *replacements):
    text = (sources / name).read_text()
    for before, after in replacements:
        assert text.count(before) == 1, (name, before)
        text = text.replace(before, after)
    (sources / name).write_text(text)


@pytest.fixture(scope="module")
def newer(tmp_path_factory):
    """The sources of a later version with its library: the portable kernels alone, not optimised."""
    sources = tmp_path_factory.mktemp("newer") / "c_src"
    shutil.copytree(SOURCE, sources)
    for name, replacements in GROWTH.items():
        edit(sources, name, *replacements)
    flags = ["-std=c99", "-O0", "-w", "-fPIC", "-ffp-contract=off", f"-I{sources / 'include'}", "-DPYCE_BUILDING"]
    flags += ["-DPYCE_KERNELS=pyce_kernels_baseline", "-DPYCE_HAVE_BASELINE"]
    library = sources / Path(pyce.get_library()).name
    files = sorted(sources.glob("*.c"))
    run(*compiler("c"), *flags, "-shared", f"-Wl,-soname,{library.name}", *files, "-pthread", "-lm", "-o", library)
    return sources


@pytest.fixture(scope="module")
def programs(newer, tmp_path_factory):
    """The program as today's header and as the later one has it built: {name: (program, its library)}."""
    folder = tmp_path_factory.mktemp("programs")
    later = newer / Path(pyce.get_library()).name
    ages = {
        "today": ([f"-I{pyce.get_include()}"], Path(pyce.get_library())),
        "later": ([f"-I{newer / 'include'}", "-DGROWN"], later),
    }
    for name, (flags, library) in ages.items():
        run(*compiler("c"), "-std=c99", *WARNINGS, *flags, PROGRAM, library, "-o", folder / name)
    return {name: (folder / name, library) for name, (_, library) in ages.items()}


@pytest.fixture
def call(programs):
    """What the program for one version says when it runs with the library of another."""

    def call(program, library, *words):
        return run(programs[program][0], *words, LD_LIBRARY_PATH=str(programs[library][1].parent)).strip()

    return call


def test_program_of_today_runs_on_a_later_library(call):
    printed = call("today", "later", "good")
    assert printed == call("today", "today", "good")
    assert printed.startswith(f"status 0 {GOOD}") and printed.endswith("message")


def test_program_of_today_gets_the_whole_error_from_a_later_library(call):
    printed = call("today", "later", "bad_label")
    assert printed == call("today", "today", "bad_label")
    assert f"status 40 {UNTOUCHED} error_size 288 index 1 value 3 argument 2" in printed
    assert printed.endswith("labels: the value at index 1 is 3, outside the range 0 to 2")


def test_later_program_uses_the_fields_of_its_own_library(call):
    assert call("later", "later", "good").startswith(f"status 0 {GOOD} error_size 296")
    assert "status 27" in call("later", "later", "novel")
    assert "value 77 argument 20 detail 4711 message novel" in call("later", "later", "novel")


def test_later_program_runs_on_the_library_of_today_while_the_new_field_is_zero(call):
    printed = call("later", "today", "good")
    assert f"status 0 {GOOD} error_size 296" in printed
    assert "detail -5 message" in printed


def test_later_program_that_sets_the_new_field_is_refused_by_the_library_of_today(call):
    printed = call("later", "today", "novel")
    assert f"status 10 {UNTOUCHED} error_size 296" in printed and "value 1408 argument 20 detail -5" in printed
    assert "args has a non-zero field at byte 1408, which this version" in printed


@pytest.mark.parametrize("library", ["today", "later"])
@pytest.mark.parametrize("size", [-(1 << 63), -1, 0, 8, 1407, 4097, 1 << 20, (1 << 63) - 1])
def test_struct_size_that_cannot_be_is_refused_and_nothing_else_is_read(call, library, size):
    printed = call("today", library, "size", size)
    assert f"status 10 {UNTOUCHED}" in printed and f"args.struct_size is {size}, expected" in printed


@pytest.mark.parametrize("library", ["today", "later"])
@pytest.mark.parametrize("size", [16, 287])
def test_error_shorter_than_that_of_the_first_version_is_not_written(call, library, size):
    printed = call("today", library, "error_size", size)
    assert f"status 40 {UNTOUCHED} error_size {size} index {-1} value 0 argument 0 message" in printed


@pytest.mark.parametrize("library", ["today", "later"])
def test_error_longer_than_that_of_the_library_is_written_as_far_as_the_library_knows(call, library):
    printed = call("today", library, "error_size", 4096)
    assert "error_size 4096 index 1 value 3" in printed
    assert ("beyond" in printed) == (library == "later")  # a later library has one field more to write


@pytest.mark.parametrize(
    "field",
    ["    int32_t novel;\n", "    double novel;\n    int32_t unnamed;\n", "    char novel[12];\n"],
)
def test_field_that_leaves_padding_at_the_end_does_not_compile(newer, tmp_path, field):
    sources = tmp_path / "c_src"
    shutil.copytree(newer, sources)
    check = [*compiler("c"), "-std=c99", f"-I{sources / 'include'}", "-fsyntax-only", sources / "args.c"]
    run(*check)
    edit(sources, "include/pyce.h", ("    int64_t novel;\n", field))
    with pytest.raises(AssertionError, match="assert_no_padding"):
        run(*check)


def test_field_in_front_of_others_does_not_compile(newer, tmp_path):
    sources = tmp_path / "c_src"
    shutil.copytree(newer, sources)
    header = (sources / "include" / "pyce.h").read_text()
    moved = re.sub(r"(    int64_t novel;\n)", "", header).replace(
        "    int64_t ignore_index;", "    int64_t novel, ignore_index;"
    )
    (sources / "include" / "pyce.h").write_text(moved)
    with pytest.raises(AssertionError, match="assert_first_args"):
        run(*compiler("c"), "-std=c99", f"-I{sources / 'include'}", "-fsyntax-only", sources / "args.c")
