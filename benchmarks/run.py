"""What things cost on this machine, as ratios in one run. Nothing here is a test.

make benchmarks            or    python benchmarks/run.py [--quick]
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from functools import partial

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# The products here are small: on few cores, the threads of NumPy and of TensorFlow wait for each
# other, and one measures the waiting.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

QUICK = "--quick" in sys.argv


def table(title: str, rows: list[tuple[str, str, str]]) -> None:
    print(f"\n{title}")
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    for row in rows:
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    sys.stdout.flush()


def child(program: str) -> str:
    """Run a program in a process of its own, so that memory is its own."""
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.strip()


UNROLL = """
import resource, time, rnnsym
net = rnnsym.stack(rnnsym.cells.get('simple_rnn'), rnnsym.cells.get('dense'), D=3, M=5, K=3)
rnnsym.unroll(net, 2)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
times = []
for _ in range({repeat}):
    start = time.perf_counter(); derivation = rnnsym.unroll(net, {steps}); times.append(time.perf_counter() - start)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(min(times), len(derivation), peak / 1024, (peak - before) / 1024)
"""
EXPLICIT = """
import time, sympy as sp
D, M = 3, 5
W = sp.Matrix(D, M, lambda i, j: sp.Symbol(f'W_{i}{j}')); U = sp.Matrix(M, M, lambda i, j: sp.Symbol(f'U_{i}{j}'))
b = sp.Matrix(1, M, lambda i, j: sp.Symbol(f'b_{j}'))
start = time.perf_counter()
h = sp.zeros(1, M)
for t in range(1, STEPS + 1):
    x = sp.Matrix(1, D, lambda i, j: sp.Symbol(f'x{t}_{j}'))
    h = (x * W + h * U + b).applyfunc(sp.tanh)
operations = sp.count_ops(h)
print(time.perf_counter() - start, operations)
"""


def unrolling() -> None:
    rows = [("steps", "seconds", "equations, peak memory of the process, above the imports")]
    times = {}
    for steps in (500, 1000, 2000):
        seconds, equations, peak, above = child(UNROLL.format(steps=steps, repeat=5)).split()
        times[steps] = float(seconds)
        rows.append(
            (
                str(steps),
                f"{float(seconds):.3f}",
                f"{equations}, {float(peak):.0f} MB, {float(above):.0f} MB",
            )
        )
    rows.append(("2000 : 1000", f"{times[2000] / times[1000]:.2f}", ""))
    table("rnnsym.unroll, the notebook's network, by name (best of 5)", rows)
    rows = [("steps", "seconds", "operations")]
    for steps in range(1, 4 if QUICK else 6):
        seconds, operations = child(EXPLICIT.replace("STEPS", str(steps))).split()
        rows.append((str(steps), f"{float(seconds):.3f}", operations))
    table("the same with explicit SymPy matrices substituted into one another", rows)


LSTM = """i_t = σ(x_t W_i + h_{t-1} U_i + b_i)
f_t = σ(x_t W_f + h_{t-1} U_f + b_f)
g_t = tanh(x_t W_g + h_{t-1} U_g + b_g)
o_t = σ(x_t W_o + h_{t-1} U_o + b_o)
c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
h_t = o_t ⊙ tanh(c_t)"""
DERIVE = """
import resource, time, rnnsym
{make}
rnnsym.backpropagate(cell, steps={warm})
times = []
for _ in range({repeat}):
    start = time.perf_counter(); derivation = rnnsym.backpropagate(cell, steps={steps}); times.append(time.perf_counter() - start)
print(min(times), len(derivation), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
NETWORK = (
    "cell = rnnsym.stack(rnnsym.cells.get('simple_rnn'), rnnsym.cells.get('dense'), D=3, M=5, K=3)"
)


def deriving() -> None:
    make = f"cell = rnnsym.Cell.parse({LSTM!r})"
    seconds, lines, peak = child(DERIVE.format(make=make, steps=None, warm=None, repeat=5)).split()
    rows = [("derivation", "seconds", "lines, peak memory of the process")]
    rows.append(("LSTM, T symbolic", f"{float(seconds):.3f}", f"{lines}, {float(peak):.0f} MB"))
    times = {}
    for steps in (500, 1000, 2000):
        program = DERIVE.format(make=NETWORK, steps=steps, warm=2, repeat=5)
        seconds, lines, peak = child(program).split()
        times[steps] = float(seconds)
        rows.append((f"the notebook's network, T = {steps}", f"{float(seconds):.3f}",
                     f"{lines}, {float(peak):.0f} MB"))  # fmt: skip
    rows.append(("2000 : 1000", f"{times[2000] / times[1000]:.2f}", ""))
    table("rnnsym.backpropagate (best of 5)", rows)


def gradients() -> None:
    """The derived gradient beside GradientTape inside tf.function: the loss is over all steps."""
    import keras
    import numpy as np
    import tensorflow as tf

    import rnnsym

    sizes = [(1, 10, 3, 5, 3), (32, 100, 16, 64, 3)]
    for N, T, D, M, K in sizes[:1] if QUICK else sizes:
        net = rnnsym.stack(rnnsym.cells.get("simple_rnn"), rnnsym.cells.get("dense"), D=D, M=M, K=K)
        g = rnnsym.lambdify(net, gradient=True, loss="squared_error")
        rng = np.random.default_rng(0)
        for dtype in ("float32", "float64"):
            x = rng.normal(size=(N, T, D)).astype(dtype)
            target = rng.normal(size=(N, T, K)).astype(dtype)
            weights = {
                v.name: (rng.normal(size=[int(s.subs(net.sizes)) for s in v.shape]) / 4).astype(
                    dtype
                )
                for v in net.parameters
            }
            model = keras.Sequential(
                [
                    keras.Input((T, D), dtype=dtype),
                    keras.layers.SimpleRNN(M, return_sequences=True, dtype=dtype),
                    keras.layers.Dense(K, dtype=dtype),
                ]
            )
            W, U, b, V, c = weights.values()
            model.set_weights([W, U, b[0], V, c[0]])
            x_tensor, target_tensor = tf.constant(x), tf.constant(target)

            @tf.function
            def tape(x, target, model=model):
                with tf.GradientTape() as recorder:
                    recorder.watch(x)
                    value = tf.reduce_sum((model(x) - target) ** 2) / 2
                return value, recorder.gradient(value, [x, *model.trainable_variables])

            tape(x_tensor, target_tensor)
            prepared = g.prepare((x, target), None, weights)
            timed = {
                "GradientTape in tf.function": per_call(partial(tape, x_tensor, target_tensor)),
                "the derived gradient (g.compute)": per_call(partial(g.compute, *prepared)),
                "with its arguments checked (g)": per_call(partial(g, x, target, **weights)),
            }
            base = timed["GradientTape in tf.function"]
            rows = [("", "µs a call", "GradientTape takes so many times as long")]
            rows += [(n, f"{s * 1e6:.1f}", f"{base / s:.2f}") for n, s in timed.items()]
            table(f"loss and all gradients, N={N}, T={T}, D={D}, M={M}, K={K}, {dtype}", rows)


def checking() -> None:
    program = "import rnnsym\nfor n in rnnsym.cells.names(): rnnsym.verify(rnnsym.cells.get(n), gradient=True).check()"
    start = time.perf_counter()
    child(program)
    seconds = time.perf_counter() - start
    table(
        "checking all cells of the catalogue, forward and backward, against Keras",
        [("seconds", f"{seconds:.1f}", "from a cold start, TensorFlow's import included")],
    )


def reading() -> None:
    """Texts inside the limits are read in a time that grows like n log n at most."""
    import rnnsym

    rnnsym.parse("h_t = tanh(x_t W)")
    texts = {
        "a concatenation in another, n levels": lambda n: (
            f"h_t = tanh({'[' * n}x_t{', x_t]' * n} W)", (20, 40, 80)),
        "a sum of n products, each of its own weight": lambda n: (
            "h_t = " + " + ".join(f"x_t W_{{a{i}}}" for i in range(n)), (160, 320, 640)),
        "n signs in front of one another": lambda n: (
            f"h_t = {'-(' * n}x_t{')' * n}", (20, 40, 80)),
        "n states in a ring": lambda n: (
            "\n".join(f"s{i}_t = tanh(x_t W_{{a{i}}} + s{(i + 1) % n}_{{t-1}} U_{{a{i}}})"
                       for i in range(n)), (25, 50, 100)),
        "n equations, each of the one before": lambda n: (
            "\n".join(f"a{i}_t = tanh(a{i - 1}_t W_{{a{i}}})" if i else "a0_t = tanh(x_t W)"
                       for i in range(n)), (40, 80, 160)),
    }  # fmt: skip
    rows = [("text", "ms at the largest n", "times that at half of it, at a quarter")]
    for words, make in texts.items():
        sizes = make(2)[1]
        times = [per_call(partial(rnnsym.parse, make(n)[0]), 0.1) for n in sizes]
        rows.append((words, f"{times[2] * 1e3:.0f} (n = {sizes[2]})",
                     f"{times[2] / times[1]:.1f}, {times[2] / times[0]:.1f}"))  # fmt: skip
    table("reading", rows)


def claims() -> None:
    """What it takes to say whether a text is what it is said to be."""
    import rnnsym

    lstm = rnnsym.to_text(rnnsym.cells.get("lstm"))
    texts = {
        "right": lstm,
        "gates exchanged": lstm.replace("f_t ⊙ c_{t-1} + i_t", "i_t ⊙ c_{t-1} + f_t"),
        "a sign wrong": lstm.replace("f_t ⊙ c_{t-1} +", "f_t ⊙ c_{t-1} - 2"),
        "a function wrong": lstm.replace("o_t ⊙ tanh", "o_t ⊙ sin"),
    }
    cell = rnnsym.cells.get("lstm")
    rnnsym.verify(cell, claim="keras.layers.LSTM")  # imports Keras
    rows = [("LSTM as keras.layers.LSTM", "seconds", "verdict")]
    for words, text in texts.items():
        start = time.perf_counter()
        report = rnnsym.verify(rnnsym.parse(text), claim="keras.layers.LSTM")
        rows.append((words, f"{time.perf_counter() - start:.2f}", str(report.verdict)))
    table("verify --as, beside Keras that runs already", rows)


def per_call(function, least: float = 0.3) -> float:
    """Seconds a call: the best of five runs of at least `least` seconds in all."""
    count = 1
    while True:
        start = time.perf_counter()
        for _ in range(count):
            function()
        if (spent := time.perf_counter() - start) > least / 5:
            break
        count *= 2 if spent <= 0 else max(2, min(10, int(least / 5 / spent) + 1))
    best = spent / count
    for _ in range(4):
        start = time.perf_counter()
        for _ in range(count):
            function()
        best = min(best, (time.perf_counter() - start) / count)
    return best


def calls() -> None:
    import keras
    import numpy as np
    import tensorflow as tf

    import rnnsym

    N, T, D, M, K = 1, 10, 3, 5, 3
    net = rnnsym.stack(rnnsym.cells.get("simple_rnn"), rnnsym.cells.get("dense"), D=D, M=M, K=K)
    f = rnnsym.lambdify(net)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N, T, D))
    weights = {
        v.name: rng.normal(size=[int(s.subs(net.sizes)) for s in v.shape]) * 0.4
        for v in net.parameters
    }
    W, U, b, V, c = weights.values()
    bias, readout_bias = b[0], c[0]

    def notebook():
        h_last = np.zeros(M)
        X = x[0]
        Yhats = []
        for t in range(T):
            h = np.tanh(X[t].dot(W) + h_last.dot(U) + bias)
            Yhats.append(h.dot(V) + readout_bias)
            h_last = h
        return Yhats

    model = keras.Sequential(
        [
            keras.Input((T, D)),
            keras.layers.SimpleRNN(M, return_sequences=True),
            keras.layers.Dense(K),
        ]
    )
    model.set_weights([W, U, bias, V, readout_bias])
    single = x.astype("float32")
    graph = tf.function(model)
    tensor = tf.constant(single)
    graph(tensor)
    prepared = f.prepare((x,), None, weights)
    unrolled = rnnsym.lambdify(rnnsym.unroll(net, T))
    timed = {
        "the notebook's NumPy loop": per_call(notebook),
        "the generated function (f.compute)": per_call(lambda: f.compute(*prepared)),
        "with its arguments checked (f)": per_call(lambda: f(x, **weights)),
        "the unrolled function": per_call(lambda: unrolled.compute(*prepared)),
        "Keras, tf.function": per_call(lambda: graph(tensor)),
        "Keras, predict_on_batch": per_call(lambda: model.predict_on_batch(single)),
        "Keras, model(x)": per_call(lambda: model(single)),
        "Keras, predict": per_call(lambda: model.predict(single, verbose=0)),
    }
    base = timed["the notebook's NumPy loop"]
    rows = [("", "µs a call", "times the notebook's loop")]
    rows += [
        (name, f"{seconds * 1e6:.1f}", f"{seconds / base:.2f}") for name, seconds in timed.items()
    ]
    table(f"one call, N={N}, T={T}, D={D}, M={M}, K={K} (ours in float64, Keras in float32)", rows)


def commands() -> None:
    rows = [("command", "seconds", "")]
    for arguments in (["--help"], ["list"], ["show", "simple_rnn"], ["export", "simple_rnn", "--to", "tex"],
                      ["export", "simple_rnn+dense", "--to", "md"]):  # fmt: skip
        times = []
        for _ in range(5):
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "rnnsym", *arguments], check=True, capture_output=True
            )
            times.append(time.perf_counter() - start)
        rows.append((f"rnnsym {' '.join(arguments)}", f"{min(times):.2f}", ""))
    table("the command line, from a cold start (best of 5)", rows)


EXPLAIN = """
import resource, sys, time
import keras
from keras import layers as L
if {big}:
    parts = [L.Bidirectional(L.LSTM(256, return_sequences=True)) for _ in range(3)]
    model = keras.Sequential([keras.Input((None, 64)), *parts, L.Dense(1)])
else:
    model = keras.Sequential([keras.Input((10, 3)), L.SimpleRNN(5, return_sequences=True), L.Dense(3)])
model.save({path!r})
"""
RUN = """
import resource, sys, time
if {loaded}:
    import tensorflow, keras
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.perf_counter()
sys.argv = ['rnnsym', 'explain', {path!r}, *{options!r}]
from rnnsym.cli import main
import io, contextlib
with contextlib.redirect_stdout(io.StringIO()):
    try:
        main()
    except SystemExit as stop:
        assert not stop.code, stop.code
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(time.perf_counter() - start, after / 1024, (after - before) / 1024)
"""


def explaining() -> None:
    """`rnnsym explain`, with the import of TensorFlow left out where it is needed."""
    import tempfile

    rows = [("model", "seconds", "MB in all, MB above what was imported")]
    with tempfile.TemporaryDirectory() as folder:
        for big, name in ((False, "the notebook's model"), (True, "3 bidirectional LSTM of 256")):
            path = f"{folder}/{'big' if big else 'small'}.keras"
            child(EXPLAIN.format(big=big, path=path))
            for options in ([], ["--no-verify"]):
                text = child(RUN.format(loaded=not options, path=path, options=options))
                seconds, peak, above = map(float, text.splitlines()[-1].split())
                words = f"{name} {' '.join(options)}".strip()
                rows.append((words, f"{seconds:.2f}", f"{peak:.0f}, {above:.0f}"))
    table("rnnsym explain (a process of its own; TensorFlow imported before, if needed)", rows)


def exporting() -> None:
    """`rnnsym export` of an LSTM in every format, from a cold start; and every form read back."""
    import shutil
    import tempfile

    import rnnsym
    from rnnsym import notations
    from rnnsym.checking.printed import FORMS, Printing
    from rnnsym.documents import FORMATS

    rows = [("format", "seconds from a cold start", "bytes")]
    with tempfile.TemporaryDirectory() as folder:
        for to in FORMATS:
            if to == "pdf" and shutil.which("pdflatex") is None:
                continue
            path = f"{folder}/lstm.{to}"
            command = [sys.executable, "-m", "rnnsym", "export", "lstm", "--to", to, "-o", path]
            start = time.perf_counter()
            subprocess.run(command, capture_output=True, check=True)
            rows.append((to, f"{time.perf_counter() - start:.2f}", f"{os.path.getsize(path):,}"))
    table("rnnsym export lstm", rows)
    start = time.perf_counter()
    count = 0
    for name in rnnsym.cells.names():
        for notation in notations.names():
            for convention in ("row", "column"):
                printing = Printing(
                    rnnsym.cells.get(name), notation=notation, convention=convention
                )
                for form in FORMS:
                    printing.block(form)
                    printing.text_block(form)
                    count += 2
    rows = [
        ("printed forms", "seconds", ""),
        (str(count), f"{time.perf_counter() - start:.1f}", ""),
    ]
    table("every cell in every form and notation, LaTeX and text, read back at 50 digits", rows)


if __name__ == "__main__":
    exporting()
    explaining()
    unrolling()
    deriving()
    commands()
    calls()
    gradients()
    checking()
    reading()
    claims()
