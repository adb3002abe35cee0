"""Compiled functions whose object code is kept, so that a later process only loads it.

LLVM IR goes in, addresses of functions come out. What was compiled once lies in ``<cache>/code``, under
a name made of the key, the versions of the compiler and the processor's features. The folder belongs
to the user alone: whoever can write there can run code here. In any doubt about it, and if nothing
can be written, the code is compiled into memory. A damaged file is ignored and written again.
"""

from __future__ import annotations

import ctypes
import hashlib
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from femtobarn.base import private
from femtobarn.base.errors import RunError
from femtobarn.base.installed import version

FOLDER = "code"
"""Name of the folder within the cache."""

LONG = 10_000
"""Lines of IR from which on it is optimised less."""

KEPT = 400
"""How many files of object code are kept; the oldest go."""

_DECLARED = re.compile(r'^declare [^@\n]*@"?([\w.$]+)"?\(', re.MULTILINE)
_NO_SYMBOLS: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Loaded:
    """Code in memory; it lives as long as ``engine`` does, and that as long as the process."""

    engine: Any
    keep: Any

    def addresses(self, functions: Sequence[str]) -> dict[str, int]:
        found = {name: int(self.engine.get_function_address(name)) for name in functions}
        missing = [name for name, address in found.items() if not address]
        if missing:
            msg = f"Expected compiled code to have the functions {', '.join(functions)}, but it lacks {', '.join(missing)}. Name the functions that the code defines."
            raise RunError(msg)
        return found


_lock = threading.RLock()
_loaded: dict[str, _Loaded] = {}


def compiled(
    key: str, build: Callable[[], str], functions: Sequence[str], symbols: Mapping[str, int] = _NO_SYMBOLS
) -> dict[str, int]:
    """Return the addresses of compiled functions. Safe to call from several threads.

    Parameters
    ----------
    key
        what determines the code: its source, types and options. Versions of the compiler and the
        processor are added here
    build
        returns the module as LLVM IR; called only if there is no object code yet
    functions
        names of functions that the module defines
    symbols
        addresses of C functions that the module calls, by name; one name means one function in the
        whole process. Those of the C library are found by themselves

    Raises
    ------
    RunError
        if the module is no valid IR, calls a function that is not there or lacks one of ``functions``
    """
    with _lock:
        llvm = _llvm()
        for name, address in symbols.items():
            llvm.add_symbol(name, address)
        name = _name(key)
        if name not in _loaded:
            _loaded[name] = _load(name, build)
        return _loaded[name].addresses(functions)


def _load(name: str, build: Callable[[], str]) -> _Loaded:
    stored = private.load(FOLDER, name)
    if stored is None:
        stored = _compile(build())
        private.keep(FOLDER, name, stored, most=KEPT)
    externals, _, code = stored.partition(b"\n")
    _require(externals.decode().split())
    llvm = _llvm()
    # an engine for each, since names of functions may recur
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
    object_file = llvm.ObjectFileRef.from_data(code)
    engine.add_object_file(object_file)
    engine.finalize_object()
    return _Loaded(engine, object_file)


def _compile(text: str) -> bytes:
    """Return a line with the external functions that a module calls, and its object code."""
    llvm, machine = _llvm(), _machine()
    try:
        module = llvm.parse_assembly(text)
        module.verify()
    except RuntimeError as error:
        msg = f"Expected valid LLVM IR to compile, but: {str(error).strip()}. Correct what writes it."
        raise RunError(msg) from error
    module.triple = machine.triple
    module.data_layout = str(machine.target_data)
    # what is long is compiled with less care: it would take longer than what is won
    options = llvm.create_pipeline_tuning_options(speed_level=3 if text.count("\n") < LONG else 1)
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = True
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    externals = [one for one in _DECLARED.findall(str(module)) if not one.startswith("llvm.")]
    return " ".join(externals).encode() + b"\n" + bytes(machine.emit_object(module))


def _require(externals: Sequence[str]) -> None:
    """Check that external functions exist: LLVM ends the process if one does not."""
    llvm = _llvm()
    missing = []
    for name in externals:
        if not llvm.address_of_symbol(name):
            address = _in_library(name)
            if address:
                llvm.add_symbol(name, address)
            else:
                missing.append(name)
    if missing:
        msg = f"Expected the functions that compiled code calls to be in this process, but {', '.join(missing)} are not. Give their addresses."
        raise RunError(msg)


def _in_library(name: str) -> int | None:
    # Numba's wrappers call these for an exception, which functions without one never reach
    wanted = "abort" if name in {"numba_gil_ensure", "numba_gil_release"} else name
    for library in (None, "libm.so.6"):
        with suppress(AttributeError, OSError):
            return ctypes.cast(ctypes.CDLL(library)[wanted], ctypes.c_void_p).value
    return None


def _llvm() -> Any:
    import llvmlite.binding

    return llvmlite.binding


def _machine() -> Any:
    """Return a new description of this processor; an engine takes the one it is given."""
    llvm = _llvm()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    cpu, features = _processor()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=cpu, features=features, opt=3, reloc="default", codemodel="jitdefault", jit=True
    )


def _processor() -> tuple[str, str]:
    llvm = _llvm()
    return str(llvm.get_host_cpu_name()), str(llvm.get_host_cpu_features().flatten())


def _name(key: str) -> str:
    own = Path(__file__).read_text("utf-8")  # what it tells the compiler is part of what comes out
    parts = (key, own, version("numba"), version("llvmlite"), *_processor())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
