"""Files that a stranger may send: each is a good file with one thing wrong."""

from __future__ import annotations

import copy
import io
import json
import os
import stat
import struct
import zipfile
from pathlib import Path

import h5py
import numpy as np

LSTM_UNITS, WIDTH = 3, 2


def layer(kind, module="keras.layers", **config):
    return {"module": module, "class_name": kind, "config": config, "registered_name": None}


def configuration() -> dict:
    """The configuration of a small model, as Keras 3 writes it."""
    layers = [
        layer("InputLayer", batch_shape=[None, None, WIDTH], dtype="float32", name="x"),
        layer("LSTM", name="lstm", units=LSTM_UNITS, activation="tanh", dtype="float32",
              recurrent_activation="sigmoid", use_bias=True, return_sequences=False),
        layer("Dense", name="out", units=1, activation="linear", use_bias=True, dtype="float32"),
    ]  # fmt: skip
    config = {"name": "small", "trainable": True, "layers": layers}
    return {"module": "keras", "class_name": "Sequential", "config": config,
            "registered_name": None}  # fmt: skip


SHAPES = {
    "layers/lstm/cell/vars/0": (WIDTH, 4 * LSTM_UNITS),
    "layers/lstm/cell/vars/1": (LSTM_UNITS, 4 * LSTM_UNITS),
    "layers/lstm/cell/vars/2": (4 * LSTM_UNITS,),
    "layers/dense/vars/0": (LSTM_UNITS, 1),
    "layers/dense/vars/1": (1,),
}


def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {k: rng.normal(size=s).astype("float32") for k, s in SHAPES.items()}


def hdf5(tables: dict, change=None) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for path, array in tables.items():
            file[path] = array
        if change is not None:
            change(file)
    return buffer.getvalue()


METADATA = json.dumps({"keras_version": "3.15.1", "date_saved": "2026-11-24@00:00:00"})


def archive(path: Path, config=None, weights=None, members=(), metadata=METADATA) -> Path:
    text = config if isinstance(config, (str, bytes)) else json.dumps(config or configuration())
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("metadata.json", metadata)
        file.writestr("config.json", text)
        file.writestr("model.weights.h5", hdf5(arrays()) if weights is None else weights)
        for name, data in members:
            file.writestr(name, data)
    return path


def changed(**layers) -> dict:
    """The configuration with options of a layer changed: `lstm={"units": 5}`."""
    config = copy.deepcopy(configuration())
    for item in config["config"]["layers"]:
        item["config"] |= layers.get(item["config"]["name"], {})
    return config


def swapped(index: int, **entry) -> dict:
    config = configuration()
    config["config"]["layers"][index] |= entry
    return config


def tensor(name, node=0):
    return {"class_name": "__keras_tensor__",
            "config": {"shape": [None, 2], "dtype": "float32", "keras_history": [name, node, 0]}}  # fmt: skip


def exponential(depth: int, calls: int) -> dict:
    """Models within models, each of which calls the one within it many times."""
    start = layer("InputLayer", batch_shape=[None, 2], dtype="float32", name="x")
    inner = layer("Dense", name="d", units=2, activation="linear", use_bias=False, dtype="float32")
    for level in range(depth):
        nodes = [{"args": [tensor("x") if i == 0 else tensor("inner", i - 1)], "kwargs": {}}
                 for i in range(calls)]  # fmt: skip
        inner = {**inner, "config": {**inner["config"], "name": "inner"}}
        layers = [{**start, "name": "x", "inbound_nodes": []},
                  {**inner, "name": "inner", "inbound_nodes": nodes}]  # fmt: skip
        counted = calls - 1 + (inner["class_name"] == "Functional")
        config = {"name": f"level{level}", "layers": layers, "input_layers": [["x", 0, 0]],
                  "output_layers": [["inner", counted, 0]]}  # fmt: skip
        inner = {"module": "keras.src.models.functional", "class_name": "Functional",
                 "registered_name": "Functional", "config": config}  # fmt: skip
    return inner


def with_array(path, value):
    tables = arrays()
    tables[path] = value
    return hdf5(tables)


KERNEL = "layers/lstm/cell/vars/0"


def replaced(file, make):
    del file[KERNEL]
    make(file)


def external_link(file):
    file["layers/lstm/cell/vars/0"] = h5py.ExternalLink("/etc/hostname", "/x")


def soft_link(file):
    file[KERNEL] = h5py.SoftLink("/layers/lstm/cell/vars/1")


def external_dataset(file):
    file.create_dataset(KERNEL, SHAPES[KERNEL], "f4", external=[("/etc/passwd", 0, 96)])


def virtual_dataset(file):
    layout = h5py.VirtualLayout(SHAPES[KERNEL], "f4")
    layout[:] = h5py.VirtualSource("/etc/hostname", "x", SHAPES[KERNEL])
    file.create_virtual_dataset(KERNEL, layout)


def objects(file):
    file.create_dataset(KERNEL, SHAPES[KERNEL], h5py.special_dtype(vlen=np.uint8))


def giant_chunk(file):
    file.create_dataset(KERNEL, SHAPES[KERNEL], "f4", maxshape=(None, None),
                        chunks=(2**14, 2**13), compression="gzip")  # fmt: skip


def many_groups(file):
    for i in range(60_000):
        file.create_group(f"optimizer/{i}", track_order=False)


def cycle(file):
    file["layers/lstm/again"] = file["layers"]


def hostile(folder: Path):
    """Every hostile file: (name, path, a regular expression for the one line that refuses it)."""
    folder.mkdir(parents=True, exist_ok=True)

    def put(name, words, **parts):
        return name, archive(folder / f"{name}.keras", **parts), words

    def raw(name, words, data, suffix="keras"):
        path = folder / f"{name}.{suffix}"
        path.write_bytes(data)
        return name, path, words

    good = archive(folder / "good.keras").read_bytes()
    weights = hdf5(arrays())
    bare = {k: v for k, v in arrays().items() if k != KERNEL}

    # the file itself
    yield raw("empty", "is empty", b"")
    yield raw("text", "neither a zip archive", b"hello, world")
    yield raw("truncated", "damaged archive", good[: len(good) // 2])
    yield raw("truncated_h5", "damaged HDF5", weights[:700], "h5")
    altered = bytearray(good)
    at = good.index(b"InputLayer")
    altered[at] ^= 1
    yield raw("altered", "damaged archive", bytes(altered))
    yield raw("weights_only", "no model_config", weights, "h5")
    (folder / "folder.keras").mkdir(exist_ok=True)
    yield "folder", folder / "folder.keras", "is a folder"
    yield "missing", folder / "missing.keras", "cannot be read"

    # the archive
    yield put("pickle", "pickle or code", members=[("model.pkl", b"\x80\x04.")])
    yield put("stray_member", "does not belong", members=[("assets/words.txt", b"x")])
    yield put("absolute", "absolute path", members=[("/etc/passwd", b"x")])
    yield put("parent", "leads out", members=[("../config.json", b"x")])
    yield put("backslash", "absolute path", members=[("..\\x", b"x")])
    info = zipfile.ZipInfo("config.link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    yield put("symbolic_link", "symbolic link", members=[(info, "/etc/passwd")])
    path = folder / "twice.keras"
    archive(path)
    import warnings

    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as file:
        warnings.simplefilter("ignore")
        file.writestr("config.json", "{}")
    yield "twice", path, "there twice"
    path = folder / "no_config.keras"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("metadata.json", METADATA)
        file.writestr("model.weights.h5", weights)
    yield "no_config", path, "no member config.json"
    path = folder / "bomb.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        file.writestr("metadata.json", METADATA)
        file.writestr("config.json", json.dumps(configuration()))
        with file.open("model.weights.h5", "w", force_zip64=True) as member:
            for _ in range(600):
                member.write(bytes(2**20))
    yield "bomb", path, "claims .* bytes, more than"
    path = folder / "config_bomb.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("metadata.json", METADATA)
        file.writestr("config.json", " " * (9 * 2**20))
        file.writestr("model.weights.h5", weights)
    yield "config_bomb", path, "claims .* bytes"
    lying = bytearray(good)
    central = lying.rindex(b"PK\x01\x02")
    struct.pack_into("<I", lying, central + 24, 2**31)
    yield raw("lying_size", "claims|damaged", bytes(lying))

    # the configuration
    yield put("no_json", "no JSON", config="{")
    yield put("not_utf8", "no UTF-8", config=b"\xff\xfe{}")
    yield put("deep", "nested .* deep", config="[" * 5000 + "]" * 5000)
    yield put("nan", "NaN is no number", config='{"a": NaN}')
    yield put("duplicate_key", "there twice", config='{"module": "keras", "module": "os"}')
    yield put("no_layers", "no layers", config={**configuration(), "config": {"name": "x"}})
    yield put("version", "versions 2 and 3", metadata='{"keras_version": "1.2.2"}')
    yield put("no_version", "no version", metadata="[]")
    yield put(
        "lambda", "'keras.layers.Lambda' is not covered", config=swapped(2, class_name="Lambda")
    )
    yield put("custom", "'evil.LSTM' is not covered", config=swapped(1, module="evil"))
    yield put("registered", "custom object", config=swapped(1, registered_name="Mine>LSTM"))
    yield put("other_class", "not covered", config=swapped(1, class_name="TFSMLayer"))
    yield put(
        "os_system",
        "'os.system' is not covered",
        config=swapped(1, module="os", class_name="system"),
    )
    code = {"class_name": "__lambda__", "config": {"value": "4wEAAA=="}}
    yield put("code_in_activation", "code", config=changed(lstm={"activation": code}))
    function = {
        "module": "os",
        "class_name": "function",
        "config": "system",
        "registered_name": "system",
    }
    yield put("function_in_activation", "code", config=changed(lstm={"activation": function}))
    yield put("unknown_activation", "not covered", config=changed(lstm={"activation": "eval"}))
    yield put("unknown_option", "option 'secret'", config=changed(lstm={"secret": 3}))
    yield put("huge", "units must be", config=changed(lstm={"units": 10**12}))
    yield put("large", "claims more than", config=changed(lstm={"units": 2**20}))
    yield put("negative", "units must be", config=changed(lstm={"units": -3}))
    yield put("true_units", "units must be", config=changed(lstm={"units": True}))
    yield put("text_units", "units must be", config=changed(lstm={"units": "3"}))
    yield put("half", "mixed_float16", config=changed(lstm={"dtype": "mixed_float16"}))
    yield put("name_control", "plain text", config=changed(lstm={"name": "a\x00b"}))
    yield put("name_long", "plain text", config=changed(lstm={"name": "a" * 300}))
    yield put("config_list", "no table", config=swapped(1, config=[1, 2]))
    yield put(
        "layers_number",
        "no layer|not built",
        config={**configuration(), "config": {"name": "x", "layers": [1]}},
    )
    yield put("not_a_model", "neither|not covered|is no layer", config="[1, 2, 3]")

    yield put("exponential", "calls more than", config=exponential(7, 19))
    cells = [layer("LSTMCell", units=1, name=f"c{i}") for i in range(1500)]
    stacked = layer("StackedRNNCells", cells=cells, name="cells")
    yield put("many_cells", "1500 cells", config=swapped(1, class_name="RNN", config={
        "name": "rnn", "cell": stacked}))  # fmt: skip
    odd = {"class_name": ["ReLU"], "module": "keras.layers", "config": {}}
    yield put(
        "odd_activation", "layer 2 'lstm'.*not covered", config=changed(lstm={"activation": odd})
    )
    steep = layer("LeakyReLU", negative_slope=1e308)
    yield put("steep", "too large", config=changed(lstm={"activation": steep}))
    yield put("no_width", "width", config=changed(x={"batch_shape": [None, None, None]}))
    yield put("odd_dtype", "float999", config=changed(x={"dtype": "float999"}))
    yield put("odd_implementation", "implementation", config=changed(lstm={"implementation": [1]}))
    yield put("odd_trainable", "trainable", config=changed(lstm={"trainable": "no"}))

    # the arrays
    for name, change, words in (
        ("external_link", external_link, "link to another file"),
        ("soft_link", soft_link, "symbolic link"),
        ("external_dataset", external_dataset, "in another file"),
        ("virtual_dataset", virtual_dataset, "virtual"),
        ("object_array", objects, "objects"),
        ("giant_chunk", giant_chunk, "chunks"),
    ):
        yield put(name, words, weights=hdf5(bare, change))
    yield put("cycle", "there twice", weights=hdf5(arrays(), cycle))
    yield put("many_groups", "more than", weights=hdf5(arrays(), many_groups))
    yield put("missing_array", "no array", weights=hdf5(bare))
    yield put(
        "extra_array",
        "more than the model",
        weights=with_array("layers/lstm/extra", np.ones(3, "f4")),
    )
    yield put("wrong_shape", "shape", weights=with_array(KERNEL, np.ones((2, 11), "f4")))
    yield put("transposed", "shape", weights=with_array(KERNEL, np.ones((12, 2), "f4")))
    yield put(
        "integer_array", "not float32", weights=with_array(KERNEL, np.ones(SHAPES[KERNEL], "i4"))
    )
    yield put(
        "half_array", "not float32", weights=with_array(KERNEL, np.ones(SHAPES[KERNEL], "f2"))
    )
    for word in (np.nan, np.inf):
        full = np.ones(SHAPES[KERNEL], "f4")
        full[1, 2] = word
        yield put(f"not_finite_{word}", "NaN or Inf", weights=with_array(KERNEL, full))
    yield put("no_hdf5", "damaged HDF5", weights=b"\x89HDF\r\n\x1a\n" + os.urandom(100))
    yield put("damaged_hdf5", "damaged|no array|shape|not float|NaN",
              weights=weights[:1500] + bytes(len(weights) - 1500))  # fmt: skip


LEGACY = {
    "lstm": ["lstm/lstm_cell/kernel", "lstm/lstm_cell/recurrent_kernel", "lstm/lstm_cell/bias"],
    "out": ["out/kernel", "out/bias"],
}


def legacy(path: Path, change=None, config=None, version="3.15.1") -> Path:
    """The same model as a `.h5` file."""
    values = iter(arrays().values())
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = version
        file.attrs["model_config"] = json.dumps(config or configuration())
        for title, names in LEGACY.items():
            group = file.create_group(f"model_weights/{title}")
            group.attrs["weight_names"] = names
            for name in names:
                group[name] = next(values)
        if change is not None:
            change(file)
    return path


def hostile_legacy(folder: Path):
    """Every hostile `.h5` file, as `hostile` gives the others."""
    kernel = "model_weights/lstm/lstm/lstm_cell/kernel"

    def instead(make):
        def change(file):
            del file[kernel]
            make(file)

        return change

    def link(file):
        file[kernel] = h5py.ExternalLink("/etc/hostname", "/x")

    def soft(file):
        file[kernel] = h5py.SoftLink("/model_weights/out/out/kernel")

    def outside(file):
        file.create_dataset(kernel, SHAPES[KERNEL], "f4", external=[("/etc/passwd", 0, 96)])

    def shape(file):
        file[kernel] = np.ones((2, 11), "f4")

    def nan(file):
        file[kernel] = np.full(SHAPES[KERNEL], np.nan, "f4")

    def extra(file):
        file["model_weights/lstm/more"] = np.ones(3, "f4")

    def stray(file):
        file["somewhere"] = np.ones(3, "f4")

    def no_names(file):
        del file["model_weights/lstm"].attrs["weight_names"]

    def leading_out(file):
        file["model_weights/lstm"].attrs["weight_names"] = ["../out/out/kernel"] * 3

    def exchanged(file):
        names = LEGACY["lstm"]
        file["model_weights/lstm"].attrs["weight_names"] = [names[1], names[0], names[2]]

    def no_config(file):
        del file.attrs["model_config"]

    def number(file):
        file.attrs["model_config"] = 3

    for name, change, words in (
        ("link", instead(link), "link to another file"), ("soft", instead(soft), "symbolic link"),
        ("outside", instead(outside), "in another file"), ("shape", instead(shape), "shape"),
        ("nan", instead(nan), "NaN"), ("extra", extra, "more than"), ("stray", stray, "not belong"),
        ("no_names", no_names, "names no arrays"), ("leading_out", leading_out, "no array"),
        ("exchanged", exchanged, "is not the kernel"), ("no_config", no_config, "no model_config"),
        ("number", number, "no text"), ("missing", instead(lambda f: None), "no array"),
    ):  # fmt: skip
        yield name, legacy(folder / f"legacy_{name}.h5", change), words
    bad = legacy(folder / "legacy_version.h5", version="1.2.2")
    yield "version", bad, "versions 2 and 3"
    bad = legacy(folder / "legacy_lambda.h5", config=swapped(2, class_name="Lambda", module=None))
    yield "lambda", bad, "'Lambda' is not covered"
