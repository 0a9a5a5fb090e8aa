"use strict";
/* The page of a labelled trajectory. Everything that comes from a file is set as text, never as HTML. */
(async () => {
const $ = id => document.getElementById(id);
const meta = JSON.parse($("meta").textContent);
const UNKNOWN = 255, UNASKED = 254, RADIUS = 1.0;
const PALETTE = ["#d62728", "#1f77b4", "#2ca02c", "#ff7f0e", "#9467bd", "#8c564b", "#e377c2", "#17becf", "#bcbd22"];
const VIRIDIS = ["#440154", "#3b528b", "#21918c", "#5ec962", "#fde725"];

function el(tag, text, ...children) {
  const node = document.createElement(tag);
  if (text !== undefined && text !== null) node.textContent = text;
  node.append(...children);
  return node;
}
const rgb = hex => [1, 3, 5].map(k => parseInt(hex.slice(k, k + 2), 16) / 255);
function ramp(t) {
  if (!(t >= 0)) return [0.8, 0.8, 0.8];
  const u = Math.min(t, 1) * (VIRIDIS.length - 1), k = Math.min(Math.floor(u), VIRIDIS.length - 2);
  const a = rgb(VIRIDIS[k]), b = rgb(VIRIDIS[k + 1]);
  return a.map((v, c) => v + (b[c] - v) * (u - k));
}
const phaseOf = code => code === UNKNOWN ? meta.unknown : code === UNASKED ? meta.unasked : meta.classes[code];
const round = (value, digits) => Number.isFinite(value) ? value.toFixed(digits) : "–";

/* ---- the data: blocks of bytes, frame after frame, in the order they are taken here ---- */
const characters = atob($("data").textContent), packed = new Uint8Array(characters.length);
for (let i = 0; i < packed.length; i++) packed[i] = characters.charCodeAt(i);
$("data").remove();
const bytes = new Uint8Array(await new Response(
  new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer());
let at = 0;
const take = n => bytes.subarray(at, at += n);
function words(n) {
  const high = take(n), low = take(n), out = new Uint16Array(n);
  for (let i = 0; i < n; i++) out[i] = high[i] << 8 | low[i];
  return out;
}
const floats = n => new Float32Array(bytes.slice(at, at += 4 * n).buffer);
const frames = [];
for (const told of meta.frames) {
  const n = told.n, before = frames[frames.length - 1], f = {...told};
  f.ids = told.ids ? new Int32Array(bytes.slice(at, at += 4 * n).buffer) : before.ids;
  f.xyz = [0, 1, 2].map(axis => {
    const value = words(n);
    if (told.delta) for (let i = 0; i < n; i++) value[i] += before.xyz[axis][i];
    return value;
  });
  f.phase = take(n); f.confidence = take(n); f.cluster = take(n);
  f.scalars = meta.scalars.map(() => words(n));
  if (told.details) {
    f.probabilities = meta.classes.map(() => take(n));
    f.novelty = words(n);
    f.map = [words(n), words(n)];
    f.features = Array.from({length: meta.top}, () => [words(n), floats(n)]);
  }
  frames.push(f);
}
const most = Math.max(...frames.map(f => f.n));

/* ---- what is shown ---- */
const state = {k: 0, hidden: new Set(), slices: [[0, 1], [0, 1], [0, 1]], colour: "phase", id: null};
let frame = frames[0], visible = new Uint8Array(most);
const position = new Float32Array(3 * most), colour = new Float32Array(3 * most), radius = new Float32Array(most);
const fraction = [0, 1, 2].map(() => new Float32Array(most));

function inverse(m) {
  const [[a, b, c], [d, e, f], [g, h, i]] = m;
  const A = e * i - f * h, B = f * g - d * i, C = d * h - e * g, det = a * A + b * B + c * C;
  return [[A, c * h - b * i, b * f - c * e], [B, a * i - c * g, c * d - a * f], [C, b * g - a * h, a * e - b * d]]
    .map(row => row.map(v => v / det));
}
const times = (v, m) => [0, 1, 2].map(c => v[0] * m[0][c] + v[1] * m[1][c] + v[2] * m[2][c]);

function place() {
  const inv = inverse(frame.box), [ox, oy, oz] = frame.offset, [cx, cy, cz] = frame.corner, s = meta.step;
  const [X, Y, Z] = frame.xyz;
  for (let i = 0; i < frame.n; i++) {
    const x = ox + s * X[i], y = oy + s * Y[i], z = oz + s * Z[i];
    position[3 * i] = x; position[3 * i + 1] = y; position[3 * i + 2] = z;
    const dx = x - cx, dy = y - cy, dz = z - cz;
    for (let c = 0; c < 3; c++) fraction[c][i] = dx * inv[0][c] + dy * inv[1][c] + dz * inv[2][c];
  }
}

const valueColour = v => v > 0 ? PALETTE[(v - 1) % PALETTE.length] : "#cccccc";
const modes = {
  phase: {label: "phase", of: i => rgb(phaseOf(frame.phase[i]).colour)},
  confidence: {label: "confidence", low: "0", high: "1", of: i => ramp(frame.confidence[i] / 100)},
  cluster: {label: "cluster of crystal", of: i => frame.cluster[i] === 255 ? [0.88, 0.88, 0.88]
    : rgb(PALETTE[frame.cluster[i] % PALETTE.length])},
};
if (meta.details) modes.novelty = {label: "novelty", low: "0", high: "2 × threshold",
  of: i => frame.details ? ramp(frame.novelty[i] / 2000) : [0.8, 0.8, 0.8]};
const scalar = (k, i) => frame.scalars[k][i] === 65535 ? NaN
  : meta.scalars[k].low + (meta.scalars[k].high - meta.scalars[k].low) * frame.scalars[k][i] / 65534;
meta.scalars.forEach((told, k) => {
  if (told.name === meta.disagreement) modes[told.name] = {label: told.label,
    of: i => scalar(k, i) > 0 ? [0.84, 0.1, 0.1] : [0.85, 0.85, 0.85]};
  else if (told.values) modes[told.name] = {label: told.label, values: told.values,
    of: i => rgb(valueColour(Math.round(scalar(k, i))))};
  else modes["scalar " + told.name] = {label: told.label, low: round(told.low, 3), high: round(told.high, 3),
    of: i => ramp((scalar(k, i) - told.low) / (told.high - told.low || 1))};
});
const disagreement = meta.scalars.findIndex(told => told.name === meta.disagreement);

function paint() {
  const of = modes[state.colour].of, only = $("disagreement").checked && disagreement >= 0;
  for (let i = 0; i < most; i++) {
    let on = i < frame.n && !state.hidden.has(frame.phase[i]);
    for (let c = 0; on && c < 3; c++) {
      const [low, high] = state.slices[c], u = fraction[c][i];
      on = (low <= 0 || u >= low) && (high >= 1 || u <= high);
    }
    if (on && only) on = scalar(disagreement, i) > 0;
    visible[i] = on; radius[i] = on ? RADIUS : 0;
    if (on) { const c = of(i); colour[3 * i] = c[0]; colour[3 * i + 1] = c[1]; colour[3 * i + 2] = c[2]; }
  }
}

/* ---- three dimensions ---- */
const stage = new NGL.Stage("view", {backgroundColor: "white", sampleLevel: -1, tooltip: false});
for (const what of ["hoverPick", "clickPick-left", "clickPick-middle", "clickPick-right"]) stage.mouseControls.remove(what);
const shape = new NGL.Shape("molecules");
place(); paint();
const spheres = new NGL.SphereBuffer({position, color: colour, radius}, {});
shape.addBuffer(spheres);
const molecules = stage.addComponentFromObject(shape);
molecules.addRepresentation("buffer");
let cell = null, marks = null;

function drawCell() {
  if (cell) { stage.removeComponent(cell); cell = null; }
  if (!$("cell").checked || !frame.cell) return;
  const edges = new NGL.Shape("cell"), grey = [0.35, 0.35, 0.35];
  const corner = (i, j, k) => times([i, j, k], frame.box).map((v, c) => v + frame.corner[c]);
  for (let axis = 0; axis < 3; axis++) for (const [p, q] of [[0, 0], [0, 1], [1, 0], [1, 1]]) {
    const from = [0, 0, 0], to = [0, 0, 0], [u, v] = [0, 1, 2].filter(c => c !== axis);
    from[u] = to[u] = p; from[v] = to[v] = q; to[axis] = 1;
    edges.addCylinder(corner(...from), corner(...to), grey, 0.12);
  }
  cell = stage.addComponentFromObject(edges);
  cell.addRepresentation("buffer");
}

function neighbours(i) {
  const near = [], r2 = meta.bond * meta.bond, here = [0, 1, 2].map(c => position[3 * i + c]);
  const inv = inverse(frame.box);
  for (let j = 0; j < frame.n; j++) {
    if (j === i) continue;
    let d = [0, 1, 2].map(c => position[3 * j + c] - here[c]);
    const f = times(d, inv).map((v, c) => frame.pbc[c] ? v - Math.round(v) : v);
    d = times(f, frame.box);
    const s = d[0] * d[0] + d[1] * d[1] + d[2] * d[2];
    if (s < r2) near.push([Math.sqrt(s), j, d]);
  }
  return near.sort((a, b) => a[0] - b[0]);
}

function mark(i, near) {
  if (marks) { stage.removeComponent(marks); marks = null; }
  if (i < 0) return;
  const drawn = new NGL.Shape("marks"), p = [0, 1, 2].map(c => position[3 * i + c]);
  drawn.addSphere(p, [1, 0.85, 0], 1.5);
  for (const [, , d] of near) drawn.addCylinder(p, p.map((v, c) => v + d[c]), [1, 0.85, 0], 0.25);
  marks = stage.addComponentFromObject(drawn);
  marks.addRepresentation("buffer", {opacity: 0.7});
}

function multiply(a, b) {  // 4 × 4, by columns
  const out = new Float64Array(16);
  for (let c = 0; c < 4; c++) for (let r = 0; r < 4; r++)
    for (let k = 0; k < 4; k++) out[4 * c + r] += a[4 * k + r] * b[4 * c + k];
  return out;
}
function projector() {
  const viewer = stage.viewer, camera = viewer.camera, size = $("view").getBoundingClientRect();
  viewer.updateCamera && viewer.updateCamera();
  camera.updateMatrixWorld(); viewer.rotationGroup.updateMatrixWorld(true);
  const m = multiply(multiply(camera.projectionMatrix.elements, camera.matrixWorldInverse.elements),
    viewer.modelGroup.matrixWorld.elements), scale = camera.projectionMatrix.elements[5] * size.height / 2;
  return i => {
    const [x, y, z] = [0, 1, 2].map(c => position[3 * i + c]);
    const w = m[3] * x + m[7] * y + m[11] * z + m[15];
    return [(1 + (m[0] * x + m[4] * y + m[8] * z + m[12]) / w) * size.width / 2,
      (1 - (m[1] * x + m[5] * y + m[9] * z + m[13]) / w) * size.height / 2, w, scale * RADIUS / w];
  };
}
function pick(px, py) {
  const project = projector();
  let best = -1, depth = Infinity;
  for (let i = 0; i < frame.n; i++) {
    if (!visible[i]) continue;
    const [x, y, w, r] = project(i);
    if (w > 0 && w < depth && (x - px) ** 2 + (y - py) ** 2 < r * r) { best = i; depth = w; }
  }
  return best;
}

/* ---- the molecule ---- */
const index = () => state.id === null ? -1 : frame.ids.indexOf(state.id);
function choose(i) { state.id = i < 0 ? null : frame.ids[i]; tell(); drawMap(); }
function rows(pairs) {
  const table = el("table");
  for (const pair of pairs) table.append(el("tr", null, ...pair.map(v => v instanceof Node ? el("td", null, v) : el("td", v))));
  return table;
}
function tell() {
  const box = $("chosen"), i = index();
  box.replaceChildren();
  if (i < 0) {
    box.append(state.id === null ? "Click one." : `Molecule ${state.id} is not in this frame.`);
    mark(-1); return;
  }
  const near = neighbours(i), place = [0, 1, 2].map(c => position[3 * i + c].toFixed(2)).join(", ");
  mark(i, near);
  const facts = [["id", String(state.id)], ["phase", phaseOf(frame.phase[i]).label],
    ["confidence", (frame.confidence[i] / 100).toFixed(2)], ["position / Å", place]];
  if (frame.cluster[i] < 255) facts.push(["cluster of crystal", frame.cluster[i] === 0 ? "largest" : `no. ${frame.cluster[i] + 1}`]);
  meta.scalars.forEach((told, k) => facts.push([told.label, told.values ? told.values[Math.round(scalar(k, i))] ?? "–" : round(scalar(k, i), told.digits)]));
  if (frame.details) {
    const order = meta.classes.map((_, c) => c).sort((a, b) => frame.probabilities[b][i] - frame.probabilities[a][i]);
    const runner = order.find(c => c !== frame.phase[i]);
    facts.push(["runner-up", meta.classes[runner].label], ["novelty / threshold", frame.novelty[i] === 65535 ? "–" : (frame.novelty[i] / 1000).toFixed(2)]);
    box.append(rows(facts), el("h4", "Probabilities"),
      rows(order.map(c => [meta.classes[c].label, (frame.probabilities[c][i] / 255).toFixed(3)])));
    if (meta.top) box.append(el("h4", "Features that decided (Integrated Gradients)"),
      rows(frame.features.map(([which, value]) => [meta.features[which[i]], value[i].toFixed(2)])));
  } else box.append(rows(facts), el("p", meta.details ? `Probabilities are kept in frames ${meta.details}.` : meta.without));
  box.append(el("h4", `${near.length} neighbours within ${meta.bond} Å`), rows(near.map(([r, j]) => {
    const link = el("a", String(frame.ids[j]));
    link.addEventListener("click", () => choose(j));
    return [link, phaseOf(frame.phase[j]).label, r.toFixed(2) + " Å"];
  })));
}

/* ---- charts ---- */
function surface(canvas) {
  const box = canvas.getBoundingClientRect(), scale = window.devicePixelRatio || 1;
  canvas.width = Math.max(1, box.width * scale); canvas.height = Math.max(1, box.height * scale);
  const g = canvas.getContext("2d");
  g.scale(scale, scale); g.font = "11px system-ui, sans-serif"; g.lineWidth = 1;
  return [g, box.width, box.height];
}
function ticks(low, high, count) {
  const rough = (high - low) / count || 1, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find(m => m * power >= rough), out = [];
  for (let v = Math.ceil(low / step) * step; v <= high * (1 + 1e-9); v += step) out.push(+v.toPrecision(10));
  return out;
}
const short = v => Math.abs(v) >= 1e5 ? v.toExponential(1).replace("e+", "e") : String(v);
/* Stacked areas: edges of the columns along x, shares of the phases in each. */
function stack(canvas, edges, shares, name) {
  const [g, width, height] = surface(canvas), left = 30, bottom = height - 28, low = edges[0], high = edges[edges.length - 1];
  const X = v => left + (width - left - 20) * (v - low) / (high - low || 1), Y = s => bottom - (bottom - 6) * s;
  for (let k = 0; k + 1 < edges.length; k++) {
    let base = 0;
    shares.forEach((share, c) => {
      if (!share[k]) return;
      g.fillStyle = phaseOf(c < meta.classes.length ? c : UNKNOWN).colour;
      const from = Math.floor(X(edges[k])), top = Y(base + share[k]);  // whole pixels leave no seams
      g.fillRect(from, top, Math.ceil(X(edges[k + 1])) - from, Y(base) - top);
      base += share[k];
    });
  }
  g.fillStyle = g.strokeStyle = "#222"; g.textAlign = "right"; g.textBaseline = "middle";
  for (const s of [0, 0.5, 1]) g.fillText(String(100 * s), left - 4, Y(s));
  g.textAlign = "center"; g.textBaseline = "top";
  for (const v of ticks(low, high, Math.max(2, width / 90))) { g.fillText(short(v), X(v), bottom + 2); }
  g.fillText(name, (left + width) / 2, bottom + 15);
  g.strokeRect(left, 6, width - left - 20, bottom - 6);
  return [g, X, v => low + (v - left) / (width - left - 20) * (high - low), bottom];
}
const centred = x => x.length < 2 ? [x[0] - 0.5, x[0] + 0.5]
  : [x[0], ...x.slice(1).map((v, k) => (v + x[k]) / 2), x[x.length - 1]];
let curveAt = null;
function drawCurve() {
  if (meta.curve.x.length < 2) return;
  const [g, X, back, bottom] = stack($("curve"), centred(meta.curve.x), meta.curve.shares, meta.curve.name);
  const x = X(frame[meta.curve.key]);
  g.strokeStyle = "#000"; g.lineWidth = 2; g.beginPath(); g.moveTo(x, 2); g.lineTo(x, bottom); g.stroke();
  curveAt = back;
}
function drawProfile() {
  const c = +$("axis").value, height = 1 / Math.hypot(...inverse(frame.box).map(row => row[c]));
  const n = Math.max(1, Math.min(400, Math.round(height / 2))), counts = [...meta.classes, 0].map(() => new Float64Array(n));
  for (let i = 0; i < frame.n; i++) {
    if (frame.phase[i] === UNASKED) continue;
    const bin = Math.min(n - 1, Math.max(0, Math.floor(fraction[c][i] * n)));
    counts[frame.phase[i] === UNKNOWN ? meta.classes.length : frame.phase[i]][bin]++;
  }
  for (let b = 0; b < n; b++) {
    const total = counts.reduce((sum, row) => sum + row[b], 0) || 1;
    for (const row of counts) row[b] /= total;
  }
  const low = meta.axes[c].length && "xyz".includes(meta.axes[c]) ? frame.corner[c] : 0;
  const [g, X, , bottom] = stack($("profile"), Array.from({length: n + 1}, (_, b) => low + height * b / n), counts, meta.axes[c] + " / Å");
  const [from, to] = state.slices[c];
  g.fillStyle = "rgba(255,255,255,0.75)";
  g.fillRect(X(low), 6, X(low + height * from) - X(low), bottom - 6);
  g.fillRect(X(low + height * to), 6, X(low + height) - X(low + height * to), bottom - 6);
}
let dots = [];
function drawMap() {
  if (!meta.map) return;
  const [g, width, height] = surface($("map")), selected = index();
  dots = [];
  g.fillStyle = "#222";
  if (!frame.details) { g.fillText(`kept in frames ${meta.details}`, 10, 20); return; }
  const X = v => 16 + (width - 24) * v / 65535, Y = v => height - 20 - (height - 28) * v / 65535;
  for (let i = 0; i < frame.n; i++) {
    if (!visible[i]) continue;
    const x = X(frame.map[0][i]), y = Y(frame.map[1][i]), c = modes[state.colour].of(i);
    g.fillStyle = `rgba(${c.map(v => Math.round(255 * v)).join()},0.65)`;
    g.fillRect(x - 1.5, y - 1.5, 3, 3);
    dots.push([x, y, i]);
  }
  if (selected >= 0) {
    g.strokeStyle = "#000"; g.lineWidth = 2; g.beginPath();
    g.arc(X(frame.map[0][selected]), Y(frame.map[1][selected]), 6, 0, 7); g.stroke();
  }
  g.fillStyle = "#222"; g.textAlign = "center";
  g.fillText(meta.map[0], width / 2, height - 4);
  g.save(); g.translate(10, height / 2); g.rotate(-Math.PI / 2); g.fillText(meta.map[1], 0, 0); g.restore();
}

/* ---- putting it together ---- */
function repaint() {
  paint();
  spheres.setAttributes({position, color: colour, radius});
  stage.viewer.requestRender();
  drawMap(); drawProfile(); count();
}
function show(k) {
  state.k = k; frame = frames[k];
  place(); repaint(); drawCell(); drawCurve(); tell();
  $("frame").value = k;
  const when = frame.time === null ? "" : `, ${+frame.time.toPrecision(6)} ps`;
  $("now").textContent = `frame ${frame.number}, timestep ${frame.timestep}${when}`;
}
const counters = new Map();
function count() {
  const found = new Map();
  for (let i = 0; i < frame.n; i++) found.set(frame.phase[i], (found.get(frame.phase[i]) || 0) + 1);
  for (const [code, node] of counters) {
    const n = found.get(code) || 0;
    node.textContent = `${n}  ${(100 * n / frame.n).toFixed(1)} %`;
  }
}
for (const code of meta.present) {
  const box = el("input"), dot = el("i"), number = el("span");
  box.type = "checkbox"; box.checked = true; dot.style.background = phaseOf(code).colour;
  box.addEventListener("change", () => { state.hidden[box.checked ? "delete" : "add"](code); repaint(); });
  counters.set(code, number);
  $("phases").append(el("label", null, box, dot, el("span", phaseOf(code).label), number));
}
for (const [name, mode] of Object.entries(modes)) {
  const option = el("option", mode.label);
  option.value = name; $("colour").append(option);
}
function scale() {
  const {low, high, values} = modes[state.colour], bar = el("i");
  $("scale").replaceChildren();
  for (const [v, name] of (values || []).entries()) {
    const word = el("span", `● ${name} `);
    word.style.color = valueColour(v);
    $("scale").append(word);
  }
  if (low === undefined) return;
  bar.style.background = `linear-gradient(90deg, ${VIRIDIS.join()})`;
  $("scale").append(bar, el("b", null, el("span", low), el("span", high)));
}
$("colour").addEventListener("change", event => { state.colour = event.target.value; scale(); repaint(); });
$("disagreement").parentElement.hidden = disagreement < 0;
$("disagreement").addEventListener("change", repaint);
$("hidden").hidden = !meta.map;
meta.axes.forEach((name, c) => {
  const row = el("div"), ends = [0, 1].map(end => {
    const input = el("input");
    Object.assign(input, {type: "range", min: 0, max: 1, step: 0.005, value: end});
    input.setAttribute("aria-label", `${end ? "upper" : "lower"} slice plane along ${name}`);
    input.addEventListener("input", () => { state.slices[c][end] = +input.value; repaint(); });
    return input;
  });
  row.className = "slice"; row.append(el("span", name), ...ends);
  $("slices").append(row);
  const option = el("option", name);
  option.value = c; $("axis").append(option);
});
$("axis").value = meta.axis;
$("axis").addEventListener("change", drawProfile);
$("cell").addEventListener("change", () => { drawCell(); stage.viewer.requestRender(); });
$("reset").addEventListener("click", () => look());
$("frame").max = frames.length - 1;
$("frame").addEventListener("input", event => show(+event.target.value));
$("time").hidden = frames.length < 2;
$("curve").parentElement.hidden = meta.curve.x.length < 2;
$("cell").parentElement.hidden = !frames.some(f => f.cell);
let timer = null;
$("play").addEventListener("click", () => {
  if (timer) { clearInterval(timer); timer = null; } else timer = setInterval(() => show((state.k + 1) % frames.length), 200);
  $("play").textContent = timer ? "⏸" : "▶";
});
$("curve").addEventListener("click", event => {
  const x = curveAt(event.offsetX), apart = frames.map(f => Math.abs(f[meta.curve.key] - x));
  show(apart.indexOf(Math.min(...apart)));
});
$("map").addEventListener("click", event => {
  const apart = dots.map(([x, y]) => (x - event.offsetX) ** 2 + (y - event.offsetY) ** 2);
  const k = apart.indexOf(Math.min(...apart));
  if (k >= 0 && apart[k] < 100) choose(dots[k][2]);
});
let pressed = null;
$("view").addEventListener("pointerdown", event => { pressed = [event.clientX, event.clientY]; }, true);
$("view").addEventListener("pointerup", event => {
  if (!pressed || Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) > 4) return;
  const box = $("view").getBoundingClientRect();
  choose(pick(event.clientX - box.left, event.clientY - box.top));
}, true);
addEventListener("resize", () => { stage.handleResize(); drawCurve(); drawProfile(); drawMap(); });
$("title").textContent = meta.title;
$("about").textContent = meta.about.join(" ");
function look() {  // the longest edge of the box from left to right, a little from above
  const longest = [0, 1, 2].sort((a, b) => Math.hypot(...frame.box[b]) - Math.hypot(...frame.box[a]))[0];
  stage.viewer.rotationGroup.rotation.set(0, 0, 0);
  if (longest === 1) stage.viewerControls.spin([0, 0, 1], -Math.PI / 2);
  if (longest === 2) stage.viewerControls.spin([0, 1, 0], Math.PI / 2);
  stage.viewerControls.spin([0, 1, 2].map(axis => +(axis === longest)), 0.3);
  // so far away that the ball around the box is seen whole
  const diagonal = Math.hypot(...times([1, 1, 1], frame.box)) / 2 + RADIUS, camera = stage.viewer.camera;
  const distance = diagonal / Math.sin(camera.fov / 2 * Math.PI / 180);
  const centre = times([0.5, 0.5, 0.5], frame.box).map((v, c) => v + frame.corner[c]);
  stage.animationControls.zoomMove(new NGL.Vector3(...centre), -distance, 0);
}
show(frames.length - 1);
look();
$("wait").remove();
window.iceclassPage = {project: i => projector()(i), pick, index: id => frame.ids.indexOf(id)};
document.body.dataset.ready = String(Math.round(performance.now()));
})().catch(error => {
  document.getElementById("wait").textContent = `This page needs WebGL and a browser of 2023 or later: ${error}`;
});
