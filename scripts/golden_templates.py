#!/usr/bin/env python3
"""Writes tests/golden/text/templates.json: chat templates rendered by Jinja2 with the environment of transformers.

Each case has a template, messages and further variables, and the text, or the error where rendering raises.
Usage: python scripts/golden_templates.py
"""
import json
import pathlib
import re

from transformers.utils.chat_template_utils import render_jinja_template

OUT = pathlib.Path(__file__).parent.parent / "tests/golden/text/templates.json"
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>"}

CHAT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "  1+1?\n"},
        {"role": "assistant", "content": "<think>\nadd\n</think>\n\nTwo."}, {"role": "user", "content": "你好 \"q\" <b>&'é'\t\\"}]
TOOLS = [{"type": "function", "function": {"name": "add", "description": "Adds — \"two\" <numbers>", "parameters": {
    "type": "object", "properties": {"a": {"type": "integer", "description": "left"}, "b": {"type": ["number", "null"], "enum": [1, 2.5, None, True]}},
    "required": ["a", "b"]}}}]
CALLS = [{"role": "user", "content": "add"},
         {"role": "assistant", "content": "", "reasoning_content": "\nuse a tool\n",
          "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "add", "arguments": {"a": 1, "b": 2.0}}},
                         {"type": "function", "function": {"name": "add", "arguments": "{\"a\": 3}"}}]},
         {"role": "tool", "content": "3", "tool_call_id": "c1"}, {"role": "tool", "content": "[4]"},
         {"role": "assistant", "content": "Three."}, {"role": "user", "content": [{"type": "text", "text": "part"}, {"type": "image"}]}]

# The shapes of well-known models' templates, in our own words.
CHATML = """{% for m in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system
Help.<|im_end|>
' }}{% endif %}{{'<|im_start|>' + m['role'] + '
' + m['content'] + '<|im_end|>' + '
'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant
' }}{% endif %}"""

HERMES_TOOLS = """{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages[0].role == 'system' %}
        {{- messages[0].content + '\\n\\n' }}
    {%- endif %}
    {{- "# Functions\\n<tools>" }}
    {%- for tool in tools %}
        {{- "\\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "\\n</tools><|im_end|>\\n" }}
{%- else %}
    {%- if messages[0].role == 'system' %}
        {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
    {%- endif %}
{%- endif %}
{%- set ns = namespace(multi_step=true, last=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step and message.role == "user" and message.content is string and not(message.content.startswith('<result>') and message.content.endswith('</result>')) %}
        {%- set ns.multi_step = false %}
        {%- set ns.last = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}{% set content = message.content %}{% else %}{% set content = '' %}{% endif %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set reasoning = '' %}
        {%- if message.reasoning_content is string %}
            {%- set reasoning = message.reasoning_content %}
        {%- elif '</think>' in content %}
            {%- set reasoning = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {%- if loop.index0 > ns.last and (loop.last or reasoning) %}
            {{- '<|im_start|>' + message.role + '\\n<think>\\n' + reasoning.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\\n' + content }}
        {%- endif %}
        {%- if message.tool_calls %}
            {%- for call in message.tool_calls %}
                {%- if (loop.first and content) or (not loop.first) %}{{- '\\n' }}{%- endif %}
                {%- if call.function %}{%- set call = call.function %}{%- endif %}
                {{- '<tool_call>\\n{"name": "' }}
                {{- call.name }}
                {{- '", "arguments": ' }}
                {%- if call.arguments is string %}{{- call.arguments }}{%- else %}{{- call.arguments | tojson }}{%- endif %}
                {{- '}\\n</tool_call>' }}
            {%- endfor %}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {%- if loop.first or (messages[loop.index0 - 1].role != "tool") %}{{- '<|im_start|>user' }}{%- endif %}
        {{- '\\n<result>\\n' + content + '\\n</result>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}{{- '<|im_end|>\\n' }}{%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}
{%- endif %}"""

HEADERS = """{{- bos_token }}
{%- if custom_tools is defined %}{%- set tools = custom_tools %}{%- endif %}
{%- if not date_string is defined %}{%- set date_string = "26 Jul 2024" %}{%- endif %}
{%- if not tools is defined %}{%- set tools = none %}{%- endif %}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|header|>system<|end|>\\n\\n" }}
{%- if tools is not none %}{{- "Environment: py\\n" }}{%- endif %}
{{- "Today: " + date_string + "\\n\\n" }}
{%- if tools is not none %}
    {%- for t in tools %}{{- t | tojson(indent=4) }}{{- "\\n\\n" }}{%- endfor %}
{%- endif %}
{{- system_message + "<|eot|>" }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|header|>' + message['role'] + '<|end|>\\n\\n'+ (message['content'] if message['content'] is string else message['content'] | tojson) | trim + '<|eot|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 and strict is defined %}{{- raise_exception("one tool-call at once!") }}{%- endif %}
        {%- set tool_call = message.tool_calls[0].function %}
        {{- '{"name": "' + tool_call.name + '", ' }}
        {%- for arg_name, arg_val in tool_call.arguments | items %}
            {{- arg_name + '="' ~ arg_val ~ '"' }}{% if not loop.last %}{{- ", " }}{% endif %}
        {%- endfor %}
        {{- "}<|eom|>" }}
    {%- elif message.role == "tool" or message.role == "ipython" %}
        {%- if message.content is mapping or message.content is iterable %}{{- message.content | tojson }}{%- else %}{{- message.content }}{%- endif %}
        {{- "<|eot|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|header|>assistant<|end|>\\n\\n' }}{%- endif %}"""

R1 = """{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}{% set ns = namespace(is_first=false, is_tool=false, is_output_first=true, system_prompt='') %}{%- for message in messages %}{%- if message['role'] == 'system' %}{% set ns.system_prompt = message['content'] %}{%- endif %}{%- endfor %}{{bos_token}}{{ns.system_prompt}}{%- for message in messages %}{%- if message['role'] == 'user' %}{%- set ns.is_tool = false -%}{{'<U>' + (message['content'] if message['content'] is string else '')}}{%- endif %}{%- if message['role'] == 'assistant' and message['content'] is none %}{%- set ns.is_tool = false -%}{%- for tool in message['tool_calls']%}{%- if not ns.is_first %}{{'<A>' + tool['type']}}{%- set ns.is_first = true -%}{%- endif %}{%- endfor %}{%- endif %}{%- if message['role'] == 'assistant' and message['content'] is not none %}{%- set content = message['content'] %}{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}{{'<A>' + content + '<E>'}}{%- endif %}{%- if message['role'] == 'tool' %}{%- set ns.is_tool = true -%}{%- if ns.is_output_first %}{{'<O>' + message['content']}}{%- set ns.is_output_first = false %}{%- else %}{{'\\n<O>' + message['content']}}{%- endif %}{%- endif %}{%- endfor -%}{% if ns.is_tool %}{{'<end>'}}{% endif %}{% if add_generation_prompt and not ns.is_tool %}{{'<A><think>\\n'}}{% endif %}"""

INST = """{{ bos_token }}{%- if messages[0]["role"] == "system" %}{%- set system_message = messages[0]["content"] %}{%- set loop_messages = messages[1:] %}{%- else %}{%- set loop_messages = messages %}{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace() %}
{%- set ns.index = 0 %}
{%- for message in loop_messages %}
    {%- if not (message.role == "tool" or message.role == "tool_results" or (message.tool_calls is defined and message.tool_calls is not none)) %}
        {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}
            {{- raise_exception("roles must alternate") }}
        {%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if tools is not none and (message == user_messages[-1]) %}
            {{- "[TOOLS] [" }}
            {%- for tool in tools %}
                {%- set tool = tool.function %}
                {{- '{"type": "function", "function": {' }}
                {%- for key, val in tool.items() if key != "return" %}
                    {%- if val is string %}{{- '"' + key + '": "' + val + '"' }}{%- else %}{{- '"' + key + '": ' + val|tojson }}{%- endif %}
                    {%- if not loop.last %}{{- ", " }}{%- endif %}
                {%- endfor %}
                {{- "}}" }}
                {%- if not loop.last %}{{- ", " }}{%- else %}{{- "]" }}{%- endif %}
            {%- endfor %}
        {%- endif %}
        {{- "[INST] " + message["content"]|string + "[/INST]" }}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"]|trim + eos_token}}
    {%- endif %}
{%- endfor %}"""

MACROS = """{%- macro render_extra(d, handled, depth=0) -%}
    {%- if d is mapping %}{%- for k in d if k not in handled %}{%- set key = k | replace("-", "_") | upper %}
        {%- if d[k] is mapping %}{{- '\\n' ~ '  ' * depth ~ '<' ~ key ~ '>' ~ render_extra(d[k], handled, depth=depth + 1) }}
        {%- else %}{{- '\\n<' ~ key ~ '>' ~ (d[k] | tojson if d[k] is not string else d[k] | string) ~ '</' ~ key ~ '>' }}{%- endif %}
    {%- endfor %}{%- endif %}
{%- endmacro -%}
{%- macro body(content) -%}
{%- if content is string -%}{{ content | trim }}{%- elif content is iterable -%}{%- for item in content -%}{%- if item['type'] == 'image' -%}<img>{%- elif item.type == 'text' -%}{{ item['text'] | trim }}{%- endif -%}{%- endfor -%}{%- else -%}{{ raise_exception("Invalid content") }}{%- endif -%}
{%- endmacro -%}
{% for message in messages %}
{%- set role = "model" if message.role == "assistant" else message.role -%}
<start>{{ role }}
{{ body(message.content) }}<end>
{% endfor -%}
{% for tool in tools or [] %}{{ render_extra(tool, ['type']) }}{% endfor %}"""

MODELS = {"chatml": CHATML, "hermes": HERMES_TOOLS, "headers": HEADERS, "r1": R1, "inst": INST, "macros": MACROS}

# One feature a line; X prints what the feature gives.
FEATURES = r"""
{{ 1 }} {{ 1.0 }} {{ 1e20 }} {{ 1e-7 }} {{ 0.1 + 0.2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 2 ** 3 ** 2 }} {{ -2 ** 2 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }}
{{ true }} {{ none }} {{ [1, 'a', 2.5, none, true, [], {}, ()] }} {{ (1,) }} {{ (1, 2) }} {{ {'a': 1, "b'c": [1]} }} {{ "it's" }} {{ ["it's", 'q"', 'b"\'', '\n\t\\', 'é', '\x00\x7f\u200b'] }}
{{ 'a' ~ 1 ~ none ~ undefined_thing ~ [1] }} {{ 'ab' * 3 }} {{ [1] * 2 }} {{ [1] + [2] }} {{ 3 * 'x' }} {{ (1,) + (2,) }}
{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 }} {{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }} {{ 1 == '1' }} {{ true == 1 }} {{ none == none }} {{ {'a': 1} == {'a': 1.0} }} {{ 'a' in 'abc' }} {{ 'x' not in 'abc' }} {{ 1 in [1] }} {{ 'a' in {'a': 1} }} {{ not 1 in [2] }}
{{ 'yes' if true else 'no' }} {{ 'yes' if false }} {{ ('a' if false) is defined }} {{ 1 and 0 }} {{ 0 or 'x' }} {{ not none }} {{ none or [] or 'z' }} {{ 1 if 0 else 2 if 0 else 3 }}
{{ 'hello'[1] }} {{ 'hello'[-1] }} {{ 'hello'[1:3] }} {{ 'hello'[::-1] }} {{ 'héllo'[:2] }} {{ [1, 2, 3][-2:] }} {{ [1, 2, 3, 4][::2] }} {{ [1, 2, 3][5] }} {{ 'abc'[10] }} {{ [1, 2, 3][3:0:-1] }} {{ (1, 2, 3)[:2] }} {{ 'abc'[none:2] }}
{{ {'a': {'b': [1, {'c': 'd'}]}}.a.b[1].c }} {{ {'items': 1}['items'] }} {{ {'x': 1}.y }} {{ {'x': 1}['y'] is defined }} {{ 'abc'.nothing }} {{ none.x }} {{ [[1, 2]].0.1 }}
{{ 'a,b,,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a b c'.split(' ', 1) }} {{ 'a b c'.rsplit(' ', 1) }} {{ ' a b c '.split(none, 1) }} {{ 'a--b'.partition('-') }} {{ 'a-b-c'.rpartition('-') }} {{ 'x\ny\r\nz'.splitlines() }}
{{ '  x '.strip() }}| {{ 'xxaxx'.strip('x') }} {{ '\n\nab\n'.lstrip('\n') }} {{ 'ab\n'.rstrip() }}| {{ 'abc'.startswith('ab') }} {{ 'abc'.endswith(('x', 'c')) }} {{ 'hello world'.title() }} {{ 'HeLLo'.lower() }} {{ 'straße'.upper() }} {{ 'hELLO wORLD'.capitalize() }} {{ 'ΑΣ ΟΣ.'.lower() }}
{{ 'aXbXc'.replace('X', '-') }} {{ 'aaa'.replace('a', 'b', 2) }} {{ 'abcabc'.find('c') }} {{ 'abcabc'.rfind('c') }} {{ 'abc'.index('b') }} {{ 'banana'.count('an') }} {{ '-'.join(['a', 'b']) }} {{ '42'.zfill(5) }} {{ '-4'.zfill(4) }} {{ 'ab'.center(7, '*') }} {{ 'ab'.ljust(4) }}| {{ 'ab'.rjust(4, '.') }} {{ '12'.isdigit() }} {{ 'a1'.isalnum() }} {{ 'Ab'.isupper() }} {{ ' '.isspace() }} {{ 'prefix-x'.removeprefix('prefix-') }} {{ 'x.py'.removesuffix('.py') }}
{{ '%s and %d, %.2f, %5s|%-5s|%05d %r %x %%' % ('a', 3, 2.345, 'r', 'l', 42, 'q', 255) }} {{ '%(a)s' % {'a': 1} }} {{ '%s' % [1] }} {{ '{} {1} {x}'.format('a', 'b', x='c') if false else '{}-{}'.format('a', 1) }} {{ '{1}{0}{n}{{}}'.format('a', 'b', n=3) }} {{ '%s' | format(3) }}
{{ {'a': 1, 'b': 2}.items() | list }} {{ {'a': 1}.keys() | list }} {{ {'a': 1}.values() | list }} {{ {'a': 1}.get('a') }} {{ {'a': 1}.get('z') }} {{ {'a': 1}.get('z', 'd') }} {{ {'a': 1}.items() }} {{ {'a': 1}.keys() }} {% for k, v in {'x': 1, 'y': [2]}.items() %}{{ k }}={{ v }};{% endfor %}
{{ tools_json | tojson }} {{ tools_json | tojson(indent=2) }} {{ {'é': '"\\\n\u2028\x01/<>&'} | tojson }} {{ {'é': '😀'} | tojson(ensure_ascii=true) }} {{ {'b': 1, 'a': (1, 2)} | tojson(sort_keys=true, separators=(',', ':')) }} {{ [] | tojson(indent=2) }} {{ {1: 2, none: 3, true: 4, 2.5: 5} | tojson }} {{ [1.0, 1e30, -0.0] | tojson }} {{ 'x' | tojson(indent='\t') }} {{ [[], {}, [1]] | tojson(indent=1) }}
{{ '  x ' | trim }}| {{ 'xax' | trim('x') }} {{ nope | default('d') }} {{ '' | default('d') }} {{ '' | default('d', true) }} {{ nope | d }}| {{ [1, 2] | length }} {{ 'né' | length }} {{ {'a': 1} | count }} {{ nope | length }}
{{ ['a', 1, none] | join(', ') }} {{ [{'n': 'x'}, {'n': 'y'}] | join('+', attribute='n') }} {{ 'abc' | join('-') }} {{ 'a-b' | replace('-', '+') }} {{ 5 | string + 'x' }} {{ 'Hello World' | upper }} {{ 'ABC' | lower }} {{ "hello wORLD-foo (bar) it's" | title }} {{ 'hELLO' | capitalize }}
{{ [3, 1, 2] | first }} {{ [3, 1, 2] | last }} {{ 'abc' | first }} {{ [] | first }}| {{ {'a': 1, 'b': 2} | first }} {{ 'abc' | last }} {{ [3, 1, 2] | sort }} {{ ['b', 'A', 'c'] | sort }} {{ ['b', 'A', 'c'] | sort(case_sensitive=true) }} {{ [1, 3, 2] | sort(reverse=true) }} {{ [{'n': 2, 'm': 'b'}, {'n': 1, 'm': 'a'}, {'n': 1, 'm': 'A0'}] | sort(attribute='n,m') | map(attribute='m') | list }}
{{ [1, 2, 3, 4] | select('even') | list }} {{ [1, 2, 3] | reject('odd') | list }} {{ [0, 1, '', 'x'] | select | list }} {{ [1, 5, 3] | select('gt', 2) | list }} {{ msgs | selectattr('role', 'equalto', 'user') | map(attribute='content') | list }} {{ msgs | rejectattr('role', '==', 'user') | list | length }} {{ msgs | selectattr('extra') | list | length }} {{ msgs | selectattr('extra', 'defined') | list | length }} {{ ['a', 'b'] | map('upper') | join }} {{ [[1, 2], [3]] | map('length') | list }} {{ msgs | map(attribute='nope', default='-') | join }} {{ ['x'] | map('replace', 'x', 'y') | list }} {{ msgs | selectattr('role', 'in', ['user', 'tool']) | list | count }}
{{ [1, 2, 2, 1, 'a', 'A'] | unique | list }} {{ [1, 2, 3] | sum }} {{ [{'v': 1}, {'v': 2}] | sum(attribute='v') }} {{ [3, 1] | min }} {{ [3, 1] | max }} {{ ['b', 'A'] | max }} {{ {'b': 1, 'A': 2} | dictsort }} {{ {'b': 1, 'a': 2} | dictsort(by='value') }} {{ {'b': 1, 'a': 2} | dictsort(reverse=true) }} {{ [1, 2, 3] | reverse | list }} {{ 'abc' | reverse }} {{ {'a': 1} | items | list }} {{ 'abc' | list }} {{ {'a': 1, 'b': 2} | list }}
{{ '42' | int }} {{ '4.7' | int }} {{ 'x' | int }} {{ 'x' | int(7) }} {{ ' 12 ' | int }} {{ 3.9 | int }} {{ -3.9 | int }} {{ 'ff' | int(base=16) }} {{ '0x1F' | int(0, 16) }} {{ '1.5' | float }} {{ 'x' | float }} {{ '1e3' | float }} {{ true | int }} {{ 2.5 | round }} {{ 3.5 | round }} {{ 42 | round }} {{ 42.55 | round(1) }} {{ 42.45 | round(1, 'ceil') }} {{ 42.45 | round(1, 'floor') }} {{ -5 | abs }} {{ -5.5 | abs }} {{ 1234.5678 | round(-2) }} {{ '1_000' | int }} {{ none | int }}
{{ 'a\nb\n\nc' | indent }} {{ 'a\nb' | indent(2, true) }} {{ 'a\n\nb' | indent(2, blank=true) }} {{ 'a\nb\n' | indent('> ') }}| {{ '<a href="x">&\'' | e }} {{ '<b>' | safe }} {{ 'a b  c' | wordcount }} {{ 'ab' | center(6) }}| {{ {'a': 1} | attr('get') is callable }}
{{ x is defined }} {{ msgs is defined }} {{ x is undefined }} {{ none is none }} {{ 1 is number }} {{ true is number }} {{ 1.5 is float }} {{ 1 is integer }} {{ true is integer }} {{ true is boolean }} {{ 'a' is string }} {{ {} is mapping }} {{ [] is iterable }} {{ 'a' is iterable }} {{ 1 is iterable }} {{ [] is sequence }} {{ {} is sequence }} {{ 'a' is sequence }} {{ x is iterable }} {{ true is true }} {{ 1 is true }} {{ false is false }} {{ 3 is odd }} {{ 4 is even }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(2) }} {{ 1 is eq 1 }} {{ 2 is gt(1) }} {{ 1 is in [1] }} {{ 'a' is in 'abc' }} {{ 'abc' is lower }} {{ 'ABC' is upper }} {{ 1 is not none }} {{ none is sameas none }} {{ range is callable }} {{ [] is not defined or x is defined }} {{ msgs is sequence and msgs is not mapping }}
{% for i in range(3) %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.cycle('a', 'b') }}{{ loop.depth }};{% endfor %}
{% for i in [] %}x{% else %}empty{% endfor %} {% for i in range(10) if i % 2 %}{{ i }}:{{ loop.index }}/{{ loop.length }} {% endfor %} {% for a, b in [[1, 2], (3, 4)] %}{{ a }}-{{ b }} {% endfor %} {% for c in 'añ' %}[{{ c }}]{% endfor %} {% for k in {'p': 1} %}{{ k }}{% endfor %} {% for (a, b), c in [((1, 2), 3)] %}{% endfor %}
{% for i in range(5) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %} {% for i in range(2) %}{% for j in range(2) %}{{ loop.depth }}{{ i }}{{ j }} {% endfor %}{% endfor %} {{ range(3) | list }} {{ range(1, 7, 2) | list }} {{ range(3, 0, -1) | list }} {{ range(2) }}
{% set x = 1 %}{% for i in range(3) %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }} {% set ns = namespace(n=0) %}{% for i in range(3) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }} {% set a, b = 1, [2] %}{{ a }}{{ b }} {% if true %}{% set y = 5 %}{% endif %}{{ y }} {% set ns2 = namespace({'k': 'v'}, z=2) %}{{ ns2.k }}{{ ns2.z }}{{ ns2.q }}
{% set block %}  text {{ 1 + 1 }} {% endset %}[{{ block }}] {% set up | upper | trim %} abc {% endset %}[{{ up }}] {% filter upper %}ab{{ 'c' }}{% endfilter %} {% with v = 3, w = 4 %}{{ v + w }}{% endwith %}{{ v }} {% generation %}gen{{ 1 }}{% set inner = 2 %}{% endgeneration %}{{ inner }}
{% macro m(a, b=2, c='x') %}<{{ a }}|{{ b }}|{{ c }}>{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(1, c='y') }}{{ m(b=5, a=4) }}{{ m() }} {% macro v() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ v(1, 2, k=3) }} {% macro f(n) %}{{ n }}{% if n > 0 %},{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }} {% macro w(t) %}<{{ t }}>{{ caller('in') }}</{{ t }}>{% endmacro %}{% call(x) w('b') %}body {{ x }}{% endcall %} {% set g = 'glob' %}{% macro r() %}{{ g }}{% endmacro %}{{ r() }} {{ m | string | length > 0 }}
{%- if true -%}   x   {%- endif -%}   y
  {% if true %}  z  {% endif %}  w {#- c -#}  v {# c #} u
{{ '{{' }} {% raw %}{{ raw }} {% x %}{% endraw %} {{ "a" "b" 'c' }} {{ 'tab\tnl\n\u00e9\x41\101\'\"\\ \q' }}|{{ 'line\
cont' }} {{- 1 -}}   {{ 1 }}
{%+ if true %}plus{% endif +%} after {{ (1, 2) if true else 0 }} {{ 1, 2 }} {{ [1, 2,] }} {{ {'a': 1,} }} {{ dict(a=1, **{'b': 2}) }} {{ m2(*[1, 2]) if m2 is defined else 'no' }}
{{ msgs | selectattr('role', 'equalto', 'nobody') }}{% if msgs | selectattr('role', 'equalto', 'nobody') %}truthy{% endif %} {% if {}.items() %}t{% else %}f{% endif %} {{ 'a' if nope else 'b' }} {{ nope.__class__ is defined if false else 1 }} {% if nope %}{% else %}falsy{% endif %} {% for z in nope %}{% else %}none{% endfor %} {{ nope == nope2 }} {{ nope ~ 'x' }} {{ nope is none }}
{{ msgs[0]['role'] }} {{ msgs[-1].content }} {{ msgs[0].get('x', 'dflt') }} {{ (msgs | first).role }} {{ msgs[1:] | length }} {{ messages | length }} {{ bos_token }} {{ eos_token is defined }} {{ pad_token is defined }} {{ tools is none }} {{ documents is none }} {{ add_generation_prompt }}
"""

ERRORS = ["{{ nope.x }}", "{{ nope + 1 }}", "{{ nope() }}", "{{ 1 + 'a' }}", "{{ raise_exception('stop') }}", "{% if %}{% endif %}",
          "{% for x in 1 %}{% endfor %}", "{{ 'a' | nofilter }}", "{{ 1 is notest }}", "{% unknown %}", "{{ [1].append(2) }}", "{{ {}.update({}) }}",
          "{% set x.y = 1 %}", "{{ 1 / 0 }}", "{{ 1 // 0 }}", "{{ 'a' < 1 }}", "{{ x", "{% if 1 %}", "{# c", "{{ 'abc }}", "{{ 1 in 1 }}", "{{ nope | tojson }}",
          "{{ range(1000000) }}", "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{% endmacro %}{{ m(z=1) }}", "{% for a, b in [[1]] %}{% endfor %}",
          "{{ [1, 'a'] | sort }}", "{{ '%d' % 'x' }}", "{{ {[]: 1} }}", "{{ none | length }}", "{{ 'x'.index('y') }}", "{% break %}", "{{ ''.split('') }}", "{{ ''.nomethod() }}",
          "{{ 1 | items | list }}", "{{ (nope | selectattr('a', 'b')) | length }}", "{{ namespace(_x=1) }}", "{% endif %}", "{{ 'a' 1 }}", "{{ }}", "{{ ) }}"]

MSGS = [{"role": "user", "content": "hi", "extra": 1}, {"role": "assistant", "content": "yo"}, {"role": "user", "content": "bye"}]


def render(template, messages, add_generation_prompt, extra):
    case = {"template": template, "messages": messages, "add_generation_prompt": add_generation_prompt, "extra": extra}
    kwargs = {**SPECIAL, **extra}
    tools, documents = kwargs.pop("tools", None), kwargs.pop("documents", None)
    try:
        texts, _ = render_jinja_template([messages], tools=tools, documents=documents, chat_template=template,
                                         add_generation_prompt=add_generation_prompt, **kwargs)
        case["text"] = texts[0]
    except Exception as error:  # noqa: BLE001: whatever Jinja2 or Python raises is an error of the template
        case["error"] = f"{type(error).__name__}: {error}"
    return case


def main():
    cases = []
    for template in MODELS.values():
        for messages, extra in ((CHAT, {}), (CHAT[1:], {"enable_thinking": False}), (CALLS[:-1], {"tools": TOOLS}), (CALLS[:1], {"tools": TOOLS}),
                                (CALLS, {}), ([{"role": "user", "content": None}], {})):
            for generation in (False, True):
                cases.append(render(template, messages, generation, extra))
    for template in re.split(r"\n(?=\{)", FEATURES.strip("\n")):
        cases.append(render(template, CHAT, False, {"msgs": MSGS, "tools_json": TOOLS}))
    for text in ("a\n{% if true %}\n  b\n  {% endif %}\nc\n\n", "\n{%- set x = 1 -%}\n x", "  {{ 1 }}\n  {# c #}\n  d\n", "{% for i in [1, 2] %}\n  {{ i }}\n{% endfor %}\nend\r\n",
                 "\t {%- if true %}\n\n x{%+ endif %}\n", "a  {%+ if true %}b{% endif +%}\n\nc", "{% raw -%}  {{ x }}  {%- endraw -%}  y", "x {#- a\nb -#} y", "  \n  {% set y = 2 %}  \n{{ y }}\n\n"):
        cases.append(render(text, [], False, {}))
    for template in ERRORS:
        cases.append(render(template, CHAT, False, {}))
    tables = {"template": [], "messages": [], "extra": []}  # a case names what it shares with others by number
    for case in cases:
        for key, table in tables.items():
            if case[key] not in table:
                table.append(case[key])
            case[key] = table.index(case[key])
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    OUT.write_text(json.dumps({"special_tokens": SPECIAL, **tables}, ensure_ascii=False)[:-1] + ',\n"cases": [\n' + lines + "\n]}\n")
    print(len(cases), "cases,", OUT.stat().st_size, "bytes;", sum("error" in c for c in cases), "errors")


if __name__ == "__main__":
    main()
