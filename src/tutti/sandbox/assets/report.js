// Reads values off a chart under the pointer; without it the report loses nothing else.
for (const figure of document.querySelectorAll('.chart')) {
  const svg = figure.querySelector('svg');
  if (!('t0' in svg.dataset)) continue;
  const d = Object.fromEntries(Object.entries(svg.dataset).map(([k, v]) => [k, k === 'unit' ? v : +v]));
  const lines = [...svg.querySelectorAll('g.line')].map((g) => ({
    label: g.dataset.label,
    points: [...g.querySelectorAll('polyline')].flatMap((p) =>
      p.getAttribute('points').split(' ').map((s) => s.split(',').map(Number))),
  }));
  const cursor = document.createElementNS('http://www.w3.org/2000/svg', 'line');
  const tip = document.createElement('div');
  cursor.setAttribute('class', 'cursor');
  cursor.setAttribute('y1', d.y1);
  cursor.setAttribute('y2', d.y0);
  tip.className = 'tip';
  const nearest = (points, x) => {
    let low = 0;
    let high = points.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (points[middle][0] < x) low = middle; else high = middle;
    }
    return x - points[low][0] < points[high][0] - x ? points[low] : points[high];
  };
  const shown = (y) => {
    const value = d.v0 + ((y - d.y0) / (d.y1 - d.y0)) * (d.v1 - d.v0);
    if (d.unit === 'percent') return `${(100 * value).toFixed(2)} %`;
    return value.toLocaleString('en', { maximumSignificantDigits: 5 });
  };
  const hide = () => { cursor.remove(); tip.remove(); };
  svg.addEventListener('pointerleave', hide);
  svg.addEventListener('pointermove', (event) => {
    const box = svg.getBoundingClientRect();
    const scale = svg.viewBox.baseVal.width / box.width;
    const x = (event.clientX - box.left) * scale;
    if (x < d.x0 || x > d.x1) { hide(); return; }
    const at = nearest(lines[0].points, x)[0];
    const time = new Date(d.t0 + ((at - d.x0) / (d.x1 - d.x0)) * (d.t1 - d.t0));
    cursor.setAttribute('x1', at);
    cursor.setAttribute('x2', at);
    tip.textContent = '';
    const stamp = time.toISOString();
    const long = d.t1 - d.t0 > 4e9 ? stamp.slice(0, 10) : `${stamp.slice(0, 16).replace('T', ' ')} UTC`;
    for (const row of [long, ...lines.map((l) => `${l.label}: ${shown(nearest(l.points, at)[1])}`)]) {
      tip.append(Object.assign(document.createElement('div'), { textContent: row }));
    }
    svg.append(cursor);
    figure.append(tip);
    const left = at / scale;
    tip.style.left = left > box.width / 2 ? '' : `${left + 12}px`;
    tip.style.right = left > box.width / 2 ? `${box.width - left + 12}px` : '';
  });
}
