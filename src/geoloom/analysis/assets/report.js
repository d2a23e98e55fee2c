"use strict";
(function () {
  const data = JSON.parse(document.getElementById("map-data").textContent);
  const panel = document.getElementById("panel");
  const height = data.height * data.rowScale;
  const bounds = L.latLngBounds([[-height, 0], [0, data.width]]);
  const map = L.map("leaflet", {
    crs: L.CRS.Simple, minZoom: -6, maxZoom: 5, zoomSnap: 0.25, zoomDelta: 0.75, wheelPxPerZoomLevel: 110,
    attributionControl: false, maxBounds: bounds.pad(0.6), maxBoundsViscosity: 0.6,
  });
  map.fitBounds(bounds, { padding: [6, 6] });

  const layers = {};
  data.layers.forEach((layer, i) => {
    const pane = map.createPane("layer-" + layer.key);
    pane.style.zIndex = 300 + i;
    const image = L.imageOverlay(layer.src, bounds, {
      pane: "layer-" + layer.key, alt: layer.title,
    });
    layers[layer.key] = { ...layer, pane, image };
  });
  const scenes = data.layers.filter((l) => l.kind === "scene");
  const overlays = data.layers.filter((l) => l.kind !== "scene");

  function make(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name in node && name !== "list") node[name] = value;
      else node.setAttribute(name, value);
    }
    node.append(...children);
    return node;
  }
  function group(title, ...children) {
    const box = make("fieldset", {}, make("legend", {}, title), ...children);
    panel.append(box);
    return box;
  }
  function show(key, on) {
    const { image } = layers[key];
    if (on) image.addTo(map);
    else image.remove();
  }

  // Imagery: one at a time.
  const background = { key: scenes.length ? scenes[0].key : "" };
  function choose(key) {
    background.key = key;
    scenes.forEach((s) => show(s.key, s.key === key));
  }
  let imageryBox = null;
  if (scenes.length) {
    imageryBox = group("Imagery", ...[...scenes, { key: "", title: "None" }].map((s) => make("label", {},
      make("input", { type: "radio", name: "scene", checked: s.key === background.key, onchange: () => choose(s.key) }),
      s.title)));
    choose(background.key);
  }

  // Layers above it: each with its own opacity.
  const state = {};
  overlays.forEach((layer) => { state[layer.key] = { on: layer.key === "prediction", opacity: scenes.length && layer.kind === "classes" ? 0.6 : 1 }; });
  const rows = overlays.map((layer) => {
    const s = state[layer.key];
    const slider = make("input", {
      type: "range", min: 0, max: 100, value: 100 * s.opacity, ariaLabel: "Opacity of " + layer.title,
      oninput: () => { s.opacity = slider.value / 100; draw(); },
    });
    const box = make("input", { type: "checkbox", checked: s.on, onchange: () => { s.on = box.checked; draw(); } });
    return make("div", {}, make("label", {}, box, layer.title), slider);
  });
  const layerBox = group("Layers and opacity", ...rows);

  // Compare: one layer left of a divider, another right of it.
  const compare = { on: false, at: 0.5, left: "", right: "prediction" };
  const divider = make("div", {
    className: "divider", tabIndex: 0, role: "slider", hidden: true, ariaLabel: "Divider between the layers compared",
    ariaValueMin: "0", ariaValueMax: "100",
  });
  map.getContainer().append(divider);
  function selector(side) {
    const options = [...scenes, ...overlays].map((l) => make("option", { value: l.key, selected: l.key === compare[side] }, l.title));
    return make("select", { onchange: (e) => { compare[side] = e.target.value; draw(); } }, ...options);
  }
  if (data.layers.length > 1) {
    compare.left = (scenes[0] || overlays[overlays.length - 1]).key;
    const sides = make("div", { className: "sides", hidden: true },
      make("label", {}, "Left", selector("left")), make("label", {}, "Right", selector("right")));
    const box = make("input", {
      type: "checkbox",
      onchange: () => { compare.on = box.checked; sides.hidden = divider.hidden = !compare.on; layerBox.disabled = compare.on; if (imageryBox) imageryBox.disabled = compare.on; draw(); },
    });
    group("Compare", make("label", {}, box, "Swipe between two layers"), sides);
  }
  function visible(key) {
    if (compare.on) return key === compare.left || key === compare.right;
    return state[key] ? state[key].on : key === background.key;
  }
  function draw() {
    for (const layer of data.layers) {
      const s = state[layer.key];
      show(layer.key, visible(layer.key));
      layers[layer.key].image.setOpacity(compare.on || !s ? 1 : s.opacity);
    }
    showLegends();
    clip();
  }
  function clip() {
    const size = map.getSize();
    const corner = map.containerPointToLayerPoint([0, 0]);
    const end = map.containerPointToLayerPoint(size);
    const middle = corner.x + size.x * compare.at;
    const sides = { left: [corner.x, middle], right: [middle, end.x] };
    for (const layer of data.layers) {
      const { pane } = layers[layer.key];
      const mine = compare.on && compare.left !== compare.right &&
        (layer.key === compare.left ? sides.left : layer.key === compare.right ? sides.right : null);
      // Leaflet's panes have no size of their own: the old clip property cuts them, clip-path does not.
      pane.style.clip = mine ? `rect(${corner.y}px, ${mine[1]}px, ${end.y}px, ${mine[0]}px)` : "";
    }
    divider.style.left = 100 * compare.at + "%";
    divider.ariaValueNow = String(Math.round(100 * compare.at));
  }
  function moveDivider(to) {
    compare.at = Math.min(0.98, Math.max(0.02, to));
    clip();
  }
  L.DomEvent.disableClickPropagation(divider);
  divider.addEventListener("pointerdown", (e) => { divider.setPointerCapture(e.pointerId); e.stopPropagation(); e.preventDefault(); });
  divider.addEventListener("pointermove", (e) => {
    if (!divider.hasPointerCapture(e.pointerId)) return;
    const box = map.getContainer().getBoundingClientRect();
    moveDivider((e.clientX - box.left) / box.width);
  });
  divider.addEventListener("keydown", (e) => {
    const step = { ArrowLeft: -0.02, ArrowRight: 0.02 }[e.key];
    if (!step) return;
    e.preventDefault();
    e.stopPropagation();
    moveDivider(compare.at + step);
  });
  map.on("move zoom resize viewreset", clip);

  // Legend: of values, a bar for each ramp whose layers are seen.
  function figure(value) {
    const size = Math.abs(value);
    if (value && (size >= 1e6 || size < 1e-4)) return value.toExponential(2);
    return String(Number(value.toPrecision(size >= 1000 ? 5 : 4)));
  }
  function withUnit(text, unit) { return unit ? text + " " + unit : text; }
  const bars = data.ramps.map((ramp) => {
    const strip = make("div", { className: "ramp" });
    strip.style.background = `linear-gradient(to right, ${ramp.colors.filter((_, i) => i % 14 === 0 || i === ramp.colors.length - 1).join(", ")})`;
    const scale = make("div", { className: "ticks" }, ...ramp.ticks.map((value) => {
      const tick = make("span", {}, figure(value));
      tick.style.left = 100 * (value - ramp.low) / (ramp.high - ramp.low) + "%";
      return tick;
    }));
    const ends = [ramp.below && figure(ramp.low) + " and less", ramp.above && figure(ramp.high) + " and more"].filter(Boolean);
    const box = group(ramp.title, strip, scale, make("small", {}, ends.length ? "Ends: " + ends.join("; ") : ""));
    box.className = "values";
    return box;
  });
  function showLegends() {
    bars.forEach((bar, i) => { bar.hidden = !overlays.some((l) => l.ramp === i && visible(l.key)); });
  }
  const key = make("ul", { className: "key" }, ...data.classes.map((c) => {
    const mark = make("span", { className: "swatch" });
    mark.style.background = c.color;
    return make("li", {}, mark, make("span", {}, c.name), make("small", {}, c.area));
  }));
  if (data.classes.length) group("Classes", key);
  if (layers.errors) {
    const mark = make("span", { className: "swatch" });
    mark.style.background = "#d01c8b";
    key.append(make("li", {}, mark, make("span", {}, "Prediction and truth differ")));
  }

  // Position, and class or value, below the pointer.
  const readout = make("div", { className: "badge" });
  const at = L.control({ position: "bottomright" });
  at.onAdd = () => readout;
  at.addTo(map);
  function between(table, col, row) {
    const n = data.nodes - 1;
    const x = Math.min(n - 1e-9, (col / data.width) * n), y = Math.min(n - 1e-9, (row / data.height) * n);
    const i = Math.floor(y), j = Math.floor(x), u = x - j, v = y - i;
    return (table[i][j] * (1 - u) + table[i][j + 1] * u) * (1 - v) + (table[i + 1][j] * (1 - u) + table[i + 1][j + 1] * u) * v;
  }
  function degrees(value, signs) { return Math.abs(value).toFixed(4) + "° " + (value < 0 ? signs[1] : signs[0]); }
  function pixels(layer) {
    const canvas = make("canvas", { width: data.width, height: data.height });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    const image = new Image();
    image.onload = () => { context.drawImage(image, 0, 0); layer.context = context; };
    image.src = layer.src;
  }
  const read = overlays.filter((l) => l.says);
  read.forEach((l) => pixels(layers[l.key]));
  const classNames = Object.fromEntries(data.classes.map((c) => [c.color, c.name]));
  // A colour stands for the middle of the values that are painted in it; at the ends, for all beyond.
  const valueTexts = data.ramps.map((ramp) => Object.fromEntries(ramp.colors.map((color, i) => {
    const last = ramp.colors.length - 1;
    const sign = i === 0 && ramp.below ? "≤ " : i === last && ramp.above ? "≥ " : "";
    const step = (ramp.high - ramp.low) / last;
    const digits = Math.max(0, Math.min(12, Math.ceil(-Math.log10(step))));
    return [color, sign + withUnit((ramp.low + i * step).toFixed(digits), ramp.unit)];
  })));
  function textAt(layer, col, row) {
    if (!layer.context) return null;
    const [r, g, b, a] = layer.context.getImageData(col, row, 1, 1).data;
    const table = layer.kind === "values" ? valueTexts[layer.ramp] : classNames;
    return a ? table["#" + [r, g, b].map((v) => v.toString(16).padStart(2, "0")).join("")] : "no data";
  }
  map.on("mousemove", (e) => {
    const col = e.latlng.lng, row = -e.latlng.lat / data.rowScale;
    if (col < 0 || row < 0 || col >= data.width || row >= data.height) { readout.textContent = ""; return; }
    const said = [];
    if (data.lon) said.push(degrees(between(data.lat, col, row), "NS") + ", " + degrees(between(data.lon, col, row), "EW"));
    for (const { key, says } of read.length > 3 ? read.filter((l) => visible(l.key)) : read) {
      const found = textAt(layers[key], Math.floor(col), Math.floor(row));
      if (found) said.push(says + ": " + found);
    }
    readout.textContent = said.join("  ·  ");
  });
  map.on("mouseout", () => { readout.textContent = ""; });

  // Scale bar and north.
  const bar = make("div", { className: "badge bar-scale" });
  const scale = L.control({ position: "bottomleft" });
  scale.onAdd = () => bar;
  scale.addTo(map);
  function measure() {
    const metres = data.metresPerPixel / map.getZoomScale(map.getZoom(), 0);
    const power = Math.pow(10, Math.floor(Math.log10(120 * metres)));
    const length = [5, 2, 1].map((n) => n * power).find((n) => n <= 120 * metres);
    const line = make("i");
    line.style.width = length / metres + "px";
    bar.replaceChildren(length >= 1000 ? length / 1000 + " km" : length + " m", line);
  }
  map.on("zoom", measure);
  measure();
  const compass = L.control({ position: "topright" });
  compass.onAdd = () => {
    const box = make("div", { className: "badge compass", title: "North" });
    box.innerHTML = '<svg viewBox="0 0 24 24" role="img" aria-label="North"><path d="M12 1l5.5 14L12 12.4 6.5 15z"/><text x="12" y="23.5" text-anchor="middle" font-size="9" font-weight="700">N</text></svg>';
    box.firstChild.style.transform = `rotate(${data.north}deg)`;
    return box;
  };
  compass.addTo(map);

  // Sharp pixels when looked at closely, smooth ones from afar.
  function sharpen() {
    for (const { image, kind } of Object.values(layers)) {
      const element = image.getElement();
      if (element) element.classList.toggle("close", map.getZoom() >= (kind === "scene" ? 1.5 : 0.5));
    }
  }
  map.on("zoomend layeradd", sharpen);
  draw();
})();
