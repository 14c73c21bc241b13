"""A cell is a model of one part: every verb and every command takes either, and does the same."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner

import rnnsym
from rnnsym.cli import main_group
from rnnsym.derive.kinds import DERIVATIONS
from rnnsym.models import seen

L = keras.layers


def made(*layers, steps=6, width=3):
    keras.utils.set_random_seed(4)
    keras.backend.clear_session()  # layers without a name are numbered anew
    return keras.Sequential([keras.Input((steps, width)), *layers], name="sequential")


@pytest.fixture(scope="module")
def model():
    return made(
        L.LSTM(4, return_sequences=True, name="lstm"), L.GRU(5, name="gru"),
        L.Dense(2, activation="tanh", name="dense"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def net(model):
    return rnnsym.from_keras(model)


@pytest.fixture(scope="module")
def file(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "m.keras"
    model.save(path)
    return str(path)


def run(*arguments):
    result = CliRunner().invoke(main_group, list(arguments), catch_exceptions=False)
    return result.output


# --- a cell is a model of one part


@pytest.mark.parametrize("name", rnnsym.cells.names())
def test_a_cell_seen_as_a_model_prints_as_itself(name):
    cell = rnnsym.cells.get(name)
    for form in ("vectors", "elements"):
        assert rnnsym.to_text(seen(cell), form=form) == rnnsym.to_text(cell, form=form)
        assert rnnsym.to_latex(seen(cell), form=form) == rnnsym.to_latex(cell, form=form)


def test_a_cell_seen_as_a_model_computes_derives_and_checks_as_itself():
    cell = rnnsym.cells.get("gru")
    model = seen(cell)
    assert rnnsym.lambdify(model).source == rnnsym.lambdify(cell).source
    gradients = [rnnsym.lambdify(c, gradient=True, loss="squared_error") for c in (model, cell)]
    assert gradients[0].source == gradients[1].source
    one, other = (rnnsym.verify(c, "latex") for c in (model, cell))
    assert one.to_dict() == other.to_dict()
    (derivation,) = rnnsym.backpropagate(model)
    assert [s.equation for s in derivation] == [s.equation for s in rnnsym.backpropagate(cell)]


def test_what_is_no_cell_is_refused_by_every_verb():
    from rnnsym.checking import flow

    for verb in (rnnsym.backpropagate, rnnsym.jacobian, rnnsym.rtrl, rnnsym.count, rnnsym.unroll,
                 rnnsym.verify, flow):  # fmt: skip
        with pytest.raises(rnnsym.InputError, match="takes a cell, network or model, not int"):
            verb(3)


# --- verbs of models


def test_every_derivation_is_of_each_part_that_has_it(net):
    for kind in DERIVATIONS.values():
        found = kind.make(net)
        wanted = [n.name for n in net.equations if kind.applies(n.cell)]
        names = [d.subject.name if d.subject else d.cell.name for d in found]
        assert sorted(names) == sorted(wanted)
        for derivation in found:
            assert derivation.report(), derivation.title


def test_a_loss_is_of_the_part_that_gives_the_output(net):
    last, *others = rnnsym.backpropagate(net, loss="squared_error")
    assert last.loss == "squared_error" and last.subject.name == "dense"
    assert {d.loss for d in others} == {"general"}
    # Of the GRU nothing but the last step is read.
    assert [d.over for d in others] == ["last", "all"]


def test_parts_are_counted_and_unrolled_as_the_cells_that_they_are(net):
    costs = rnnsym.count(net)
    assert [int(c.at(N=1, T=6)["parameters"]) for c in costs] == [
        layer.count_params() for layer in _layers(net)
    ]
    assert [d.length for d in rnnsym.unroll(net, 2)] == [2, 2, 2]


def _layers(net):
    return [layer for layer in net.live.layers if layer.weights]


def test_the_flow_of_a_part_is_that_of_its_cell_with_its_own_weights(net):
    from rnnsym.checking import flow

    lstm, gru = flow(net, 12)
    assert (lstm.cell.name, gru.cell.name) == ("lstm", "gru")
    node = net.node("gru")
    alone = flow(node.cell, 12, weights=net.parameters(node))
    np.testing.assert_allclose(gru.norms["state"], alone.norms["state"], rtol=1e-12)
    other = flow(net, 12, weights={k: a * 0.5 for k, a in net.values.items()})[1]
    assert not np.allclose(other.norms["state"], gru.norms["state"])
    with pytest.raises(rnnsym.InputError, match="has no weight 'x'"):
        flow(net, 12, weights={"x": np.ones(3)})
    key = next(iter(net.values))
    with pytest.raises(rnnsym.InputError, match="must be of shape"):
        flow(net, 12, weights={key: np.ones(3)})


def test_the_printed_parts_are_read_again_without_keras_and_line_by_line(net):
    report = rnnsym.verify(net, "latex", gradient=True)
    assert report.verdict == "consistent"
    lines = [c.what for c in report.comparisons if "line by itself" in c.what]
    assert {what.partition(":")[0] for what in lines} == {"lstm", "gru", "dense"}


def test_keras_counts_the_parameters_of_a_model(net):
    report = rnnsym.verify(net)
    assert report.verdict == "verified"
    (count,) = [c for c in report.comparisons if c.what.startswith("parameter count")]
    assert (
        count.what == f"parameter count: {net.parameter_count}, Keras counts {net.parameter_count}"
    )
    assert count.passed


def test_a_model_shows_its_parts_in_a_notebook_and_in_elements(net):
    html = rnnsym.to_html(net)
    assert all(title in html for title in ("lstm (LSTM)", "gru (GRU)", "dense (Dense)"))
    assert r"\sum_{k=1}" in rnnsym.to_latex(net, form="elements")
    with pytest.raises(rnnsym.InputError, match="the form 'cell' is of a cell"):
        rnnsym.to_text(net, form="cell")


@pytest.mark.parametrize("to", ["tex", "md", "txt", "json", "mathml", "py", "svg"])
def test_a_document_of_a_model_is_one_of_its_parts(net, to):
    if to == "svg":
        with pytest.raises(rnnsym.InputError, match="a picture is of one cell"):
            rnnsym.document(net, to)
        return
    if to == "py":  # a script checks its own numbers when it runs
        exec(compile(rnnsym.document(net, to), "script", "exec"), {"__name__": "__main__"})
        return
    text = rnnsym.document(net, to, what="forward,bptt", loss="squared_error")
    assert text.count("squared error") <= text.count("Backpropagation") or to == "json"
    for name in ("lstm", "gru", "dense"):
        assert name in text


# --- a loss of a model, numerically


def squared(d, y):
    return tf.reduce_sum((d - y) ** 2) / 2


def entropy(d, y):
    return -tf.reduce_sum(d * tf.math.log(y))


MODELS = {
    "sequences": lambda: (L.LSTM(4, return_sequences=True), L.GRU(5, return_sequences=True)),
    "dense": lambda: (L.GRU(4, return_sequences=True), L.Dense(3, activation="softmax")),
    "last": lambda: (L.LSTM(4, return_sequences=True), L.SimpleRNN(5)),
    "vector": lambda: (L.LSTM(4), L.Dense(3, activation="softmax")),
    "backwards": lambda: (L.GRU(4, return_sequences=True, go_backwards=True),),
    "both": lambda: (L.Bidirectional(L.LSTM(3, return_sequences=True)), L.Dense(2)),
}


@pytest.mark.parametrize("over", ["all", "last"])
@pytest.mark.parametrize("name", MODELS)
def test_the_gradient_of_a_loss_is_tensorflows(name, over):
    net, rng = rnnsym.from_keras(m := made(*MODELS[name]())), np.random.default_rng(1)
    x = rng.normal(size=(4, 6, 3)).astype("float32")
    y = m(x).numpy()
    sequence = y.ndim == 3
    target = rng.random(y.shape if over == "all" or not sequence else (4, y.shape[-1]))
    losses = [("squared_error", squared)]
    if name in ("dense", "vector"):
        losses.append(("cross_entropy", entropy))
    for loss, theirs in losses:
        d = target / target.sum(-1, keepdims=True) if loss == "cross_entropy" else target
        d = d.astype("float32")
        value, found = rnnsym.lambdify(net, gradient=True, loss=loss, over=over)(x, d)
        given = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(given)
            out = m(given)
            kept = out[:, -1] if over == "last" and sequence else out
            expected = theirs(d, kept)
        keys = [net.inputs[0].name, *(w.key for w in net.weights)]
        assert abs(value - float(expected)) <= 1e-5 * abs(float(expected))
        for key, g in zip(keys, tape.gradient(expected, [given, *m.trainable_weights])):
            np.testing.assert_allclose(found[key], g, rtol=2e-4, atol=2e-5, err_msg=key)


def test_a_loss_of_a_part_that_gives_more_is_of_the_output_alone():
    stateful = keras.Sequential(
        [keras.Input(batch_shape=(2, 5, 3)), L.LSTM(4, stateful=True, return_sequences=True)]
    )
    net, rng = rnnsym.from_keras(stateful), np.random.default_rng(2)
    (derivation,) = rnnsym.backpropagate(net, loss="squared_error")
    assert derivation.subject.output.name == "h" and derivation.check()
    x, d = rng.normal(size=(2, 5, 3)), rng.normal(size=(2, 5, 4))
    value, found = rnnsym.lambdify(net, gradient=True, loss="squared_error")(x, d)
    expected = rnnsym.lambdify(net)(x)
    assert np.isclose(value, ((np.asarray(expected) - d) ** 2).sum() / 2)
    _, general = rnnsym.lambdify(net, gradient=True)(x, np.asarray(expected) - d)
    for key, g in general.items():
        np.testing.assert_allclose(found[key], g, rtol=1e-10, atol=1e-12, err_msg=key)


def test_a_loss_that_does_not_fit_a_model_is_refused(net):
    with pytest.raises(rnnsym.InputError, match="unknown loss 'nonsense'"):
        rnnsym.lambdify(net, gradient=True, loss="nonsense")
    with pytest.raises(rnnsym.InputError, match="takes probabilities that softmax makes"):
        rnnsym.lambdify(net, gradient=True, loss="cross_entropy")
    with pytest.raises(rnnsym.InputError, match="all or last"):
        rnnsym.lambdify(net, gradient=True, loss="squared_error", over="some")
    with pytest.raises(rnnsym.InputError, match="a loss by name"):
        rnnsym.lambdify(net, gradient=True, over="last")
    with pytest.raises(rnnsym.InputError, match="give gradient=True"):
        rnnsym.lambdify(net, loss="squared_error")
    f = rnnsym.lambdify(net, gradient=True, loss="squared_error")
    x = np.ones((2, 6, 3))
    with pytest.raises(rnnsym.InputError, match=r"the target must be of shape \(2, 2\)"):
        f(x, np.ones((2, 6, 2)))
    with pytest.raises(rnnsym.InputError, match="finite numbers"):
        f(x, np.full((2, 2), np.nan))
    states = rnnsym.from_keras(made(L.LSTM(4, return_state=True)))
    with pytest.raises(rnnsym.InputError, match="a loss is of one output"):
        rnnsym.lambdify(states, gradient=True, loss="squared_error")
    flat = rnnsym.from_keras(made(L.LSTM(4, return_sequences=True), L.Flatten()))
    with pytest.raises(rnnsym.InputError, match="a loss is of what one part with equations gives"):
        rnnsym.backpropagate(flat, loss="squared_error")


# --- commands


def test_every_command_takes_the_file_of_a_model(file):
    shown = run("show", file)
    assert "# lstm (LSTM)" in shown and "x_t = lstm_t" in shown and "3 of 3 layers" in shown
    assert run("derive", file, "--what", "jacobian").count("The Jacobian of one step of") == 2
    assert "gru (GRU)" in run("flow", file, "--steps", "5")
    assert "sequential: consistent" in run("verify", file, "--against", "latex")
    assert "dense (Dense)" in run("export", file, "--to", "md", "--what", "forward,bptt")


def test_a_part_of_a_model_is_a_cell(file):
    assert run("show", file, "--part", "gru").splitlines()[0] == "gru (GRU)"
    columns = run("show", "--convention", "column", file, "--part", "gru")
    assert "z_t = σ(W_z x_t" in columns
    data = json.loads(run("flow", file, "--part", "gru", "--steps", "3", "--json"))
    assert data["cell"] == "gru" and len(data["norms"]["state"]) == 3
    assert len(json.loads(run("flow", file, "--steps", "3", "--json"))["parts"]) == 2
    assert json.loads(run("show", file, "--part", "dense", "--json"))["name"] == "dense"
    assert [p["name"] for p in json.loads(run("show", file, "--json"))["parts"]] == [
        "lstm", "gru", "dense",
    ]  # fmt: skip
    assert run("flow", file, "--part", "gru", "-o", "-").lstrip().startswith("<svg")


def test_what_does_not_fit_a_model_is_refused_in_one_line(file, tmp_path):
    for arguments, words in (
        (("show", file, "--size", "M=3"), "a model has its own sizes"),
        (("show", file, "--part", "grue"), "did you mean gru?"),
        (("show", "lstm", "--part", "gru"), "--part is of a model"),
        (("show", file, "--convention", "up"), "unknown convention 'up'"),
        (("flow", file, "--part", "dense"), "no part with a state is called 'dense'"),
        (("flow", file, "-o", str(tmp_path / "f.svg")), "a picture is of one part"),
        (("show", str(tmp_path / "none.keras")), "cannot be read"),
        (("show", file, "--file", "x.cell"), "name one cell"),
    ):
        with pytest.raises(rnnsym.RnnsymError) as refusal:
            run(*arguments)
        assert words in str(refusal.value), arguments
    assert not (tmp_path / "f.svg").exists()


def test_a_layer_that_is_not_covered_is_named_beside_what_is(tmp_path, capsys):
    m = made(L.LSTM(4, return_sequences=True), L.Conv1D(2, 2), L.GRU(3))
    m.save(tmp_path / "b.keras")
    shown = run("show", str(tmp_path / "b.keras"))
    assert "2 of 3 layers explained" in shown
    assert "Conv1D" in capsys.readouterr().err + shown
