"use strict";
// The Python program that computes with qconv what the page shows.

const Python = (() => {
  /** How qconv's tests and this page make their photographs from those of scikit-image. */
  const PHOTOS = {
    camera: ["data.camera()", 4],
    coins: ["data.coins()[40:296, 120:376]", 2],
    astronaut: ["np.rint(255 * color.rgb2gray(data.astronaut()))", 4],
  };

  /** Write a number as Python reads it. */
  const number = (x) => (Number.isInteger(x) && Math.abs(x) < 1e15 ? `${x}` : String(x));

  /** Write the lines that define the picture: a photograph of scikit-image, or the pixels themselves. */
  function picture({ name, height, width, data, own }) {
    if (!own) {
      const [source, step] = PHOTOS[name];
      return [`pixels = ${source}.reshape(${height}, ${step}, ${width}, ${step})`, "image = np.rint(pixels.mean(axis=(1, 3)))"];
    }
    const text = btoa(String.fromCharCode(...data)), lines = text.match(/.{1,96}/g);
    return [
      `# ${name.replace(/[^\x20-\x7e]/g, "?")}, as grey levels`,
      "pixels = base64.b64decode(", ...lines.map((line) => `    "${line}"`), ")",
      `image = np.frombuffer(pixels, np.uint8).reshape(${height}, ${width}).astype(float)`,
    ];
  }

  /** Write the line or lines that define the kernel. */
  function kernel({ name, kernel: values }) {
    if (name) {
      const { call, options } = Kernels.find((known) => known.name === name);
      const rest = Object.entries(options).map(([key, value]) => `, ${key}=${number(value)}`).join("");
      return [`kernel = qconv.named_kernel("${call}"${rest})`];
    }
    const side = Maths.side(values);
    const rows = Array.from({ length: side }, (_, i) => values.slice(i * side, (i + 1) * side).map(number).join(", "));
    return ["kernel = np.array(", "    [", ...rows.map((row) => `        [${row}],`), "    ]", ")"];
  }

  /** Write the import statements that the program needs. */
  function imports({ picture: { own, name } }, more = []) {
    const skimage = name === "astronaut" ? "from skimage import color, data" : "from skimage import data";
    return [
      ...(own ? ["import base64", ""] : []),
      "import numpy as np", ...more, ...(own ? [] : [skimage]), "",
    ];
  }

  /** Write the program for the mode Collapse. */
  function collapse(state, shots) {
    const { p } = Maths.encoded(state.kernel, state.baseline), whole = Maths.propagator(state.kernel);
    const middle = Maths.centre(state.kernel), at = (Maths.side(state.kernel) - 1) / 2;
    const excluded = whole.p[middle] > 0 && p[middle] === 0;
    return [
      ...imports(state, ["from qiskit_aer import AerSimulator"]),
      "import classical", "import qconv", "",
      ...picture(state.picture), ...kernel(state), "",
      "# The state that is measured: probabilities and weights of the kernel's positions.",
      "propagator = qconv.Propagator.from_kernel(kernel)",
      ...(excluded ? [`propagator = propagator.excluding((${at}, ${at}))  # baseline: the centre is known`] : []),
      "circuit = qconv.encode_amplitudes(np.sqrt(propagator.probabilities))",
      'print(propagator.probabilities, propagator.weights, circuit.draw("text"), sep="\\n")', "",
      "# Shots of one pixel: how often each position of the kernel is measured.",
      `shots = ${Math.max(shots, 1)}`,
      "measured = circuit.copy()", "measured.measure_all()",
      `outcomes = AerSimulator(seed_simulator=${state.seed}).run(measured, shots=shots).result().get_counts()`,
      "columns = 2 ** circuit.qregs[0].size",
      "counts = np.zeros(kernel.shape, int)",
      "for bits, count in outcomes.items():",
      "    counts[divmod(int(bits, 2), columns)] += count",
      "print(counts)", "",
      "# Shots of every pixel, the exact convolution, and the error.",
      'where = {"mode": "same", "boundary": "symm"}',
      `method = qconv.Collapse(baseline=${state.baseline ? "True" : "False"})`,
      `result = qconv.convolve(image, kernel, method=method, shots=shots, seed=${state.seed}, **where)`,
      "exact = classical.convolve(image, kernel, **where)",
      "print(classical.compare(result, exact))", "",
    ].join("\n");
  }

  /** Write the program for the mode Diffusion. */
  function diffusion(state, number, steps) {
    return [
      ...imports(state), "import qconv", "",
      ...picture(state.picture), ...kernel(state),
      "kernel = kernel / kernel.sum()  # no particle is lost", "",
      "propagator = qconv.Propagator.from_kernel(kernel)", "",
      "# The picture after every step: the same as Diffusion(steps=...) at once, with fewer qubits.",
      'where = {"mode": "same", "boundary": "wrap"}',
      "exact = image",
      `for _ in range(${steps}):`,
      "    step = qconv.convolve(exact, kernel, method=qconv.Diffusion(), shots=None, **where)",
      "    exact = step.image",
      "",
      "# Particles, each drawn from the probabilities of the pixels.",
      "probabilities = exact.clip(0) / exact.clip(0).sum()",
      `rng = np.random.default_rng(${state.seed})`,
      `counts = rng.multinomial(${number}, probabilities.ravel()).reshape(image.shape)`,
      `measured = counts * (image.sum() / ${number})`,
      'print("RMSE, grey levels:", np.sqrt(np.mean((measured - exact) ** 2)))', "",
    ].join("\n");
  }

  return { collapse, diffusion };
})();
