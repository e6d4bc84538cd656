#include "report/page.h"

namespace r1 {

// All text of a run enters the page through text nodes, never as markup.
const std::string_view page_script = R"js('use strict';
const run = JSON.parse(document.getElementById('run').textContent);
const page = document.getElementById('page');
const summary = run.summary || {};

function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== null) node.setAttribute(name, value);
  }
  node.append(...children.filter(child => child !== null && child !== undefined));
  return node;
}
function svg(tag, attributes) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
  return node;
}
const isNumber = value => typeof value === 'number' && Number.isFinite(value);
function format(value) {
  if (!isNumber(value)) return '–';
  const size = Math.abs(value);
  if (size >= 1e9) return (value / 1e9).toPrecision(3) + ' G';
  if (size >= 1e6) return (value / 1e6).toPrecision(3) + ' M';
  if (size >= 1e4) return (value / 1e3).toPrecision(3) + ' k';
  if (Number.isInteger(value)) return String(value);
  if (size >= 1000) return value.toFixed(0);
  if (size >= 0.001) return String(Number(value.toPrecision(3)));
  return value.toExponential(1);
}
const percent = value => isNumber(value) ? (100 * value).toFixed(1) + ' %' : '–';
function duration(seconds) {
  const all = Math.round(seconds), minutes = Math.floor(all / 60) % 60, hours = Math.floor(all / 3600);
  const two = value => String(value).padStart(2, '0');
  return hours ? `${hours}:${two(minutes)}:${two(all % 60)}` : `${minutes}:${two(all % 60)}`;
}

// ---- header -------------------------------------------------------------------------------------------------------

function header() {
  const model = summary.model || {};
  const facts = [];
  if (typeof model === 'string') facts.push(model);
  if (model.name) facts.push(String(model.name));
  if (isNumber(model.parameters) && model.parameters > 0) facts.push(model.parameters.toLocaleString('en') + ' parameters');
  if (summary.task) facts.push(String(summary.task));
  page.append(el('h1', {}, run.title), el('p', {class: 'soft'}, [summary.command, ...facts].filter(Boolean).join(' · ')));
  if (summary.headline) page.append(el('p', {}, String(summary.headline)));
  const ends = key => {
    const values = (run.series[key] || []).map(point => point[1]).filter(isNumber);
    return values.length > 1 ? [values[0], values[values.length - 1]] : [];
  };
  const known = (name, key) => {
    const before = (summary.before || {})[name], after = (summary.after || {})[name];
    return isNumber(after) ? [before, after] : ends(key);
  };
  const numbers = el('div', {class: 'numbers'});
  const add = (label, ...value) => numbers.append(
      el('div', {}, el('div', {class: 'label'}, label), el('div', {class: 'value'}, ...value)));
  const change = (label, [before, after], text) => {
    if (isNumber(after)) add(label, el('span', {class: 'soft'}, text(before) + ' → '), text(after));
  };
  change('held-out accuracy', known('accuracy', 'eval/accuracy'), percent);
  change('response length, tokens', known('length', 'eval/length'), format);
  change('checks per response', ends('reasoning/checks_per_completion'), format);
  if (isNumber(summary.seconds)) add('time', duration(summary.seconds));
  if (numbers.children.length) page.append(numbers);
  if (summary.disclosure) page.append(el('p', {class: 'soft small'}, String(summary.disclosure)));
}

// ---- curves -------------------------------------------------------------------------------------------------------

const perResponse = key => `reasoning/${key}_per_completion`;
const charts = [
  {title: 'Held-out accuracy', text: percent, top: 1, dots: true, lines: {'eval/accuracy': 'accuracy'}},
  {title: 'Response length, tokens', lines: {'completions/mean_length': 'training', 'eval/length': 'held-out'}},
  {title: 'Reward', lines: {'reward': 'reward'}, prefix: /^rewards\/(.+)\/mean$/},
  {title: 'Reasoning, per response', lines: {
    [perResponse('tries')]: 'tries', [perResponse('checks')]: 'checks', [perResponse('backtracks')]: 'backtracks',
    [perResponse('reflective_words')]: 'reflective words'}},
  {title: 'Entropy of the policy, nats', lines: {'entropy': 'entropy'}},
  {title: 'KL to the reference, nats', lines: {'kl': 'kl'}},
  {title: 'Clipped ratios', text: percent, lines: {'clip_ratio/low_mean': 'low', 'clip_ratio/high_mean': 'high', 'cispo_clip_ratio': 'high (cispo)'}},
  {title: 'Truncated, and without signal', text: percent, top: 1, lines: {
    'completions/clipped_ratio': 'truncated responses', 'frac_reward_zero_std': 'groups without signal'}},
  {title: 'Time of a step, seconds', stacked: true, lines: {
    'time/rollout_s': 'rollout', 'time/train_s': 'train', 'time/reward_s': 'reward', 'time/checkpoint_s': 'checkpoint'}},
  {title: 'Tokens per second', lines: {'perf/rollout_tokens_per_s': 'rollout', 'perf/train_tokens_per_s': 'train'}},
  {title: 'Gradient norm', lines: {'grad_norm': 'norm'}},
  {title: 'Learning rate', lines: {'learning_rate': 'rate'}},
];
const drawn = [];  // functions that draw a chart again
let hovered = null;
const followers = [];  // functions that show the values at a step
function hover(step) {
  if (step === hovered) return;
  hovered = step;
  for (const follow of followers) follow(step);
}

function ticks(low, high) {
  const range = high - low, unit = 10 ** Math.floor(Math.log10(range / 3));
  const step = [1, 2, 5, 10].find(s => range / (s * unit) <= 5) * unit, values = [];
  for (let i = Math.ceil(low / step); i * step <= high + range * 1e-4; ++i) values.push(i * step);
  return values;
}

function chart(spec) {
  const lines = Object.entries(spec.lines).filter(([key]) => run.series[key]);
  if (spec.prefix) {
    for (const key of Object.keys(run.series)) {
      const match = spec.prefix.exec(key);
      if (match && lines.length < 6) lines.push([key, match[1]]);
    }
  }
  const data = lines.map(([key, label]) => ({label, points: run.series[key]}))
      .filter(line => line.points.some(point => isNumber(point[1])));
  if (!data.length) return null;
  const text = spec.text || format;
  const at = data.map(line => new Map(line.points));
  if (spec.stacked) {  // each line on top of those before it
    data.forEach((line, i) => line.points = line.points.map(([step, value]) => [
      step, isNumber(value) ? at.slice(0, i + 1).reduce((sum, map) => sum + (map.get(step) || 0), 0) : null]));
  }
  const values = data.flatMap(line => line.points.map(point => point[1])).filter(isNumber);
  const steps = [...new Set(data.flatMap(line => line.points.map(point => point[0])))].sort((a, b) => a - b);
  const low = Math.min(0, ...values), most = Math.max(0, ...values);
  const high = spec.top || (most > low ? most * 1.05 : 1);
  const first = Math.min(0, steps[0]), last = Math.max(steps[steps.length - 1], first + 1);
  const read = el('div', {class: 'read'}), area = svg('svg', {role: 'img', 'aria-label': spec.title});
  const show = step => {
    const whole = step === null ? '' : `step ${step}`;
    read.replaceChildren(...data.map((line, i) => {
      const until = [...at[i]].filter(([one, value]) => isNumber(value) && (step === null || one <= step));
      const value = until.length ? until[until.length - 1][1] : null;  // the last one known at that step
      return el('span', {}, el('i', {class: 'swatch', style: `background:var(--c${i})`}), line.label + ' ', el('b', {}, text(value)));
    }), whole);
  };
  let cross = null, place = null;
  const draw = () => {
    const width = Math.max(area.clientWidth, 200), height = 170, left = 46, right = width - 8, bottom = height - 20, up = 8;
    const x = step => left + (step - first) / (last - first) * (right - left);
    const y = value => bottom - (value - low) / (high - low) * (bottom - up);
    area.setAttribute('viewBox', `0 0 ${width} ${height}`);
    area.replaceChildren();
    const label = (content, attributes) => {
      const node = svg('text', attributes);
      node.textContent = content;
      area.append(node);
    };
    for (const value of ticks(low, high)) {
      area.append(svg('line', {class: 'rule', x1: left, x2: right, y1: y(value), y2: y(value)}));
      label(text(value).replace('.0 %', ' %'), {x: left - 7, y: y(value) + 4, 'text-anchor': 'end'});
    }
    label(String(first), {x: left, y: height - 4});
    label(`step ${last}`, {x: right, y: height - 4, 'text-anchor': 'end'});
    for (let i = data.length - 1; i >= 0; --i) {
      const color = `var(--c${i})`;
      let path = '', pen = false, start = 0, end = 0, fill = '';
      for (const [step, value] of data[i].points) {
        if (!isNumber(value)) { pen = false; continue; }
        if (!pen && fill) fill += `L${end} ${bottom}L${start} ${bottom}Z`;
        if (!pen) start = x(step);
        path += `${pen ? 'L' : 'M'}${x(step).toFixed(1)} ${y(value).toFixed(1)}`;
        fill += `${pen ? 'L' : 'M'}${x(step).toFixed(1)} ${y(value).toFixed(1)}`;
        end = x(step);
        pen = true;
        if (spec.dots) area.append(svg('circle', {cx: x(step), cy: y(value), r: 2.6, fill: color}));
      }
      if (spec.stacked) {
        fill += `L${end} ${bottom}L${start} ${bottom}Z`;
        area.append(svg('path', {d: fill, fill: 'var(--card)'}), svg('path', {d: fill, fill: color, opacity: 0.35}));
      }
      area.append(svg('path', {d: path, fill: 'none', stroke: color, 'stroke-width': 1.7, 'stroke-linejoin': 'round', 'stroke-linecap': 'round'}));
    }
    cross = svg('line', {class: 'cross', y1: up, y2: bottom, visibility: 'hidden'});
    area.append(cross);
    place = step => {
      cross.setAttribute('visibility', step === null || step < first || step > last ? 'hidden' : 'visible');
      if (step !== null) { cross.setAttribute('x1', x(step)); cross.setAttribute('x2', x(step)); }
    };
  };
  area.addEventListener('pointermove', event => {
    const box = area.getBoundingClientRect();
    const step = first + (event.clientX - box.left - 46) / (box.width - 54) * (last - first);
    hover(steps.reduce((best, one) => Math.abs(one - step) < Math.abs(best - step) ? one : best, steps[0]));
  });
  area.addEventListener('pointerleave', () => hover(null));
  followers.push(step => { show(step); if (place) place(step); });
  drawn.push(draw);
  show(null);
  return el('div', {class: 'card chart'}, el('h3', {}, spec.title), read, area);
}

function curves() {
  const grid = el('div', {class: 'grid'});
  const used = new Set();
  for (const spec of charts) {
    const card = chart(spec);
    if (!card) continue;
    grid.append(card);
    for (const key of Object.keys(run.series)) {
      if (key in spec.lines || (spec.prefix && spec.prefix.test(key))) used.add(key);
    }
  }
  if (grid.children.length) page.append(el('h2', {}, 'Curves'), grid);
  const others = Object.keys(run.series).filter(key => !used.has(key)).sort();
  if (!others.length) return;
  const more = el('div', {class: 'grid'});
  const details = el('details', {}, el('summary', {}, `${others.length} more metrics`), more);
  details.addEventListener('toggle', () => {
    if (!more.children.length) {
      more.append(...others.map(key => chart({title: key, lines: {[key]: 'value'}})).filter(Boolean));
    }
    redraw();
  });
  page.append(details);
}
function redraw() { for (const draw of drawn) draw(); }

// ---- before and after ---------------------------------------------------------------------------------------------

function thought(text) {
  const close = text.lastIndexOf('</think>'), open = text.indexOf('<think>');
  const end = close >= 0 ? close + 8 : open >= 0 ? text.length : 0;
  const box = el('div', {class: 'text scroll'});
  if (end) box.append(el('div', {class: 'thought'}, text.slice(0, end).trim()));
  const answer = text.slice(end).trim();
  box.append(answer || el('span', {class: 'soft'}, end ? '(no answer after the thought)' : '(nothing)'));
  return box;
}
function verdict(right, text) {
  return el('span', {class: right ? 'good' : 'bad'}, (right ? '✓ ' : '✗ ') + (text || (right ? 'right' : 'wrong')));
}

function beforeAndAfter() {
  const all = [];
  const example = summary.example;
  const answers = value => ({text: String((value || {}).text || ''), right: !!(value || {}).correct});
  if (example) {
    all.push({problem: String(example.problem), gold: example.gold, before: answers(example.before), after: answers(example.after)});
  }
  const evaluations = run.evaluations;
  if (evaluations) {
    const answer = value => ({text: value.completion, right: value.score > 0.5, outcome: value.outcome});
    const problems = evaluations.problems.map(row => ({
      problem: row.prompt || row.problem, gold: row.gold, before: answer(row.before), after: answer(row.after)}));
    const rank = one => (one.after.right ? 0 : 2) + (one.before.right ? 1 : 0);
    all.push(...problems.sort((a, b) => rank(a) - rank(b)));
  }
  if (!all.length) return;
  const mark = one => (one.before.right ? '✓' : '✗') + ' → ' + (one.after.right ? '✓' : '✗');
  const choose = el('select', {'aria-label': 'problem'},
                    ...all.map((one, i) => el('option', {value: i}, `${mark(one)}   ${one.problem.slice(0, 90)}`)));
  const problem = el('div', {class: 'text'}), pair = el('div', {class: 'pair'});
  const side = (title, answer) => el('div', {class: 'card'},
    el('div', {class: 'head'}, el('h3', {}, title), verdict(answer.right, answer.outcome)), thought(answer.text));
  const show = () => {
    const one = all[choose.value];
    problem.replaceChildren(one.problem, ...(one.gold ? [el('span', {class: 'soft'}, `   answer: ${one.gold}`)] : []));
    pair.replaceChildren(side('Before', one.before), side('After', one.after));
  };
  choose.addEventListener('change', show);
  const go = by => el('button', {type: 'button', 'aria-label': by > 0 ? 'next problem' : 'previous problem', onclick: () => {
    choose.value = (Number(choose.value) + by + all.length) % all.length;
    show();
  }}, by > 0 ? '→' : '←');
  page.append(el('h2', {}, 'Before and after'), el('div', {class: 'bar'}, choose, el('span', {}, go(-1), ' ', go(1))),
              problem, el('div', {style: 'height:14px'}), pair);
  show();
}

// ---- samples ------------------------------------------------------------------------------------------------------

function samples() {
  const rows = run.samples || [];
  if (!rows.length) return;
  const tip = el('div', {class: 'tip', role: 'tooltip'});
  const steps = [...new Set(rows.map(row => row.step))];
  const stepChoice = el('select', {}, ...steps.map(step => el('option', {value: step}, String(step))));
  const promptChoice = el('select', {}), sampleChoice = el('select', {});
  const stack = el('div', {class: 'stack'}), prompt = el('div', {class: 'text'}), legend = el('span', {class: 'legend'});
  const largest = Math.max(1e-6, ...rows.map(row => Math.abs(row.advantage || 0)));
  let coloring = 'logprob';

  const color = (row, i) => {
    if (coloring === 'logprob') {
      const value = (row.logprobs || [])[i];
      return isNumber(value) ? `rgb(var(--warm) / ${(Math.min(1, -value / 5) * 0.75).toFixed(3)})` : null;
    }
    if (coloring === 'advantage' && isNumber(row.advantage)) {
      const side = row.advantage > 0 ? '--plus' : '--minus';
      return `rgb(var(${side}) / ${(Math.abs(row.advantage) / largest * 0.5).toFixed(3)})`;
    }
    return null;
  };
  const completion = row => {
    const box = el('div', {class: 'text scroll'});
    if (!row.tokens) {
      box.append(row.completion || el('span', {class: 'soft'}, '(empty)'));
      return box;
    }
    row.tokens.forEach((token, i) => {
      const background = color(row, i);
      const node = el('span', {class: 'token', style: background ? `background:${background}` : null}, token.replaceAll('\n', '↵\n'));
      node.addEventListener('pointerenter', event => {
        const logprob = (row.logprobs || [])[i];
        const parts = [JSON.stringify(token)];
        if (row.ids) parts.push(`id ${row.ids[i]}`);
        if (isNumber(logprob)) parts.push(`p ${format(Math.exp(logprob))}`, `log p ${format(logprob)}`);
        if (isNumber(row.advantage)) parts.push(`advantage ${format(row.advantage)}`);
        tip.textContent = parts.join('   ');
        tip.style.display = 'block';
        tip.style.left = Math.max(4, Math.min(event.clientX, innerWidth - tip.offsetWidth - 8)) + 'px';
        tip.style.top = (event.clientY > 60 ? event.clientY - 40 : event.clientY + 22) + 'px';
      });
      node.addEventListener('pointerleave', () => tip.style.display = 'none');
      box.append(node);
    });
    if (row.length > row.tokens.length) box.append(el('span', {class: 'soft'}, ` … ${row.length - row.tokens.length} more tokens`));
    return box;
  };
  const card = row => {
    const parts = Object.entries(row.rewards || {}).map(([name, score]) => `${name} ${format(score)}`).join(', ');
    return el('div', {class: 'card'}, el('div', {class: 'head'},
      el('h3', {}, `completion ${row.sample ?? ''}`),
      el('span', {}, `reward ${format(row.reward)}`, el('span', {class: 'soft'}, parts ? ` (${parts})` : '')),
      el('span', {class: row.advantage > 0 ? 'good' : row.advantage < 0 ? 'bad' : 'soft'}, `advantage ${format(row.advantage)}`),
      el('span', {class: 'soft'}, [row.outcome, row.finish_reason, row.length ? `${row.length} tokens` : ''].filter(Boolean).join(' · '))),
      completion(row));
  };
  const inStep = () => rows.filter(row => row.step === Number(stepChoice.value));
  const inGroup = () => inStep().filter(row => String(row.prompt_index) === promptChoice.value);
  const show = () => {
    const group = inGroup();
    const one = sampleChoice.value === 'all' ? group : group.filter(row => String(row.sample) === sampleChoice.value);
    prompt.textContent = group.length ? group[0].prompt : '';
    stack.replaceChildren(...one.map(card));
    const scale = {logprob: ['certain', 'transparent, rgb(var(--warm) / .75)', 'unlikely'],
                   advantage: ['worse than the group', 'rgb(var(--minus) / .5), transparent, rgb(var(--plus) / .5)', 'better']}[coloring];
    legend.replaceChildren(...(scale ? [scale[0], el('i', {style: `background:linear-gradient(to right, ${scale[1]})`}), scale[2]] : []));
    for (const button of buttons) button.setAttribute('aria-pressed', String(button.value === coloring));
  };
  const choosePrompt = () => {
    sampleChoice.replaceChildren(el('option', {value: 'all'}, 'all of the group'),
                                 ...inGroup().map(row => el('option', {value: row.sample}, `${row.sample}   reward ${format(row.reward)}`)));
    show();
  };
  const chooseStep = () => {
    const prompts = new Map(inStep().map(row => [row.prompt_index, row.prompt]));
    promptChoice.replaceChildren(...[...prompts].map(([index, text]) => el('option', {value: index}, text.trim().slice(-80))));
    choosePrompt();
  };
  const buttons = [['logprob', 'log-probability'], ['advantage', 'advantage'], ['none', 'none']].map(([value, label]) =>
    el('button', {type: 'button', value, onclick: () => { coloring = value; show(); }}, label));
  stepChoice.addEventListener('change', chooseStep);
  promptChoice.addEventListener('change', choosePrompt);
  sampleChoice.addEventListener('change', show);
  stepChoice.value = steps[steps.length - 1];
  page.append(el('h2', {}, 'Samples'),
    el('div', {class: 'bar'}, el('label', {}, 'step', stepChoice), el('label', {}, 'problem', promptChoice),
       el('label', {}, 'completion', sampleChoice)),
    el('div', {class: 'bar'}, el('span', {class: 'soft'}, 'colour'), el('span', {}, ...buttons.flatMap(b => [b, ' '])), legend),
    prompt, el('div', {style: 'height:14px'}), stack, tip);
  chooseStep();
}

// ---- configuration and machine ------------------------------------------------------------------------------------

function facts(title, value) {
  const entries = Object.entries(value || {}).filter(([, one]) => one !== '' && one !== null && typeof one !== 'object');
  if (!entries.length) return null;
  return el('div', {class: 'card'}, el('h3', {style: 'margin-bottom:8px'}, title),
            el('dl', {}, ...entries.flatMap(([name, one]) => [el('dt', {}, name), el('dd', {}, isNumber(one) ? one.toLocaleString('en') : String(one))])));
}
function setting() {
  const model = typeof summary.model === 'string' ? {name: summary.model} : summary.model;
  const cards = [facts('Model', model), facts('Machine', summary.machine)].filter(Boolean);
  if (cards.length) page.append(el('h2', {}, 'Model and machine'), el('div', {class: 'pair'}, ...cards));
  if (run.config) page.append(el('h2', {}, 'Configuration'), el('div', {class: 'card'}, el('pre', {class: 'config'}, run.config)));
  if (run.unread) page.append(el('p', {class: 'soft small', style: 'margin-top:32px'}, `${run.unread} lines of the run's files could not be read.`));
}

page.replaceChildren();
header();
curves();
beforeAndAfter();
samples();
setting();
redraw();
addEventListener('resize', redraw);
)js";

}  // namespace r1
