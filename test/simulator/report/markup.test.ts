import assert from 'node:assert/strict';
import { markup } from '../../../simulator/report/markup.js';

describe('the markup of a report', () => {
  it('shows whatever is put in as it is written, and lets nothing out of its place', () => {
    const hostile = `"><script>alert('x')</script>&amp;`;
    const { text } =
      markup`<p title="${hostile}">${[hostile, markup`<b>${'a<b'}</b>`]}${undefined}</p>`;
    const shown = '&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;amp;';
    assert.equal(text, `<p title="${shown}">${shown}<b>a&lt;b</b></p>`);
  });

  it('has a question mark for what no text may have', () => {
    assert.equal(markup`${'a\u0000b\u001b[1m\ud800c\n'}`.text, 'a?b?[1m?c\n');
  });
});
