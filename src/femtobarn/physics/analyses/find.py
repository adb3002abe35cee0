"""Finding an analysis by its registered name, in a Python file, or in the configuration of a scan."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from femtobarn.base.errors import FemtobarnError, LanguageError, UnknownNameError, UsageError
from femtobarn.base.installed import registered
from femtobarn.physics.language.analysis import Analysis

if TYPE_CHECKING:
    from femtobarn.physics.spectra.scan import Scan

GROUP = "femtobarn.analyses"
SHIPPED = {
    "dimuon": "femtobarn.physics.analyses.dimuon",
    "hzz": "femtobarn.physics.analyses.hzz",
    "objects": "femtobarn.physics.analyses.objects",
    "zll": "femtobarn.physics.analyses.zll",
}


def analyses() -> tuple[str, ...]:
    """Return the names of all analyses: shipped ones and those registered by other packages."""
    return tuple(sorted({*SHIPPED, *registered(GROUP)}))


def find_analysis(name: str | Path) -> Analysis | Scan:
    """Return the analysis with a registered name, or what a file declares: Python an analysis, YAML a scan.

    Raises
    ------
    UnknownNameError
        if there is no such name
    LanguageError
        if a Python file declares none, or more than one
    SettingsError
        if a YAML file is no configuration of a scan
    """
    words = str(name)
    if words.lower().endswith((".yaml", ".yml")):
        from femtobarn.physics.spectra.scan import load_scan

        return load_scan(Path(words))
    if words.endswith(".py") or "/" in words:
        return load_file(Path(words))
    modules = SHIPPED if words in SHIPPED else {**registered(GROUP), **SHIPPED}
    if words not in modules:
        raise UnknownNameError("analysis", words, modules)
    found = _declared(importlib.import_module(modules[words].partition(":")[0]))
    by_name = {a.name: a for a in found}
    if words not in by_name:
        raise UnknownNameError(f"analysis in module {modules[words]}", words, by_name)
    return by_name[words]


def load_file(path: Path) -> Analysis:
    """Return the one analysis that a Python file declares.

    The file is imported, so an error in it is raised here, with the file and the line.
    """
    if not path.is_file():
        msg = f"There is no analysis file {path}. Give the name of an analysis ({', '.join(analyses())}) or a Python file."
        raise UsageError(msg)
    path = path.resolve()
    name = f"femtobarn_user_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        msg = f"{path} is not a Python file: its name must end in .py."
        raise LanguageError(msg)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # inspect.getsource of @function looks it up
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    except FemtobarnError as error:
        error.args = (f"{path.name}, line {_line(error, path)}: {error}",)
        raise
    except (Exception, SystemExit) as error:
        msg = f"{path.name}, line {_line(error, path)}: {type(error).__name__}: {error}"
        raise LanguageError(msg) from error
    finally:
        sys.path.pop(0)
    found = _declared(module)
    if len(found) != 1:
        names = ", ".join(repr(a.name) for a in found) or "none"
        msg = f"{path.name} must declare one Analysis at its top level, but declares {names}."
        raise LanguageError(msg)
    return found[0]


def _declared(module: ModuleType) -> list[Analysis]:
    """Return the analyses that a module declares itself (not those it imports)."""
    found = {
        id(v): v for v in vars(module).values() if isinstance(v, Analysis) and v.module == module.__name__
    }
    return list(found.values())


def _line(error: BaseException, path: Path) -> int:
    """Return the last line of the file that was running when the error came."""
    if isinstance(error, SyntaxError):
        return error.lineno or 0
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    return (lines[-1] if lines else 0) or 0
