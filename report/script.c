/* script.c: the page's only script: sorts tables, filters schemes in tables and pictures, saves tables
 * as CSV. It makes no request, and without it the page is complete. */
#include "report/internal.h"

/* No "<" in it: the page's elements stay countable by whoever reads its source. */
static const char TABLES[] =
    "(function(){'use strict';\n"
    "function make(tag,cls,text){var e=document.createElement(tag);e.className=cls;e.textContent=text;return "
    "e}\n"
    /* A cell's text without its interval, and the interval's two ends. */
    "function own(c){var "
    "s='';c.childNodes.forEach(function(n){if(n.nodeName!=='SMALL')s+=n.nodeName==='BR'?'; ':"
    "n.textContent});return s.trim()}\n"
    "function ends(c){var s=c.querySelector('small'),m=s&&/^\\[(.*), (.*)\\]$/.exec(s.textContent);return "
    "m?[m[1],m[2]]:"
    "null}\n"
    "function number(s){s=s.replace('%','');return s!==''&&isFinite(s)?Number(s):NaN}\n"
    /* Rows under a line that names a set stay under it; what is no number stands last. */
    "function sort(body,at,down){var groups=[[]];Array.from(body.rows).forEach(function(r){"
    "if(r.classList.contains('set'))groups.push([]);groups[groups.length-1].push(r)});\n"
    "groups.forEach(function(g){var head=g.length&&g[0].classList.contains('set')?g.shift():null;\n"
    "var list=g.map(function(r,i){var "
    "c=r.cells[at],t=c&&c.colSpan===1?own(c):'';return{r:r,i:i,t:t,n:number(t)}});\n"
    "list.sort(function(a,b){var x=isNaN(a.n),y=isNaN(b.n),d;if(x!==y)return x?1:-1;\n"
    "d=x?a.t.localeCompare(b.t,undefined,{numeric:true}):a.n-b.n;return(down?-d:d)||a.i-b.i});\n"
    "if(head)body.appendChild(head);list.forEach(function(e){body.appendChild(e.r)})})}\n"
    "function csv(t){var head=Array.from(t.tHead.rows[t.tHead.rows.length-1].cells).map(own);\n"
    "var "
    "rows=Array.from(t.tBodies[0].rows).filter(function(r){return!r.hidden}),wide=head.map(function(h,k){"
    "return rows.some(function(r){return "
    "r.cells[k]&&"
    "ends(r.cells[k])})});\n"
    "var set='',sets=rows.some(function(r){return r.classList.contains('set')});\n"
    "function quote(s){return/[\",\\r\\n]/.test(s)?'\"'+s.replace(/\"/g,'\"\"')+'\"':s}\n"
    "var "
    "out=[[]];if(sets)out[0].push('set');head.forEach(function(h,k){out[0].push(h);if(wide[k])out[0].push(h+'"
    " low',h+"
    "' high')});\n"
    "rows.forEach(function(r){if(r.classList.contains('set')){set=own(r.cells[0]);return}\n"
    "var line=sets?[set]:[];head.forEach(function(h,k){var c=r.cells[k],e=c&&ends(c);line.push(c?own(c):'');"
    "if(wide[k])line.push(e?e[0]:'',e?e[1]:'')});out.push(line)});\n"
    "return out.map(function(l){return l.map(quote).join(',')}).join('\\r\\n')+'\\r\\n'}\n"
    "function save(t,name){var a=document.createElement('a'),u=URL.createObjectURL(new "
    "Blob([csv(t)],{type:'text/csv'}));"
    "a.href=u;a.download=name;document.body.appendChild(a);a.click();a.remove();setTimeout(function(){"
    "URL.revokeObjectURL(u)},1000)}\n"
    "document.querySelectorAll('table').forEach(function(t,i){if(!t.tHead||!t.tBodies.length)return;\n"
    "var "
    "heads=t.tHead.rows[t.tHead.rows.length-1].cells;Array.from(heads).forEach(function(h,k){h.tabIndex=0;"
    "h.classList.add('sorts');\n"
    "function go(){var down=h.getAttribute('aria-sort')==='ascending';Array.from(heads).forEach(function(o){"
    "o.removeAttribute('aria-sort')});h.setAttribute('aria-sort',down?'descending':'ascending');sort(t."
    "tBodies[0],k,down)}\n"
    "h.addEventListener('click',go);h.addEventListener('keydown',function(e){if(e.key==='Enter'||e.key===' "
    "'){"
    "e.preventDefault();go()}})});\n"
    "var b=make('button','save','Save as CSV');b.type='button';b.addEventListener('click',function(){"
    "save(t,(t.className.split(' ').pop()||'table')+'-'+(i+1)+'.csv')});t.parentNode.after(b)});\n";

/* In pictures what belongs to other schemes is veiled or dimmed, so that nothing moves; a picture of other
 * schemes only goes, as their rows do. */
static const char FILTER[] =
    "var "
    "bar=make('div','filter',''),box=document.createElement('input'),told=make('span','muted','');box.type='"
    "search';"
    "box.placeholder='FE, LT';box.setAttribute('aria-label','Show only schemes whose name has one of "
    "these');\n"
    "bar.append(make('span','','Schemes: "
    "'),box,told);(document.querySelector('nav')||document.querySelector('h1')).after(bar);\n"
    "function show(){var w=box.value.toLowerCase().split(',').map(function(s){return "
    "s.trim()}).filter(Boolean),"
    "seen=new Map(),shown=0;\n"
    "function hit(s){s=s.toLowerCase();return!w.length||w.some(function(x){return s.includes(x)})}\n"
    "document.querySelectorAll('tbody td.name').forEach(function(c){var "
    "s=c.firstChild?c.firstChild.textContent:'';seen.set(s,hit(s));c.parentNode.hidden=!hit(s)});\n"
    "document.querySelectorAll('[data-s]').forEach(function(e){var "
    "s=e.dataset.s;s.split('\\n').forEach(function("
    "n){seen.set(n,hit(n))});\n"
    "if(e.nodeName==='TR')e.hidden=!hit(s);else e.classList.toggle('off',!hit(s))});\n"
    "document.querySelectorAll('figure').forEach(function(f){f.hidden=!!f.querySelector('[data-s]')&&"
    "!f.querySelector('[data-s]:not(.off)')});\n"
    "document.querySelectorAll('tr.set').forEach(function(r){var n=r,any=false;"
    "while((n=n.nextElementSibling)&&!n.classList.contains('set'))if(!n.hidden)any=true;r.hidden=!any});\n"
    "seen.forEach(function(h){if(h)shown++});\n"
    "told.textContent=' '+(w.length?shown+' of '+seen.size+' schemes shown':seen.size+' schemes')}\n"
    "told.setAttribute('role','status');box.addEventListener('input',show);show();\n"
    "})();\n";

void gk__html_script(gk_buf *b) {
    gk_buf_puts(b, "<script>\n");
    gk_buf_puts(b, TABLES);
    gk_buf_puts(b, FILTER);
    gk_buf_puts(b, "</script>\n");
}
