"""Where this installation keeps what C, C++ and Cython programs need.

Every path starts from the extension, not from this file: in an editable install this file lies in the source folder
and the built files lie elsewhere.
"""

from __future__ import annotations

import os.path
import sys

import pyce._core as _core


def get_include() -> str:
    """Return the directory of ``pyce.h``.

    Returns
    -------
    str
        An absolute path, for the compiler's ``-I``.

    Examples
    --------
    >>> import os, pyce
    >>> os.path.isfile(os.path.join(pyce.get_include(), "pyce.h"))
    True
    """
    return os.path.join(_root(), "include")


def get_library() -> str:
    """Return the path of the shared library that the extension itself uses.

    Give the linker this path; there is no ``-lpyce``, since a wheel holds no development symlink.

    Returns
    -------
    str
        An absolute path.

    Raises
    ------
    FileNotFoundError
        If this build has the library inside the extension.

    Examples
    --------
    >>> import ctypes, pyce
    >>> ctypes.CDLL(pyce.get_library()).pyce_abi_version()
    0
    """
    abi = _core.library()["abi"]
    folder, names = get_library_dir(), [f"libpyce.so.{abi}"]
    if sys.platform == "darwin":
        names = [f"libpyce.{abi}.dylib"]
    elif sys.platform == "win32":  # a DLL lies beside the extension
        folder, names = _root(), ["libpyce.dll", "pyce.dll"]
    for name in names:
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return path
    raise FileNotFoundError(f"{names[0]} is not in {folder}: this build has the library inside the extension")


def get_library_dir() -> str:
    """Return the directory of the shared library."""
    return os.path.join(_root(), "lib")


def get_cmake_dir() -> str:
    """Return the directory of the CMake package, for ``-Dpyce_DIR=``."""
    return os.path.join(_root(), "lib", "cmake", "pyce")


def _root() -> str:
    return os.path.dirname(os.path.realpath(_core.__file__))
