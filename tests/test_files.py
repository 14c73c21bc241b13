"""Reading `.keras` and `.h5` files: good ones as Keras does, hostile ones refused in one line."""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys

import mutants
import numpy as np
import pytest
from hostile import archive, changed, configuration, hostile, hostile_legacy, legacy

import rnnsym
from rnnsym.frameworks.keras import hdf5


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    return [*hostile(folder), *hostile_legacy(folder)]


def test_every_hostile_file_is_refused_in_one_line_that_names_file_and_reason(files):
    assert len(files) >= 60
    for name, path, words in files:
        with pytest.raises(rnnsym.InputError) as caught:
            rnnsym.from_keras(path)
        text = str(caught.value)
        assert "\n" not in text and text.startswith(str(path)), (name, text)
        assert len(text) < len(str(path)) + 400, name
        assert re.search(words, text), (name, text)


SCRIPT = """
import json, resource, sys
import rnnsym
from rnnsym.frameworks.keras import files
import h5py
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rows = []
for path in json.load(sys.stdin):
    try:
        rnnsym.from_keras(path)
        verdict = "read"
    except rnnsym.InputError:
        verdict = "refused"
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows.append([path, verdict, (after - before) / 1024])
loaded = [m for m in ("tensorflow", "keras", "pickle5") if m in sys.modules]
json.dump([rows, loaded], sys.stdout)
"""


def test_refusing_needs_no_tensorflow_little_memory_and_opens_nothing_else(files, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, script], input=json.dumps([str(p) for _, p, _ in files]),
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    rows, loaded = json.loads(done.stdout)
    assert loaded == []
    assert [row for row in rows if row[1] != "refused"] == []
    assert max(row[2] for row in rows) <= 500  # what hangs ends with the timeout above
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss > 0


def test_a_good_file_is_read_and_computes(tmp_path):
    net = rnnsym.from_keras(archive(tmp_path / "good.keras"))
    other = rnnsym.from_keras(legacy(tmp_path / "good.h5"))
    for key, array in net.values.items():
        np.testing.assert_array_equal(array, other.values[key])
    assert net.parameter_count == 4 * 3 * (2 + 3 + 1) + 4
    assert rnnsym.lambdify(net)(np.ones((2, 5, 2))).shape == (2, 1)


def test_a_name_of_a_stranger_never_becomes_a_name_of_ours(tmp_path):
    for title in ("__import__('os')", "<script>alert(1)</script>", "t", "T", "np", "lambda", "h_t",
                  "größe", "λ", "x", "..", "a/b", "{{7*7}}", "%s", "1st", "lstm_tm1"):  # fmt: skip
        net = rnnsym.from_keras(archive(tmp_path / "m.keras", changed(lstm={"name": title})))
        assert all(re.fullmatch(r"[a-z][a-z0-9_]*", n.name) for n in net.nodes), title
        assert net.layers[0].title == title
        assert rnnsym.lambdify(net)(np.ones((1, 3, 2))).shape == (1, 1)
        compile(rnnsym.lambdify(net).source, "source", "exec")


def keras_model():
    import keras
    from keras import layers as L

    keras.utils.set_random_seed(5)
    tokens = keras.Input((None,), dtype="int32")
    e = L.Embedding(9, 4, mask_zero=True)(tokens)
    b = L.Bidirectional(L.LSTM(3, return_sequences=True, dropout=0.1), name="both")(e)
    r = L.RNN([L.LSTMCell(3), L.GRUCell(2)], return_sequences=True)(b)
    n = L.BatchNormalization()(L.TimeDistributed(L.Dense(4, activation=L.ELU(0.5)))(r))
    inner = keras.Sequential([keras.Input((None, 4)), L.GRU(3), L.Dropout(0.2), L.Dense(2)])
    model = keras.Model(tokens, [inner(n), L.GlobalAveragePooling1D()(n)])
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.2, 0.6, w.shape) for w in model.get_weights()
                       if w.dtype.kind == "f"]
                      if all(w.dtype.kind == "f" for w in model.get_weights())
                      else model.get_weights())  # fmt: skip
    return model


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_files_that_keras_writes_are_read_as_keras_reads_them(tmp_path, suffix):
    model = keras_model()
    path = tmp_path / f"model.{suffix}"
    model.save(path)
    net = rnnsym.from_keras(path)
    live = rnnsym.from_keras(model)
    assert list(net.values) == list(live.values)
    for key, array in live.values.items():
        np.testing.assert_array_equal(net.values[key], array)
    x = np.array([[1, 4, 3, 0], [8, 2, 0, 0]])
    for ours, theirs in zip(rnnsym.lambdify(net)(x), model(x)):
        np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_a_trained_model_with_its_optimiser_is_read(tmp_path):
    import keras

    model = keras.Sequential([keras.Input((4, 2)), keras.layers.GRU(3), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(np.ones((8, 4, 2)), np.ones((8, 1)), epochs=1, verbose=0)
    for suffix in ("keras", "h5"):
        model.save(tmp_path / f"trained.{suffix}")
        net = rnnsym.from_keras(str(tmp_path / f"trained.{suffix}"))
        for ours, theirs in zip(net.values.values(), model.get_weights()):
            np.testing.assert_array_equal(ours, theirs)


def test_bytes_changed_at_random_are_refused_or_read_alike(tmp_path):
    """200 files with one byte changed: refused in one line, or read with finite numbers."""
    seed = 20261124
    print("seed", seed)
    rng = np.random.default_rng(seed)
    good = archive(tmp_path / "good.keras").read_bytes()
    refused = 0
    for _ in range(200):
        data = bytearray(good)
        data[rng.integers(len(data))] ^= int(rng.integers(1, 256))
        path = tmp_path / "changed.keras"
        path.write_bytes(data)
        try:
            net = rnnsym.from_keras(path)
        except rnnsym.InputError as error:
            refused += 1
            assert "\n" not in str(error)
        else:
            assert all(np.isfinite(a).all() for a in net.values.values())
    assert refused > 100


def test_hdf5_changed_at_random_is_refused_or_read(tmp_path):
    """The same within the weights, where no checksum stands before it."""
    from hostile import arrays, hdf5

    rng = np.random.default_rng(7)
    weights = hdf5(arrays())
    for _ in range(60):
        data = bytearray(weights)
        for at in rng.integers(0, len(data), 3):
            data[at] ^= int(rng.integers(1, 256))
        try:
            net = rnnsym.from_keras(archive(tmp_path / "changed.keras", weights=bytes(data)))
        except rnnsym.InputError as error:
            assert "\n" not in str(error)
        else:
            assert all(np.isfinite(a).all() for a in net.values.values())


def test_the_configuration_of_the_tests_is_one_that_keras_builds():
    import keras

    from rnnsym.frameworks.keras.graphs import build
    from rnnsym.frameworks.keras.rebuild import Rebuilt

    model, _ = build(configuration())
    assert isinstance(Rebuilt(model, "float32").layer, keras.Sequential)


# --- damaged bytes


@pytest.mark.parametrize("suffix", ["h5", "keras"])
def test_damaged_files_are_read_or_refused(tmp_path, monkeypatch, suffix):
    # A file on which the library does not come to an end is refused a little sooner than usual.
    monkeypatch.setattr(hdf5, "SECONDS", 10.0)
    good = next(p for p in mutants.good_files(tmp_path) if p.suffix == f".{suffix}")
    read = 0
    for n, data in enumerate(mutants.mutants(good.read_bytes(), 100, seed=5)):
        path = tmp_path / f"mutant{n}.{suffix}"
        path.write_bytes(data)
        read += mutants.outcome(path) == "read"
    assert 0 < read < 100


def test_a_process_that_does_not_end_is_ended(tmp_path, monkeypatch):
    good = mutants.good_files(tmp_path)[0]
    worker = tmp_path / "worker.py"
    worker.write_text("import time\nwhile True:\n    time.sleep(1)\n")
    monkeypatch.setattr(hdf5, "SECONDS", 0.5)
    monkeypatch.setattr(hdf5, "_WORKER", worker)
    with pytest.raises(rnnsym.InputError, match="did not come to an end within"):
        rnnsym.from_keras(good)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import os\nos._exit(3)\n", "ended while it was read"),
        ('print(\'{"error": "MemoryError"}\')\n', "more memory than there is"),
        ('print(\'{"error": "bad header"}\')\n', "damaged HDF5: bad header"),
    ],
)
def test_what_befalls_the_process_is_one_line(tmp_path, monkeypatch, source, words):
    good = mutants.good_files(tmp_path)[0]
    worker = tmp_path / "worker.py"
    worker.write_text(source)
    monkeypatch.setattr(hdf5, "_WORKER", worker)
    with pytest.raises(rnnsym.InputError, match=words):
        rnnsym.from_keras(good)


def test_memory_is_limited(tmp_path, monkeypatch):
    good = mutants.good_files(tmp_path)[0]
    monkeypatch.setattr(hdf5, "MEMORY", 2**24)  # less than the libraries take
    with pytest.raises(rnnsym.InputError):
        rnnsym.from_keras(good)


def test_long_attributes_are_refused_before_they_are_read(tmp_path, monkeypatch):
    good = mutants.good_files(tmp_path)[0]
    monkeypatch.setattr(hdf5, "MOST_TEXT", 100)
    path = legacy(tmp_path / "plain.h5", fixed)
    with pytest.raises(rnnsym.InputError, match="model_config claims more than 100 bytes"):
        rnnsym.from_keras(path)
    assert good.exists()


def fixed(file):
    """The configuration as a string of fixed length, which stands in the attribute itself."""
    file.attrs["model_config"] = np.bytes_(file.attrs["model_config"].encode())


def test_a_list_of_names_in_pieces_is_one_list(tmp_path):
    def cut(file):
        group = file["model_weights/lstm"]
        names = list(group.attrs["weight_names"])
        del group.attrs["weight_names"]
        group.attrs["weight_names0"], group.attrs["weight_names1"] = names[:2], names[2:]

    assert rnnsym.from_keras(legacy(tmp_path / "pieces.h5", cut)).weights
