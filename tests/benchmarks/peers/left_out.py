"""Peers that do not run here, each with the reason."""

REASONS = {
    "qiskit-addon-aqc-tensor 0.3.1": "installs; its fit did not converge in ten minutes",
    "Qrisp 0.9.10, `fourier_series_loader`": "requires Qiskit older than 2.6 and jax 0.7.1",
    "CUDA-Q 0.16": "2.5 GiB; a simulator, which rejects vectors of more than 10 qubits on a CPU",
    "Classiq 1.34": "synthesises circuits on its server only",
    "torchquantum 0.1.8": "requires Qiskit older than 1; pip installs an old version instead",
    "piqture 0.2.0": "requires NumPy older than 2; pip installs an old version instead",
    "qip-lumina 0.2.1, mhrqi 0.1.3": "the installed packages cannot be imported",
    "PennyLane, `TorchLayer`": "requires PyTorch, which is as large as all other packages together",
    "BlueQubit and Honda, arXiv:2504.10592": "no public code; the fits need a device or a GPU",
    "Green and Wang, arXiv:2502.16464": "no public code or pictures",
    "Jobst et al., arXiv:2311.07666": "no package; quimb's fit is of the same family of circuits",
    "Fourier and Walsh loaders, arXiv:2302.03888": "for smooth functions; no package installs",
    "quantum wavelets, arXiv:2512.21478": "gate counts only, no image is filtered",
    "Roshanshah's program, 5x5 pixels": (
        "not a package; the adapter is written from the paper, and draws from the outcome "
        "probabilities, because its authors call circuits of 128x128 pixels intractable"
    ),
    "QCrank's program": "its setup pins Qiskit 1.2; the adapter is written from the paper",
}
