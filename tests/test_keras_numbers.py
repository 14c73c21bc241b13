"""Keras's own tests of its recurrent layers, with our function in the place of the layers.

The tests ship in Keras's wheel, with expected numbers in them. Each is run as it is, but what a
layer gives is computed by our function from the layer's configuration and weights.
"""

from __future__ import annotations

import importlib
import unittest

import numpy as np
import pytest

import rnnsym

#: Where they are; a test that holds no numbers of its own (`test_basics`) only checks Keras.
MODULES = ("simple_rnn_test", "lstm_test", "gru_test", "bidirectional_test", "rnn_test",
           "stacked_rnn_cells_test", "time_distributed_test")  # fmt: skip


class Ours:
    """Stands in for `__call__` of Keras's layers, and counts."""

    def __init__(self):
        self.functions, self.computed, self.refused = {}, 0, []

    def call(self, original):
        def call(layer, *args, **kwargs):
            out = original(layer, *args, **kwargs)
            return self.instead(layer, out, *args, **kwargs)

        return call

    def reset(self, original):
        def reset(layer):
            self.functions.pop(id(layer), None)
            return original(layer)

        return reset

    def instead(
        self, layer, out, sequences, initial_state=None, mask=None, training=None, **kwargs
    ):
        import keras

        if self.inside or keras.src.backend.any_symbolic_tensors((sequences,)) or training:
            return out
        self.inside = True
        try:
            net = rnnsym.from_keras(layer)
        except rnnsym.InputError as error:
            self.refused.append(str(error))
            return out
        finally:
            self.inside = False
        stateful = any(node.stateful for node in net.nodes)
        f = self.functions.get(id(layer)) if stateful else None
        if f is None:
            f = rnnsym.lambdify(net)
            f.reset_states()  # Keras has computed this call already, and its states went on
        self.functions[id(layer)] = f
        x = np.asarray(sequences, "float32")
        mask = getattr(sequences, "_keras_mask", mask) if mask is None else mask
        options = {} if mask is None else {"mask": np.asarray(mask)}
        if initial_state is not None:
            options["initial_state"] = keras.tree.map_structure(np.asarray, initial_state)
        try:
            found = f(x, weights=net.values, **options)
        except rnnsym.InputError as error:
            self.refused.append(str(error))
            return out
        self.computed += 1
        tensor = keras.ops.convert_to_tensor
        if isinstance(found, list):
            return tuple(keras.tree.map_structure(tensor, a) for a in found)
        return tensor(found)

    inside = False


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODULES)
def test_the_numbers_of_kerass_own_tests_are_reproduced(name, monkeypatch):
    import keras

    module = importlib.import_module(f"keras.src.layers.rnn.{name}")
    ours = Ours()
    for kind in (keras.layers.RNN, keras.layers.Bidirectional, keras.layers.TimeDistributed):
        monkeypatch.setattr(kind, "__call__", ours.call(kind.__call__))
        if hasattr(kind, "reset_state"):
            monkeypatch.setattr(kind, "reset_state", ours.reset(kind.reset_state))
    suite = unittest.TestSuite(
        test
        for test in _flat(unittest.defaultTestLoader.loadTestsFromModule(module))
        if not test.id()
        .rpartition(".")[2]
        .startswith(("test_basics", "test_session", "test_torch"))
    )
    result = unittest.TestResult()
    suite.run(result)
    failures = [(t.id(), text.splitlines()[-1]) for t, text in [*result.failures, *result.errors]]
    print(name, result.testsRun, "tests,", ours.computed, "calls computed by us,", ours.refused)
    assert not failures
    # Cells that a test writes itself are refused by name, and Keras computes them.
    # So is a mask with features, which Keras takes where nothing reads it.
    assert all("not covered" in words or "the mask of" in words for words in ours.refused)
    assert result.testsRun > 2 and (ours.computed > 1 or ours.refused)


def _flat(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from _flat(item)
        else:
            yield item
