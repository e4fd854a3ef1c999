"""The parameters of a run: a mapping whose keys are attributes too."""

from __future__ import annotations

import copy
import math
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from git_datmo.errors import InvalidArgumentType
from git_datmo.model import document

Watch = Callable[[dict[str, Any], list[str]], None]


class Params(MutableMapping[str, Any]):
    """Parameters by name: `params["lr"] = 0.1`, `params.lr = 0.1`, `params.update({"lr": 0.1})`.

    A value is what JSON can say, in any depth; numpy's scalars become Python's, tuples become
    lists, and NaN stays NaN. Anything else is a TypeError. `upload` is called after each change,
    once for all that `update` was given. An attribute is a parameter unless a method has its name.
    """

    __slots__ = ("_exposed", "_stored", "_upload", "_values", "_watch")

    def __init__(
        self,
        upload: Callable[[], object] | None = None,
        init_hparams: Mapping[str, Any] | None = None,
        *,
        watch: Watch | None = None,
    ) -> None:
        given = {} if init_hparams is None else init_hparams
        put = object.__setattr__
        put(self, "_upload", upload)
        put(self, "_watch", watch)
        put(self, "_values", {_key(key): plain(value) for key, value in given.items()})
        # What was handed out and can be changed in place, and the rest of it as it was told last.
        put(self, "_exposed", set())
        put(self, "_stored", {})

    def update(  # type: ignore[override]
        self, new_params: Mapping[str, Any] | None = None, override: bool = True, **more: Any
    ) -> None:
        """Set many at once; with `override` false only those that are not there yet."""
        given = {**(new_params or {}), **more}
        new = {_key(key): plain(value) for key, value in given.items()}
        if not override:
            new = {key: value for key, value in new.items() if key not in self._values}
        if new:
            self._change(new, [])

    def as_dict(self) -> dict[str, Any]:
        """A copy of all of them."""
        return dict(copy.deepcopy(self._values))

    def parse(
        self, dist_tf_strategy: Any = None, dist_torch_model: Any = None, dist_hvd: Any = None
    ) -> None:
        """Add what a distributed training is made of: `api`, `policy` and `config`.

        Of a strategy of TensorFlow, a DistributedDataParallel model of PyTorch and a module of
        Horovod, the first that is given counts.
        """
        if dist_tf_strategy is not None:
            found = _of_tensorflow(dist_tf_strategy)
        elif dist_torch_model is not None:
            found = _of_torch(dist_torch_model)
        elif dist_hvd is not None:
            found = {"api": dist_hvd.__name__, "config": {"worker": dist_hvd.size()}}
        else:
            return
        stale = [key for key in ("policy", "config") if key in self._values and key not in found]
        self._change({key: plain(value) for key, value in found.items()}, stale)

    def flush(self) -> None:
        """Tell of changes that were made inside of a value that was handed out."""
        changed = {}
        for key in tuple(self._exposed):
            if key not in self._values:
                self._exposed.discard(key)
            elif self._values[key] != self._stored.get(key):
                changed[key] = plain(self._values[key])
        if changed:
            self._change(changed, [])

    def _change(self, new: dict[str, Any], gone: list[str]) -> None:
        for key in gone:
            del self._values[key]
        self._values.update(new)
        for key in self._exposed & new.keys():
            self._stored[key] = copy.deepcopy(new[key])
        if self._watch is not None:
            self._watch(new, gone)
        if self._upload is not None:
            self._upload()

    def __getitem__(self, key: object) -> Any:
        name = _key(key)
        value = self._values[name]
        if isinstance(value, dict | list) and name not in self._exposed:
            self._exposed.add(name)
            self._stored[name] = copy.deepcopy(value)
        return value

    def __setitem__(self, key: object, value: object) -> None:
        self._change({_key(key): plain(value)}, [])

    def __delitem__(self, key: object) -> None:
        name = _key(key)
        if name not in self._values:
            raise KeyError(key)
        self._change({}, [name])

    def __contains__(self, key: object) -> bool:
        try:
            return _key(key) in self._values
        except (TypeError, ValueError):
            return False

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def clear(self) -> None:
        """Remove all of them."""
        if self._values:
            self._change({}, list(self._values))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"there is no parameter '{name}'") from None

    def __setattr__(self, name: str, value: object) -> None:
        if hasattr(type(self), name):
            raise AttributeError(f"'{name}' is a method: set the parameter as params[{name!r}]")
        self[name] = value

    def __delattr__(self, name: str) -> None:
        if name not in self:
            raise AttributeError(f"there is no parameter '{name}'")
        del self[name]

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(key for key in self._values if key.isidentifier())]

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy belongs to no run.
        return Params, (None, self.as_dict())

    def __eq__(self, other: object) -> bool:
        mine: dict[str, Any] = self._values
        return mine == (other._values if isinstance(other, Params) else other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Params({self._values!r})"

    def __str__(self) -> str:
        from pprint import pformat

        return pformat(self._values, sort_dicts=False)


def plain(value: object, depth: int = 1) -> Any:
    """A value as it is stored, sharing nothing. Raises TypeError, ValueError for what cannot be."""
    if depth > document.MAX_DEPTH:
        raise ValueError(f"a hyperparameter is nested deeper than {document.MAX_DEPTH} levels")
    if isinstance(value, Mapping):
        return {_key(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, depth + 1) for item in value]
    try:
        if isinstance(value, int):
            # Python writes no more digits than it was set to; files of parameters need them.
            int.__repr__(value)
        return document.decode(document.encode(value))
    except InvalidArgumentType as error:
        if isinstance(value, str | int):
            raise ValueError(error.message) from None
    raise TypeError(
        f"Object of type {type(value).__name__} is not accepted as value of hyperparameters of Run"
    )


def _key(key: object) -> str:
    if type(key) is str and key.isascii():
        return key
    if isinstance(key, float) and math.isnan(key):
        raise ValueError("NaN cannot be the name of a hyperparameter: it is not even equal itself")
    try:
        (found,) = document.decode(document.encode({key: None}))
    except (InvalidArgumentType, TypeError) as error:
        raise TypeError(f"{key!r:.60} cannot be the name of a hyperparameter: {error}") from None
    return str(found)


def _of_tensorflow(strategy: Any) -> dict[str, Any]:
    policy = type(strategy).__name__
    if policy.startswith("CollectiveAllReduceStrategy"):
        policy += " (MultiWorkerMirroredStrategy)"
    found: dict[str, Any] = {"api": "tf.distribute", "policy": policy}
    resolver = getattr(strategy, "cluster_resolver", None)
    if resolver is not None:
        hosts = resolver.cluster_spec().as_dict()
        found["config"] = {str(role): len(addresses) for role, addresses in hosts.items()}
    return found


def _of_torch(model: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"api": "torch.distributed", "policy": type(model).__name__}
    # Whoever has such a model has imported it.
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_initialized():
        group = getattr(model, "process_group", None)
        found["config"] = {
            "worker": distributed.get_world_size(group),
            "backend": distributed.get_backend(group),
        }
    return found
