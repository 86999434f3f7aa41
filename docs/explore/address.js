"use strict";
// The state of the page as text in the address: #kernel=gaussian&photo=coins&seed=7&shots=100.

const Address = (() => {
  const LARGEST_ENTRY = 1e6, VANISHES = 1e-100, MOST_SHOTS = 1e6, MOST_REPEATS = 1e5, MOST_STEPS = 1000;
  const PARTICLES = [1, 10, 1000, 1_000_000];

  /** Write a kernel row by row: entries separated by commas, rows by semicolons. */
  function kernelText(kernel) {
    const side = Maths.side(kernel);
    return Array.from({ length: side }, (_, i) => kernel.slice(i * side, (i + 1) * side).join()).join(";");
  }

  /** Read a kernel of 3 x 3 or 5 x 5 entries; return null for any other text. */
  function kernelOf(text) {
    const rows = text.split(";").map((row) => row.split(",").map((x) => (x.trim() === "" ? NaN : Number(x))));
    const kernel = rows.flat();
    const square = [3, 5].includes(rows.length) && rows.every((row) => row.length === rows.length);
    return square && problem(kernel) === "" ? kernel : null;
  }

  /** Say what is wrong with a kernel; return an empty text for a valid one. */
  function problem(kernel) {
    if (!kernel.every((k) => Math.abs(k) <= LARGEST_ENTRY)) return "Expected a number from −1,000,000 to 1,000,000.";
    return kernel.every((k) => Math.abs(k) < VANISHES) ? "Expected at least one entry other than 0." : "";
  }

  /**
   * Write shots in the order in which they were added: "1,10x3,@46.55x2" are one shot at every pixel, three
   * times ten, and two shots at row 46, column 55.
   */
  function shotsText(events) {
    const one = ({ n, row, column, times }) => (n ? n : `@${row}.${column}`) + (times > 1 ? `x${times}` : "");
    return events.map(one).join() || "0";
  }

  /** Read shots; return null for any other text. */
  function shotsOf(text) {
    if (text === "0") return [];
    const events = text.split(",").map((token) => {
      const found = /^(?:(\d+)|@(\d+)\.(\d+))(?:x(\d+))?$/.exec(token);
      if (!found) return null;
      const [n, row, column, times] = [found[1], found[2], found[3], found[4] || 1].map(Number);
      const event = found[1] ? { n, times } : { row, column, times };
      return times >= 1 && times <= MOST_REPEATS && (!found[1] || (n >= 1 && n <= MOST_SHOTS)) ? event : null;
    });
    return events.includes(null) ? null : events;
  }

  const whole = (least, most) => (text) =>
    /^\d+$/.test(text) && Number(text) >= least && Number(text) <= most ? Number(text) : null;
  const among = (...values) => (text) => values.find((value) => String(value) === text) ?? null;

  /** How to read each part; a reader returns null for a text that it does not understand. */
  const READERS = {
    mode: among("collapse", "diffusion"),
    kernel: (text) => (Kernels.some(({ name }) => name === text) ? text : kernelOf(text)),
    photo: (text) => text,
    baseline: among("on", "off"),
    seed: whole(0, 2 ** 32 - 1),
    shots: shotsOf,
    pixel: (text) => /^\d+\.\d+$/.exec(text) && text.split(".").map(Number),
    particles: among(...PARTICLES),
    steps: whole(0, MOST_STEPS),
    class: whole(1, 99),
  };

  /** Read an address; return the parts that were understood, and the names of the others. */
  function read(hash) {
    const found = {}, unknown = [];
    for (const [name, text] of new URLSearchParams(hash.replace(/^#/, "").replaceAll("+", "%2B"))) {
      const value = Object.hasOwn(READERS, name) ? READERS[name](text) : null;
      if (value === null) unknown.push(name);
      else found[name] = value;
    }
    return { found, unknown };
  }

  /** Write the parts that are present as an address; signs that are legible in an address stay. */
  function write(parts) {
    const legible = (text) => encodeURIComponent(text).replace(/%(2C|3B|40)/g, decodeURIComponent);
    return "#" + Object.entries(parts).map(([name, text]) => `${name}=${legible(text)}`).join("&");
  }

  return { read, write, kernelText, shotsText, problem };
})();
