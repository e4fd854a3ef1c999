"""Values: dataclasses whose fields are set once.

`@dataclass(frozen=True)` writes and compiles six methods for every class, which takes half a
millisecond, and a command imports sixty. Here `__init__` alone is written for each.
"""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, field, fields
from operator import attrgetter
from reprlib import recursive_repr
from typing import Any, TypeVar, dataclass_transform

__all__ = ["field", "frozen"]

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[T]) -> type[T]:
    """What `dataclass(frozen=True)` makes of a class: equal, hashed and shown by its fields, unless
    it has ways of its own, or a class that it stands on.

    Setting a field again, or anything that is none, raises dataclasses.FrozenInstanceError.
    """
    made: Any = dataclass(repr=False, eq=False)(cls)
    compared = [f.name for f in fields(made) if f.compare]
    made._settable = frozenset(f.name for f in fields(made))
    made._compared = attrgetter(*compared) if compared else type
    for name, method in _METHODS.items():
        # A class with __eq__ alone has None for __hash__.
        if getattr(cls, name) in (getattr(object, name), None):
            setattr(made, name, method)
    return cls


def _equals(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    return self._compared(self) == self._compared(other)


def _hashed(self: Any) -> int:
    return hash(self._compared(self))


@recursive_repr()
def _shown(self: Any) -> str:
    shown = [f.name for f in fields(self) if f.repr]
    return f"{type(self).__qualname__}({', '.join(f'{n}={getattr(self, n)!r}' for n in shown)})"


def _set_once(self: Any, name: str, to: object) -> None:
    if name in self.__dict__ or name not in self._settable:
        raise FrozenInstanceError(f"cannot assign to field {name!r}")
    self.__dict__[name] = to


def _keep(self: Any, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


_METHODS = {
    "__eq__": _equals,
    "__hash__": _hashed,
    "__repr__": _shown,
    "__setattr__": _set_once,
    "__delattr__": _keep,
}
