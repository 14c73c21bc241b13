# %% [markdown]
# ## The task
#
# A toy sequence: at every step the network has to say what the first feature was one step before.
# A feed-forward network cannot do it; a recurrent one has to carry the number in its state.

# %%
import keras
import numpy as np
import tensorflow as tf

import rnnsym

N, T, D, M, K = 16, 10, 3, 5, 1
rng = np.random.default_rng(0)
x = rng.normal(size=(N, T, D))
target = np.concatenate([np.zeros((N, 1, 1)), x[:, :-1, :1]], axis=1)
print(x.shape, target.shape)

# %% [markdown]
# ## The gradient, derived
#
# The network's equations are the only thing that is written; the function below follows from them.

# %%
net = rnnsym.stack(rnnsym.cells.get("simple_rnn"), rnnsym.cells.get("dense"), D=D, M=M, K=K)
gradient = rnnsym.lambdify(net, gradient=True, loss="squared_error")
print(gradient.source)

# %% [markdown]
# ## Two networks with the same weights
#
# One is trained by the derived gradient in NumPy, the other by Keras and `GradientTape`, both in
# float64 by plain gradient descent.

# %%
shapes = {"W": (D, M), "U": (M, M), "b": (M,), "V": (M, K), "c": (K,)}
weights = {n: rng.normal(size=s) / np.sqrt(max(s[0], 1)) for n, s in shapes.items()}
model = keras.Sequential(
    [
        keras.Input((T, D), dtype="float64"),
        keras.layers.SimpleRNN(M, return_sequences=True, dtype="float64"),
        keras.layers.Dense(K, dtype="float64"),
    ]
)
model.set_weights(list(weights.values()))
optimizer = keras.optimizers.SGD(learning_rate=1.0)
rate = 0.1 / (N * T)

# %% [markdown]
# ## Training, side by side

# %%
ours, theirs = [], []
for _ in range(200):
    loss, gradients = gradient(x, target, **weights)
    ours.append(loss / (N * T))
    for name in weights:
        weights[name] = weights[name] - rate * gradients[name]
    with tf.GradientTape() as tape:
        value = tf.reduce_sum((model(x) - target) ** 2) / 2
    theirs.append(float(value) / (N * T))
    slopes = tape.gradient(value, model.trainable_variables)
    optimizer.apply([rate * g for g in slopes], model.trainable_variables)
print(f"first loss: {ours[0]:.6f} and {theirs[0]:.6f}")
print(f"last loss:  {ours[-1]:.6f} and {theirs[-1]:.6f}")
