// The page's only script: sorts tables, saves them as CSV, filters schemes in tables and pictures. It makes no request, and
// without it the page is complete. There is no less-than sign in it: the page's elements stay countable by whoever reads its
// source.
(function () {
'use strict';

function make(tag, cls, text) {
  var e = document.createElement(tag);
  e.className = cls;
  e.textContent = text;
  return e;
}

// A cell's text without its interval, and the interval's two ends.
function own(cell) {
  var s = '';
  cell.childNodes.forEach(function (n) {
    if (n.nodeName !== 'SMALL') s += n.nodeName === 'BR' ? '; ' : n.textContent;
  });
  return s.trim();
}
function ends(cell) {
  var s = cell.querySelector('small'), m = s && /^\[(.*), (.*)\]$/.exec(s.textContent);
  return m ? [m[1], m[2]] : null;
}
function number(s) {
  s = s.replace('%', '');
  return s !== '' && isFinite(s) ? Number(s) : NaN;
}

function isSet(row) {
  return row.classList.contains('set');
}
function headsOf(table) {
  return Array.from(table.tHead.rows[table.tHead.rows.length - 1].cells);
}

// Sorting: rows under a line that names a set stay under it; what is no number stands last.
function sort(body, at, down) {
  var groups = [[]];
  Array.from(body.rows).forEach(function (r) {
    if (isSet(r)) groups.push([]);
    groups[groups.length - 1].push(r);
  });
  groups.forEach(function (g) {
    var head = g.length && isSet(g[0]) ? g.shift() : null;
    var list = g.map(function (row, i) {
      var c = row.cells[at], text = c && c.colSpan === 1 ? own(c) : '';
      return {row: row, i: i, text: text, n: number(text)};
    });
    list.sort(function (a, b) {
      var x = isNaN(a.n), y = isNaN(b.n);
      if (x !== y) return x ? 1 : -1;
      var d = x ? a.text.localeCompare(b.text, undefined, {numeric: true}) : a.n - b.n;
      return (down ? -d : d) || a.i - b.i;
    });
    if (head) body.appendChild(head);
    list.forEach(function (e) { body.appendChild(e.row); });
  });
}

// CSV: the rows that are shown; an interval is two columns, a line that names a set is a column too.
function quote(s) {
  return /[",\r\n]/.test(s) ? '"' + s.replace(/"/g, '""') + '"' : s;
}
function csv(table) {
  var heads = headsOf(table).map(own);
  var rows = Array.from(table.tBodies[0].rows).filter(function (r) { return !r.hidden; });
  var wide = heads.map(function (h, k) {
    return rows.some(function (r) { return r.cells[k] && ends(r.cells[k]); });
  });
  var set = '', sets = rows.some(isSet), out = [sets ? ['set'] : []];
  heads.forEach(function (h, k) {
    out[0].push(h);
    if (wide[k]) out[0].push(h + ' low', h + ' high');
  });
  rows.forEach(function (r) {
    if (isSet(r)) {
      set = own(r.cells[0]);
      return;
    }
    var line = sets ? [set] : [];
    heads.forEach(function (h, k) {
      var c = r.cells[k], e = c && ends(c);
      line.push(c ? own(c) : '');
      if (wide[k]) line.push(e ? e[0] : '', e ? e[1] : '');
    });
    out.push(line);
  });
  return out.map(function (l) { return l.map(quote).join(','); }).join('\r\n') + '\r\n';
}
function save(table, name) {
  var a = document.createElement('a'), url = URL.createObjectURL(new Blob([csv(table)], {type: 'text/csv'}));
  a.href = url;
  a.download = name;
  document.body.appendChild(a);
  a.click();
  a.remove();
  setTimeout(function () { URL.revokeObjectURL(url); }, 1000);
}

document.querySelectorAll('table').forEach(function (table, i) {
  if (!table.tHead || !table.tBodies.length) return;
  var heads = headsOf(table);
  heads.forEach(function (h, k) {
    h.tabIndex = 0;
    h.classList.add('sorts');
    function go() {
      var down = h.getAttribute('aria-sort') === 'ascending';
      heads.forEach(function (o) { o.removeAttribute('aria-sort'); });
      h.setAttribute('aria-sort', down ? 'descending' : 'ascending');
      sort(table.tBodies[0], k, down);
    }
    h.addEventListener('click', go);
    h.addEventListener('keydown', function (e) {
      if (e.key !== 'Enter' && e.key !== ' ') return;
      e.preventDefault();
      go();
    });
  });
  var button = make('button', 'save', 'Save as CSV');
  button.type = 'button';
  button.addEventListener('click', function () {
    save(table, (table.className.split(' ').pop() || 'table') + '-' + (i + 1) + '.csv');
  });
  table.parentNode.after(button);
});

// The filter. In pictures what belongs to other schemes is dimmed, so that nothing moves; a picture of other schemes only goes,
// as their rows do.
var bar = make('div', 'filter', ''), box = document.createElement('input'), told = make('span', 'muted', '');
box.type = 'search';
box.placeholder = 'FE, LT';
box.setAttribute('aria-label', 'Show only schemes whose name has one of these');
bar.append(make('span', '', 'Schemes: '), box, told);
(document.querySelector('nav') || document.querySelector('h1')).after(bar);

function show() {
  var words = box.value.toLowerCase().split(',').map(function (s) { return s.trim(); }).filter(Boolean);
  var seen = new Map(), shown = 0;
  function hit(s) {
    s = s.toLowerCase();
    return !words.length || words.some(function (w) { return s.includes(w); });
  }
  document.querySelectorAll('tbody td.name').forEach(function (c) {
    var s = c.firstChild ? c.firstChild.textContent : '';
    seen.set(s, hit(s));
    c.parentNode.hidden = !hit(s);
  });
  document.querySelectorAll('[data-s]').forEach(function (e) {
    var s = e.dataset.s;
    s.split('\n').forEach(function (n) { seen.set(n, hit(n)); });
    if (e.nodeName === 'TR') e.hidden = !hit(s);
    else e.classList.toggle('off', !hit(s));
  });
  document.querySelectorAll('figure').forEach(function (f) {
    f.hidden = !!f.querySelector('[data-s]') && !f.querySelector('[data-s]:not(.off)');
  });
  document.querySelectorAll('tr.set').forEach(function (r) {
    var n = r, any = false;
    while ((n = n.nextElementSibling) && !isSet(n))
      if (!n.hidden) any = true;
    r.hidden = !any;
  });
  seen.forEach(function (h) { if (h) shown++; });
  told.textContent = ' ' + (words.length ? shown + ' of ' + seen.size + ' schemes shown' : seen.size + ' schemes');
}
told.setAttribute('role', 'status');
box.addEventListener('input', show);
show();
})();
