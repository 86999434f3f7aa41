"use strict";
// The photographs of the page, and a picture of the user's own: chosen or dropped, never sent anywhere.

const Pictures = (() => {
  const MOST_PIXELS = 128;
  const at = (id) => document.getElementById(id);
  let take = () => {}, say = () => {};

  /** Decode the grey levels of a photograph that is part of the page. */
  function unpacked({ name, height, width, grey }) {
    return { name, height, width, own: false, data: Uint8Array.from(atob(grey), (c) => c.charCodeAt(0)) };
  }

  /** Read the user's file as grey levels, reduced in size; the file never leaves the browser. */
  async function opened(file) {
    const bitmap = await createImageBitmap(file);
    const part = Math.min(1, MOST_PIXELS / Math.max(bitmap.width, bitmap.height));
    const width = Math.max(1, Math.round(bitmap.width * part)), height = Math.max(1, Math.round(bitmap.height * part));
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, width, height);
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, width, height);
    const colours = context.getImageData(0, 0, width, height).data;
    const data = Uint8Array.from({ length: height * width }, (_, i) =>
      Math.round(0.2125 * colours[4 * i] + 0.7154 * colours[4 * i + 1] + 0.0721 * colours[4 * i + 2]));
    return { name: file.name, height, width, own: true, data };
  }

  /** Add a picture to the list. */
  function offer(picture) {
    const label = document.createElement("label"), input = document.createElement("input");
    const canvas = document.createElement("canvas"), text = document.createElement("span");
    Object.assign(input, { type: "radio", name: "photo", value: picture.name });
    input.addEventListener("change", () => take(picture));
    Draw.greys(canvas, picture, picture.data, { black: 0, white: 255 });
    text.textContent = picture.name;
    label.append(input, canvas, text);
    at("photos").append(label);
    return label;
  }

  /** Mark a picture as chosen, and return it; without a name that is known, return null. */
  function choose(name) {
    const photo = Photos.find((known) => known.name === name);
    if (!photo) return null;
    document.querySelector(`[name=photo][value=${name}]`).checked = true;
    return unpacked(photo);
  }

  /** Return whether a file is a TIFF, by its first four bytes. */
  async function isTiff(file) {
    const start = new Uint8Array(await file.slice(0, 4).arrayBuffer());
    return ["73,73,42,0", "77,77,0,42"].includes(start.join());
  }

  /** Read a file; it replaces the previous file in the list. */
  async function open(file) {
    at("photo-error").textContent = "";
    try {
      const picture = await opened(file);
      document.querySelector(".photos .own")?.remove();
      const label = offer(picture);
      label.className = "own";
      label.firstChild.checked = true;
      take(picture);
      say(`${picture.name}: ${picture.height} × ${picture.width} pixels.`);
    } catch {
      at("photo-error").textContent = (await isTiff(file))
        ? `${file.name} is a TIFF file, which browsers do not read. Save it as PNG, or use the command qconv, which reads TIFF.`
        : `${file.name}: expected a picture that the browser can read, such as PNG or JPEG.`;
    }
  }

  /** Handle a file that is dragged over the page or dropped on it. */
  function drag(event) {
    if (![...event.dataTransfer.types].includes("Files")) return;
    event.preventDefault();
    document.body.classList.toggle("dropping", event.type === "dragover");
    if (event.type === "drop" && event.dataTransfer.files.length > 0) open(event.dataTransfer.files[0]);
  }

  /** Show the photographs, and set what receives the chosen picture and the status line. */
  function connect(receiver, status) {
    take = receiver;
    say = status;
    Photos.map(unpacked).forEach(offer);
    at("file").addEventListener("change", () => at("file").files[0] && open(at("file").files[0]));
    for (const type of ["dragover", "dragleave", "drop"]) addEventListener(type, drag);
  }

  return { connect, choose };
})();
