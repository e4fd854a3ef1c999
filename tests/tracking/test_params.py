"""Parameters: what they take, what they refuse, and what is told of a change."""

from __future__ import annotations

import copy
import math
import pickle
import sys
from types import SimpleNamespace
from typing import Any

import numpy
import pytest

from git_datmo.tracking.params import Params


def watched(**given: Any) -> tuple[Params, list[tuple[dict[str, Any], list[str]]]]:
    told: list[tuple[dict[str, Any], list[str]]] = []
    return Params(None, given, watch=lambda new, gone: told.append((new, list(gone)))), told


def test_items_and_attributes_are_one():
    params, told = watched(lr=0.1)
    params.epochs = 10
    params["batch"] = 32
    assert (params["epochs"], params.batch, params.lr) == (10, 32, 0.1)
    del params.lr
    del params["batch"]
    assert "lr" not in params
    assert dict(params) == {"epochs": 10}
    assert told == [({"epochs": 10}, []), ({"batch": 32}, []), ({}, ["lr"]), ({}, ["batch"])]
    with pytest.raises(AttributeError):
        _ = params.lr
    with pytest.raises(KeyError):
        del params["lr"]
    with pytest.raises(AttributeError, match="is a method"):
        params.update = 3  # type: ignore[method-assign, assignment]
    params["update"] = 3
    assert params["update"] == 3
    assert {"epochs", "update"} <= set(dir(params))


def test_update_is_one_change():
    calls: list[int] = []
    params = Params(lambda: calls.append(1), {"a": 1})
    params.update({"a": 2, "b": 3})
    params.update({"a": 9, "c": 4}, override=False)
    params.update({"a": 9}, False)
    assert params.as_dict() == {"a": 2, "b": 3, "c": 4}
    assert len(calls) == 2
    params.clear()
    assert len(params) == 0
    assert len(calls) == 3


def test_values_are_taken_as_plain_ones():
    mine = {"inner": (1, [2])}
    params = Params(None, mine)
    mine["inner"] = (9, [9])
    params.update(
        {
            "f": numpy.float64(0.5),
            "i": numpy.int32(3),
            "t": (1, (2, 3)),
            "zero": numpy.array(7.0),
            "nan": math.nan,
            "key": {2: "a", True: "b"},
            "big": 2**80,
        }
    )
    kept = params.as_dict()
    assert math.isnan(kept.pop("nan"))
    assert kept == {
        "inner": [1, [2]],
        "f": 0.5,
        "i": 3,
        "t": [1, [2, 3]],
        "zero": 7.0,
        "key": {"2": "a", "true": "b"},
        "big": 2**80,
    }
    assert (type(params["f"]), type(params["i"])) == (float, int)
    kept["inner"].append(5)
    assert params["inner"] == [1, [2]]


@pytest.mark.parametrize("value", [{1, 2}, b"x", object(), numpy.zeros(3), print, {"a": {1}}])
def test_what_json_cannot_say_is_refused(value: object):
    params, told = watched()
    with pytest.raises(TypeError, match="is not accepted as value of hyperparameters of Run"):
        params["x"] = value
    with pytest.raises(TypeError):
        params.update({"fine": 1, "x": value})
    assert (dict(params), told) == ({}, [])


def test_bad_keys():
    params = Params()
    with pytest.raises(ValueError, match="NaN"):
        params[math.nan] = 1
    with pytest.raises(TypeError):
        params[(1, 2)] = 1
    looped: list[Any] = []
    looped.append(looped)
    with pytest.raises(ValueError, match="nested deeper"):
        params["loop"] = looped
    with pytest.raises(ValueError, match="digits"):
        params["huge"] = 10**5000
    odd: list[object] = [math.nan, (1,)]
    assert [key for key in odd if key in params] == []


def test_a_change_inside_of_a_value_is_told_of():
    params, told = watched(opt={"lr": 1}, layers=[1])
    params["opt"]["lr"] = 2
    params.layers.append(2)
    params.flush()
    assert told == [({"opt": {"lr": 2}, "layers": [1, 2]}, [])] or told == [
        ({"layers": [1, 2], "opt": {"lr": 2}}, [])
    ]
    params.flush()
    assert len(told) == 1


def test_a_copy_belongs_to_no_run():
    params, told = watched(a=[1])
    for other in (copy.deepcopy(params), copy.copy(params), pickle.loads(pickle.dumps(params))):
        other["a"] = 2
        assert other == {"a": 2}
    assert params == {"a": [1]}
    assert told == []
    assert repr(params) == "Params({'a': [1]})"
    assert str(params) == "{'a': [1]}"


def test_parse_says_how_a_training_is_distributed(monkeypatch: pytest.MonkeyPatch):
    params = Params(None, {"lr": 1})
    params.parse()
    assert params == {"lr": 1}

    class CollectiveAllReduceStrategy:
        """As TensorFlow's: with the hosts by their role."""

        class cluster_resolver:
            """As TensorFlow's."""

            @staticmethod
            def cluster_spec() -> Any:
                return SimpleNamespace(as_dict=lambda: {"worker": ["a:1", "b:1"], "ps": ["c:1"]})

    params.parse(CollectiveAllReduceStrategy())
    assert params.as_dict() == {
        "lr": 1,
        "api": "tf.distribute",
        "policy": "CollectiveAllReduceStrategy (MultiWorkerMirroredStrategy)",
        "config": {"worker": 2, "ps": 1},
    }
    distributed = SimpleNamespace(
        is_initialized=lambda: True,
        get_world_size=lambda group: 4,
        get_backend=lambda group: "gloo",
    )
    monkeypatch.setitem(sys.modules, "torch.distributed", distributed)
    DistributedDataParallel = type("DistributedDataParallel", (), {})
    params.parse(dist_torch_model=DistributedDataParallel())
    assert params["policy"] == "DistributedDataParallel"
    assert params["config"] == {"worker": 4, "backend": "gloo"}
    params.parse(dist_hvd=SimpleNamespace(__name__="horovod.torch", size=lambda: 8))
    assert params == {"lr": 1, "api": "horovod.torch", "config": {"worker": 8}}
