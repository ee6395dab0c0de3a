"use strict";
// Data is shown as text and as rectangles, never as markup.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const chart = document.getElementById("chart"), detail = document.getElementById("detail");
  const canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", "Timeline of " + data.hosts.length + " hosts over " + data.seconds.toFixed(1) + " seconds");
  chart.append(canvas);
  const host = document.getElementById("host"), status = document.getElementById("status");
  const row = data.hosts.length > 60 ? 14 : 22, head = 22;
  let shown = [], marked = [-1, -1], label = 0, width = 0;

  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
  const fits = (one) => one.name.includes(host.value.trim()) && (!status.value || one.statuses.includes(status.value));

  function filter() {
    shown = data.hosts.filter(fits);
    const names = new Set(shown.map((one) => one.name));
    for (const part of document.querySelectorAll("[data-host]")) part.hidden = !names.has(part.dataset.host);
    for (const part of document.querySelectorAll("[data-hosts]"))
      part.hidden = !part.dataset.hosts.split("\n").some((name) => names.has(name));
    document.getElementById("shown").textContent = shown.length + " of " + data.hosts.length + " hosts";
    marked = [-1, -1];
    detail.textContent = "";
    draw();
  }

  function draw() {
    const scale = window.devicePixelRatio || 1;
    pen.font = "12px system-ui, sans-serif";
    label = 20 + Math.min(220, Math.max(30, ...shown.map((one) => pen.measureText(one.name).width)));
    width = Math.max(320, chart.clientWidth);
    const height = head + row * shown.length + 4;
    canvas.width = width * scale;
    canvas.height = Math.min(height * scale, 32000);
    canvas.style.width = width + "px";
    canvas.style.height = canvas.height / scale + "px";
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    const tones = {};
    for (const name of ["text", "dim", "line", "focus", "ok", "changed", "unknown", "failed", "skipped"]) tones[name] = color(name);
    tones.ignored = tones.unknown;
    axis(tones, height);
    shown.forEach((one, number) => rowOf(one, number, tones));
  }

  const place = (seconds) => label + (seconds / data.seconds) * (width - label - 10);

  function axis(tones, height) {
    pen.font = "12px system-ui, sans-serif";
    const rough = data.seconds / 8, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((part) => part * power).find((part) => part >= rough) || rough;
    for (let at = 0; at <= data.seconds; at += step) {
      pen.fillStyle = tones.line;
      pen.fillRect(place(at), head - 4, 1, height);
      pen.fillStyle = tones.dim;
      const text = Number(at.toFixed(3)) + " s";
      if (place(at) + 3 + pen.measureText(text).width <= width) pen.fillText(text, place(at) + 3, 13);
    }
  }

  function rowOf(one, number, tones) {
    const top = head + number * row;
    pen.fillStyle = one.statuses.includes("failed") || one.statuses.includes("unreachable") ? tones.failed : tones.text;
    pen.font = (row > 16 ? 12 : 11) + "px system-ui, sans-serif";
    pen.fillText(one.name, 8, top + row - (row > 16 ? 7 : 4), label - 14);
    one.results.forEach((result, index) => {
      const from = place(result[1]), size = Math.max(1.5, place(result[1] + result[2]) - from);
      pen.fillStyle = tones[data.statuses[result[3]]] || tones.ok;
      pen.fillRect(from, top + 2, size > 3 ? size - 0.5 : size, row - 4);
      if (marked[0] === number && marked[1] === index) {
        pen.strokeStyle = tones.focus;
        pen.lineWidth = 2;
        pen.strokeRect(from - 1, top + 1, size + 2, row - 2);
      }
    });
    if (one.lost !== null) {
      pen.fillStyle = tones.failed;
      pen.fillRect(place(one.lost) - 1, top + 1, 4, row - 2);
    }
  }

  function mark(number, index) {
    const one = shown[number], result = one && one.results[index];
    marked = result ? [number, index] : [-1, -1];
    if (result) {
      const step = data.steps[result[0]];
      const words = result[4] ? "\n" + result[4] : "";
      detail.textContent = one.name + "   " + step.name + "   " + data.statuses[result[3]] + ", " + result[2].toFixed(2) +
        " s, from " + result[1].toFixed(2) + " s   " + step.at + words;
    } else if (one) detail.textContent = one.name;
    draw();
  }

  canvas.addEventListener("mousemove", (event) => {
    const number = Math.floor((event.offsetY - head) / row), one = shown[number];
    if (!one) return;
    const at = ((event.offsetX - label) / (width - label - 10)) * data.seconds, slack = (3 / width) * data.seconds;
    let best = -1;
    one.results.forEach((result, index) => {
      if (at >= result[1] - slack && at <= result[1] + Math.max(result[2], slack) + slack) best = index;
    });
    if (best !== marked[1] || number !== marked[0]) mark(number, best);
  });

  chart.addEventListener("keydown", (event) => {
    const moves = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
    const move = moves[event.key];
    if (!move || !shown.length) return;
    event.preventDefault();
    const number = Math.min(shown.length - 1, Math.max(0, (marked[0] < 0 ? 0 : marked[0]) + move[0]));
    const last = shown[number].results.length - 1;
    mark(number, Math.min(last, Math.max(0, (marked[1] < 0 ? -1 + (move[1] > 0 ? 0 : 1) : marked[1]) + move[1])));
  });

  host.addEventListener("input", filter);
  status.addEventListener("change", filter);
  document.getElementById("filter").addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("resize", draw);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  const asked = new URLSearchParams(location.hash.slice(1));
  host.value = asked.get("host") || "";
  status.value = asked.get("status") || "";
  filter();
})();
