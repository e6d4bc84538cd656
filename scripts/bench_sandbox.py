#!/usr/bin/env python3
"""Tests per second in the sandbox, beside a plain subprocess and a fresh bubblewrap box for each test.

    scripts/bench_sandbox.py build/r1 [--tests 400] [--workers 2]

The test: a Python program that reads two numbers and prints their sum. Each worker is a process of its own.
"""
import argparse
import json
import subprocess
import threading
import time

PROGRAM = 'a, b = map(int, input().split())\nprint(a + b)\n'
BOX = ['bwrap', '--unshare-all', '--die-with-parent', '--ro-bind', '/usr', '/usr', '--symlink', 'usr/lib', '/lib',
       '--symlink', 'usr/lib64', '/lib64', '--symlink', 'usr/bin', '/bin', '--tmpfs', '/tmp', '--dev', '/dev',
       '--proc', '/proc', '--']


def run_each(command, count):
    for i in range(count):
        done = subprocess.run(command + ['/usr/bin/python3', '-s', '-c', PROGRAM], input=f'{i} 1\n', text=True,
                              capture_output=True, check=True)
        assert done.stdout == f'{i + 1}\n'


def grade_all(r1, requests):
    done = subprocess.run([r1, 'grade'], input='\n'.join(map(json.dumps, requests)), text=True, capture_output=True,
                          check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(requests) and all(answer['score'] == 1 for answer in answers), done.stdout[:500]


def programs(count):
    return [{'kind': 'code', 'source': PROGRAM, 'tests': {'inputs': [f'{i} 1\n'], 'outputs': [f'{i + 1}\n']}}
            for i in range(count)]


def functions(count):
    return [{'kind': 'code', 'source': 'def add(a, b): return a + b',
             'test_list': [f'assert add({i}, {k}) == {i + k}' for k in range(3)]} for i in range(count)]


def measure(name, work, tests, workers):
    threads = [threading.Thread(target=work, args=(tests // workers,)) for _ in range(workers)]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate = tests / (time.monotonic() - begin)
    print(f'{name:58} {rate:7.0f} tests/s  {1000 * workers / rate:7.2f} ms each')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('r1')
    parser.add_argument('--tests', type=int, default=400)
    parser.add_argument('--workers', type=int, default=2)
    args = parser.parse_args()
    for name, work in (
            ('python3 as a plain subprocess, unprotected', lambda n: run_each([], n)),
            ('python3 in a fresh bubblewrap box', lambda n: run_each(BOX, n)),
            ('r1: a program, fresh box of a warm manager', lambda n: grade_all(args.r1, programs(n))),
            ('r1: 3 asserts, tester and candidate in a box each', lambda n: grade_all(args.r1, functions(n)))):
        measure(name, work, args.tests, args.workers)


if __name__ == '__main__':
    main()
