"""Files of Keras 2: read as what they compute, hard_sigmoid with the slope that it had."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

import rnnsym

FOLDER = Path(__file__).parent / "legacy"
FILES = sorted(p for p in FOLDER.iterdir() if p.suffix in (".h5", ".keras"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_what_tf_keras_wrote_is_read_as_what_it_computes(path):
    numbers = np.load(path.with_suffix(".npz"))
    inputs = [numbers[k] for k in numbers if k.startswith("input")]
    outputs = [numbers[k] for k in numbers if k.startswith("output")]
    model = rnnsym.from_keras(path)
    found = rnnsym.lambdify(model)(*inputs)
    found = found if isinstance(found, (list, tuple)) else [found]
    # Both compute in float32.
    for ours, theirs in zip(found, outputs, strict=True):
        assert np.abs(ours - theirs).max() <= 2e-6 * max(1, np.abs(theirs).max())


@pytest.mark.parametrize("name", ["sequence.h5", "nested.keras"])
def test_a_file_of_keras_2_is_verified_with_its_own_hard_sigmoid(name):
    report = rnnsym.verify(rnnsym.from_keras(FOLDER / name))
    assert report.verdict == "verified", report
    if name == "sequence.h5":
        text = rnnsym.to_text(rnnsym.from_keras(FOLDER / name))
        assert "0.2" in text and "hard_sigmoid(" not in text


def test_without_the_old_slope_the_numbers_would_be_others(tmp_path):
    """The test above has power: Keras 3's slope is told apart."""
    numbers = np.load(FOLDER / "sequence.npz")
    path = tmp_path / "new.h5"
    path.write_bytes((FOLDER / "sequence.h5").read_bytes())
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        for layer in config["config"]["layers"]:
            for key in ("time_major", "implementation", "batch_input_shape"):
                if layer["class_name"] != "InputLayer":
                    layer["config"].pop(key, None)
            if layer["class_name"] == "LeakyReLU":
                layer["config"]["negative_slope"] = layer["config"].pop("alpha")
            if layer["class_name"] == "BatchNormalization":
                layer["config"]["axis"] = -1
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = "3.15.1"
    new = rnnsym.lambdify(rnnsym.from_keras(path))(numbers["input0"])
    assert np.abs(new - numbers["output0"]).max() > 1e-4


# --- older files, built by hand from the documented configuration


RNG = np.random.default_rng(4)
W, U, B = RNG.normal(size=(3, 16)), RNG.normal(size=(4, 16)), RNG.normal(size=16)
V, D = RNG.normal(size=(4, 2)), RNG.normal(size=2)
X = RNG.normal(size=(2, 5, 3))


def lstm(hard):
    def gate(z):
        return np.clip(0.2 * z + 0.5, 0, 1) if hard else 1 / (1 + np.exp(-z))

    h = c = np.zeros((2, 4))
    for x in X.swapaxes(0, 1):
        i, f, g, o = np.split(x @ W + h @ U + B, 4, 1)
        c = gate(f) * c + gate(i) * np.tanh(g)
        h = gate(o) * np.tanh(c)
    return h @ V + D


def options(**more):
    return {
        "name": "lstm_1", "trainable": True, "return_sequences": False, "return_state": False,
        "go_backwards": False, "stateful": False, "unroll": False, "units": 4,
        "activation": "tanh", "recurrent_activation": "hard_sigmoid", "use_bias": True,
        "kernel_initializer": {"class_name": "VarianceScaling", "config": {"scale": 1.0}},
        "unit_forget_bias": True, "dropout": 0.0, "recurrent_dropout": 0.0, "implementation": 1,
        **more,
    }  # fmt: skip


DENSE = {"class_name": "Dense", "config": {"name": "dense_1", "trainable": True, "units": 2,
                                           "activation": "linear", "use_bias": True}}  # fmt: skip


def old_file(
    path, config, version, names=("lstm_1/kernel:0", "lstm_1/recurrent_kernel:0", "lstm_1/bias:0")
):
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = version.encode()
        file.attrs["backend"] = b"tensorflow"
        file.attrs["model_config"] = json.dumps(config).encode()
        top = file.create_group("model_weights")
        top.attrs["layer_names"] = [b"lstm_1", b"dense_1"]
        for layer, arrays in (("lstm_1", zip(names, (W, U, B))),
                              ("dense_1", (("dense_1/kernel:0", V), ("dense_1/bias:0", D)))):  # fmt: skip
            group = top.create_group(layer)
            rows = list(arrays)
            group.attrs["weight_names"] = [n.encode() for n, _ in rows]
            for name, array in rows:
                group[name] = array.astype("float32")
    return path


def tensor(name):
    return [name, 0, 0, {}]


FORMS = {
    "2.1, layers in a list": (
        "2.1.6",
        {"class_name": "Sequential", "config": [
            {"class_name": "LSTM", "config": options(batch_input_shape=[None, None, 3])}, DENSE]},
        True,
    ),
    "2.2, named": (
        "2.2.4",
        {"class_name": "Sequential", "config": {"name": "sequential_1", "layers": [
            {"class_name": "LSTM", "config": options(batch_input_shape=[None, 5, 3], dtype="float32")},
            DENSE]}},
        True,
    ),
    "2.3, a graph": (
        "2.3.1",
        {"class_name": "Model", "config": {"name": "model_1", "layers": [
            {"name": "x", "class_name": "InputLayer", "inbound_nodes": [],
             "config": {"batch_input_shape": [None, None, 3], "dtype": "float32", "sparse": False,
                        "name": "x"}},
            {"name": "lstm_1", "class_name": "LSTM", "inbound_nodes": [[tensor("x")]],
             "config": options(recurrent_activation="sigmoid", implementation=2)},
            {"name": "dense_1", "inbound_nodes": [[tensor("lstm_1")]], **DENSE}],
            "input_layers": [["x", 0, 0]], "output_layers": [["dense_1", 0, 0]]}},
        False,
    ),
    "2.8, time_major and a policy": (
        "2.8.0",
        {"class_name": "Sequential", "config": {"name": "sequential", "layers": [
            {"class_name": "InputLayer", "config": {"batch_input_shape": [None, None, 3],
             "dtype": "float32", "sparse": False, "ragged": False, "name": "lstm_input"}},
            {"class_name": "LSTM", "config": options(time_major=False, dtype={
                "class_name": "Policy", "config": {"name": "float32"}, "shared_object_id": 3})},
            DENSE]}},
        True,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("version", "config", "hard"), FORMS.values(), ids=FORMS)
def test_older_files_are_read(tmp_path, version, config, hard):
    names = [
        f"lstm_1/{'lstm_cell/' * (version > '2.4')}{n}:0"
        for n in ("kernel", "recurrent_kernel", "bias")
    ]
    model = rnnsym.from_keras(old_file(tmp_path / "old.h5", config, version, names))
    found = rnnsym.lambdify(model)(X.astype("float32"))
    assert np.abs(found - lstm(hard)).max() < 2e-6
    assert np.abs(found - lstm(not hard)).max() > 1e-3


def test_a_gru_older_than_its_option_resets_before_the_product():
    from rnnsym.frameworks.keras.legacy import modern

    item = {"class_name": "Sequential", "config": [{"class_name": "GRU", "config": {"units": 3}}]}
    assert modern(item, "2.0.8")["config"]["layers"][0]["config"]["reset_after"] is False


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"time_major": True}, r"time_major: inputs of shape \(T, N, D\)"),
        ({"recurrent_activation": "nonsense"}, "nonsense"),
        ({"units": "4"}, "units"),
        ({"phase": 3}, "option 'phase'"),
    ],
)
def test_what_changes_the_meaning_is_refused_by_name(tmp_path, change, words):
    version, config, _ = FORMS["2.2, named"]
    layer = {"class_name": "LSTM", "config": options(batch_input_shape=[None, 5, 3], **change)}
    config = {**config, "config": {"name": "s", "layers": [layer, DENSE]}}
    with pytest.raises(rnnsym.InputError, match=words):
        rnnsym.from_keras(old_file(tmp_path / "old.h5", config, version))


def test_a_layer_of_another_package_is_no_layer_of_keras(tmp_path):
    version, config, _ = FORMS["2.2, named"]
    layer = {"class_name": "LSTM", "module": "mine.layers", "registered_name": "mine>LSTM",
             "config": options(batch_input_shape=[None, 5, 3])}  # fmt: skip
    config = {**config, "config": {"name": "s", "layers": [layer, DENSE]}}
    with pytest.raises(rnnsym.InputError, match=r"mine\.layers\.LSTM"):
        rnnsym.from_keras(old_file(tmp_path / "old.h5", config, version))


@pytest.mark.parametrize("version", ["1.2.2", "4.0.0", "", "two"])
def test_other_versions_are_named(tmp_path, version):
    _, config, _ = FORMS["2.2, named"]
    with pytest.raises(rnnsym.InputError, match="version"):
        rnnsym.from_keras(old_file(tmp_path / "old.h5", config, version))


def joined(kind, one_mask=False):
    """Two embeddings, each with a mask, joined by a layer: Keras 2 counts a step of both."""

    def layer(name, class_name, inputs, **config):
        return {"name": name, "class_name": class_name, "config": {"name": name, **config},
                "inbound_nodes": [[tensor(i) for i in inputs]] if inputs else []}  # fmt: skip

    layers = [layer(n, "InputLayer", [], batch_input_shape=[None, 5], dtype="int32") for n in "ab"]
    layers += [layer(f"e{n}", "Embedding", n, input_dim=7, output_dim=3, mask_zero=True)
               for n in "ab"]  # fmt: skip
    second = "ea" if one_mask else "eb"
    layers += [layer("both", kind, ["ea", second]),
               layer("gru", "GRU", ["both"], units=2, activation="tanh",
                     recurrent_activation="sigmoid", reset_after=True)]  # fmt: skip
    return {"class_name": "Model", "config": {"name": "m", "layers": layers,
            "input_layers": [["a", 0, 0], ["b", 0, 0]], "output_layers": [["gru", 0, 0]]}}  # fmt: skip


@pytest.mark.parametrize("kind", ["Add", "Subtract", "Multiply", "Average", "Concatenate"])
def test_masks_that_keras_2_joins_otherwise_are_refused(kind):
    from rnnsym.frameworks.keras.graphs import build
    from rnnsym.frameworks.keras.legacy import modern

    with pytest.raises(rnnsym.InputError, match="masks that Keras 2 joins otherwise"):
        build(modern(joined(kind), "2.8.0"))
    if kind != "Multiply":  # one mask, joined with itself, is the same in both
        assert build(modern(joined(kind, one_mask=True), "2.8.0"))[0].weights


def test_a_report_says_that_a_file_was_translated():
    report = rnnsym.verify(rnnsym.from_keras(FOLDER / "residual.h5"))
    assert report.verdict == "verified"
    assert any("of Keras '2." in r and "translated" in r for r in report.remarks)


@pytest.mark.parametrize("index", [{"start": None, "stop": None, "step": None}, "..."])
def test_a_slice_of_one_index_is_read(index):
    from rnnsym.frameworks.keras.legacy import modern

    item = {"class_name": "Functional", "config": {"name": "m", "layers": [
        {"name": "s", "class_name": "SlicingOpLambda",
         "config": {"name": "s", "function": "__operators__.getitem"},
         "inbound_nodes": [["x", 0, 0, {"slice_spec": index}]]}]}}  # fmt: skip
    (layer,) = modern(item, "2.8.0")["config"]["layers"]
    ((part,),) = [node["args"][1] for node in layer["inbound_nodes"]]
    assert part["class_name"] in ("__slice__", "__ellipsis__")
