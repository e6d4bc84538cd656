#include "report/page.h"

namespace r1 {

const std::string_view page_style = R"css(
:root {
  color-scheme: light dark;
  --paper: #fbfaf8; --card: #ffffff; --ink: #1f2328; --soft: #6a6f76; --faint: #d9d7d2; --line: #ebe9e4;
  --c0: #0f766e; --c1: #c2570c; --c2: #4f5bd5; --c3: #a3338b; --c4: #7a7f2a; --c5: #5b7083;
  --good: #15803d; --bad: #b42318; --warm: 222 110 30; --plus: 22 150 80; --minus: 205 60 50;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", "JetBrains Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15171a; --card: #1c1f23; --ink: #e4e2dd; --soft: #989da4; --faint: #3a3e44; --line: #2a2e33;
    --c0: #45c4b0; --c1: #f0985a; --c2: #98a2ff; --c3: #e08acb; --c4: #c5c96a; --c5: #9fb3c4;
    --good: #5fce8a; --bad: #ff8a7a; --warm: 240 140 50; --plus: 50 190 110; --minus: 240 90 80;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
main { max-width: 1180px; margin: 0 auto; padding: 40px 24px 80px; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 52px 0 14px; }
h3 { font-size: 0.88rem; font-weight: 600; margin: 0; overflow-wrap: anywhere; }
p { margin: 0 0 10px; max-width: 72ch; }
.soft { color: var(--soft); }
.small { font-size: 0.86rem; }
.numbers { display: flex; flex-wrap: wrap; gap: 14px 48px; margin: 26px 0 18px; }
.numbers .label { color: var(--soft); font-size: 0.86rem; }
.numbers .value { font-size: 1.75rem; line-height: 1.25; font-variant-numeric: tabular-nums; white-space: nowrap; }
.numbers .value .soft { font-size: 1.2rem; }
.grid { display: grid; gap: 16px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 330px), 1fr)); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px; min-width: 0; }
.chart { display: flex; flex-direction: column; }
.chart svg { display: block; width: 100%; height: 170px; margin-top: auto; padding-top: 6px; touch-action: pan-y; }
.chart .read { font-size: 0.8rem; color: var(--soft); min-height: 1.5em; font-variant-numeric: tabular-nums; }
.chart .read span { margin-right: 12px; white-space: nowrap; }
.chart .read b { color: var(--ink); font-weight: 600; }
.swatch { display: inline-block; width: 9px; height: 9px; border-radius: 50%; margin-right: 5px; }
.chart text { fill: var(--soft); font: 11px system-ui, sans-serif; font-variant-numeric: tabular-nums; }
.chart .rule { stroke: var(--line); }
.chart .cross { stroke: var(--soft); stroke-dasharray: 2 3; }
.bar { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 18px; margin-bottom: 14px; font-size: 0.9rem; }
.bar label { color: var(--soft); display: flex; align-items: center; gap: 7px; max-width: 100%; }
select, button, input { font: inherit; color: inherit; accent-color: var(--c0); }
select, button {
  background: var(--card); border: 1px solid var(--faint); border-radius: 7px; padding: 3px 9px; max-width: 100%;
}
select { min-width: 0; text-overflow: ellipsis; }
button { cursor: pointer; }
button[aria-pressed="true"] { border-color: var(--c0); color: var(--c0); box-shadow: inset 0 0 0 1px var(--c0); }
:focus-visible { outline: 2px solid var(--c0); outline-offset: 2px; }
.pair { display: grid; gap: 16px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 380px), 1fr)); }
.text { font: 0.86rem/1.65 var(--mono); white-space: pre-wrap; overflow-wrap: anywhere; margin: 10px 0 0; }
.scroll { max-height: 420px; overflow: auto; }
.thought { color: var(--soft); border-left: 2px solid var(--faint); padding-left: 12px; margin-bottom: 10px; }
.good { color: var(--good); }
.bad { color: var(--bad); }
.head { display: flex; flex-wrap: wrap; gap: 2px 14px; align-items: baseline; font-size: 0.86rem; }
.stack { display: grid; gap: 12px; }
.token { border-radius: 3px; }
.token:hover { outline: 1px solid var(--soft); }
.legend { display: inline-flex; align-items: center; gap: 8px; color: var(--soft); font-size: 0.82rem; }
.legend i { width: 90px; height: 9px; border-radius: 5px; display: inline-block; }
.tip {
  position: fixed; z-index: 2; pointer-events: none; background: var(--ink); color: var(--paper); border-radius: 6px;
  padding: 4px 9px; font: 0.78rem/1.5 var(--mono); white-space: pre-wrap; display: none; max-width: 90vw;
}
pre.config { font: 0.84rem/1.6 var(--mono); margin: 0; overflow: auto; max-height: 520px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 3px 18px; margin: 0; font-size: 0.9rem; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
details > summary { cursor: pointer; color: var(--soft); margin: 18px 0 14px; }
@media (max-width: 560px) {
  main { padding: 24px 14px 60px; }
  .numbers { gap: 12px 30px; }
  .numbers .value { font-size: 1.4rem; }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: 6px; }
}
@media print { .scroll, pre.config { max-height: none; } }
)css";

}  // namespace r1
