/**
 * The page's script: a field that filters the names. Without scripts there is no field, and all
 * names are shown.
 */
export const SCRIPT = `'use strict';
const table = document.getElementById('all-names');
if (table) {
  const rows = [...table.tBodies[0].rows].map((row) => ({
    row,
    name: (row.querySelector('th').firstChild?.data ?? '').toLowerCase(),
    isOk: row.querySelector('.ok') !== null,
  }));
  const form = document.createElement('form');
  form.className = 'filter';
  form.innerHTML = '<label>Filter <input type="search" autocomplete="off"></label> '
    + '<label><input type="checkbox"> only names that need attention</label> <output></output>';
  const [search, only] = form.querySelectorAll('input');
  const output = form.querySelector('output');
  const filter = () => {
    const words = search.value.toLowerCase().split(' ');
    let shown = 0;
    for (const { row, name, isOk } of rows) {
      const fits = words.every((word) => name.includes(word)) && !(only.checked && isOk);
      row.hidden = !fits;
      if (fits) shown++;
    }
    output.textContent = shown < rows.length ? shown + ' of ' + rows.length : '';
  };
  form.addEventListener('input', filter);
  form.addEventListener('submit', (event) => event.preventDefault());
  table.parentElement.before(form);
}
`;
