import { Markup } from './markup.js';

/**
 * The style of a report, light and dark. Colours of layers are in an order in which neighbours stay apart, also for people who see
 * red and green alike; what is wrong has a colour of its own.
 */
export const style = new Markup(`
:root { color-scheme: light dark; --page: #f6f6f4; --card: #fff; --ink: #1c1c1a; --soft: #6b6a66; --line: #e2e1dc;
  --good: #1a7f45; --bad: #c22f2f; --warn: #b26a00;
  --c1: #2a6fdb; --c2: #e08a1e; --c3: #1f9e8a; --c4: #a35ac8; --c5: #c9b01f; --c6: #d2577f; --c7: #5a8f2d; --c8: #8b8a85; }
@media (prefers-color-scheme: dark) { :root { --page: #161615; --card: #1f1f1d; --ink: #ececea; --soft: #a09f9a; --line: #383835;
  --good: #4cc27f; --bad: #f07070; --warn: #e3a63c;
  --c1: #6ea4f4; --c2: #eaa24c; --c3: #4fc3ae; --c4: #c28ae0; --c5: #d9c550; --c6: #e8879f; --c7: #8fbf5f; --c8: #8b8a85; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 24px 16px 64px; }
h1 { font-size: 24px; margin: 0 0 4px; }
h2 { font-size: 17px; margin: 0 0 8px; }
h3 { font-size: 15px; margin: 16px 0 4px; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 16px 20px; margin: 16px 0; overflow-x: auto; }
p { margin: 4px 0; }
.soft { color: var(--soft); }
.verdict { display: inline-block; padding: 2px 10px; border-radius: 12px; color: var(--card); font-weight: 600; }
.good { background: var(--good); } .bad { background: var(--bad); }
.held { color: var(--good); } .missed { color: var(--bad); font-weight: 600; }
code, pre { font: 13px/1.45 ui-monospace, monospace; }
pre { background: var(--page); border-radius: 6px; padding: 8px 12px; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--soft); font-weight: 500; font-size: 13px; }
th, td { padding: 4px 16px 4px 0; border-bottom: 1px solid var(--line); vertical-align: top; white-space: nowrap; }
td:last-child, td:has(code) { white-space: normal; overflow-wrap: anywhere; padding-right: 0; }
th.number, td.number { text-align: right; }
svg { display: block; width: 100%; height: auto; min-width: 640px; }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
.tick { fill: var(--soft); } .end { text-anchor: end; } .middle { text-anchor: middle; }
.grid { stroke: var(--line); } .axis { stroke: var(--soft); }
.band { fill: var(--ink); fill-opacity: 0.13; } .edge { fill: var(--warn); }
.action { stroke: var(--soft); stroke-dasharray: 3 3; }
.area { stroke: var(--card); stroke-width: 1; }
.bounds { fill: var(--c1); fill-opacity: 0.25; stroke: var(--c1); stroke-width: 1; }
.truth { fill: none; stroke: var(--c2); stroke-width: 2; }
.limit { stroke: var(--soft); stroke-dasharray: 6 4; }
.decision { fill: var(--ink); stroke: var(--card); stroke-width: 2; }
.done { fill: var(--c1); } .fault { fill: var(--warn); }
${[1, 2, 3, 4, 5, 6, 7, 8].map((i) => `.s${i} { fill: var(--c${i}); background: var(--c${i}); }`).join('\n')}
.wrong { fill: var(--bad); background: var(--bad); }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 2px 18px; padding: 0; margin: 4px 0 8px; font-size: 13px; }
.key { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 6px; }
.key.bounds { background: var(--c1); opacity: 0.5; } .key.truth { background: var(--c2); } .key.band { background: var(--warn); }
details { margin: 8px 0; } summary { cursor: pointer; }
@media print { body { background: none; } section { break-inside: avoid; } }
`);
