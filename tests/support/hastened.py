"""The receiver with other constants, so that a test need not wait: `python -m tests.support.hastened <settings> serve`.

Each setting is `<module>.<NAME>=<seconds>`. A constant is set when its module has been loaded, before what imports it
goes on; the module itself is not loaded earlier than usual, since gevent must patch what it imports.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType

from receiver.cli.main import main


class _Setter(SourceFileLoader):
    """Loads a module, and then sets constants in it."""

    constants: dict[str, float]

    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        for name, seconds in self.constants.items():
            assert isinstance(getattr(module, name), float), (
                f"{module.__name__}.{name} is not a number of seconds"
            )
            setattr(module, name, seconds)


class _Finder(MetaPathFinder):
    def __init__(self, module: str, constants: dict[str, float]) -> None:
        self._module = module
        self._constants = constants

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._module:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        assert spec
        assert spec.origin
        loader = _Setter(fullname, spec.origin)
        loader.constants = self._constants
        spec.loader = loader
        return spec


def hasten(setting: str) -> None:
    """Set a constant when its module is loaded."""
    name, _, seconds = setting.partition("=")
    module, _, constant = name.rpartition(".")
    assert module not in sys.modules, f"{module} is loaded already"
    sys.meta_path.insert(0, _Finder(module, {constant: float(seconds)}))


if __name__ == "__main__":
    while "=" in sys.argv[1]:
        hasten(sys.argv.pop(1))
    main()
