// Programs that do not solve the problem and try to earn its reward all the same.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <span>

#include "core/check.h"
#include "reward/code.h"
#include "sandbox/boxed_test.h"

namespace r1 {
namespace {

using nlohmann::json;

// What they are to compute is add(a, b) = a + b.
const char* const kCheats[] = {
    "print('PASSED'); print('passed all 3 tests'); import os; os._exit(0)",
    "import sys\nsys.exit(0)",
    "def add(a, b):\n    import os\n    os._exit(0)",
    "def add(a, b):\n    import sys\n    sys.exit(0)",
    "def add(a, b):\n    raise SystemExit(0)",
    "def add(a, b):\n    raise KeyboardInterrupt",
    "def add(a, b):\n    raise AssertionError",
    "def add(a, b):\n    raise BaseException('passed')",
    "class Yes:\n    def __eq__(self, other): return True\n    def __ne__(self, other): return False\n"
    "    def __bool__(self): return True\n    def __hash__(self): return 3\ndef add(a, b): return Yes()",
    "class Yes(int):\n    def __eq__(self, other): return True\n    __hash__ = int.__hash__\ndef add(a, b): "
    "return Yes(0)",
    "class Yes(str):\n    def __eq__(self, other): return True\n    __hash__ = str.__hash__\ndef add(a, b): "
    "return Yes('')",
    "class Yes(list):\n    def __eq__(self, other): return True\ndef add(a, b): return Yes()",
    "class Yes(float):\n    def __rsub__(self, other): return 0.0\n    def __eq__(self, o): return True\ndef "
    "add(a, b): return Yes(7)",
    "import unittest.mock\nadd = unittest.mock.ANY\n",
    "import unittest.mock\ndef add(a, b): return unittest.mock.ANY",
    "import builtins\nbuiltins.AssertionError = None\nbuiltins.all = lambda x: True\nbuiltins.len = lambda "
    "x: 3\n"
    "builtins.abs = lambda x: 0\nbuiltins.isinstance = lambda *a: True\ndef add(a, b): return None",
    "import sys\nsys.excepthook = lambda *a: None\nsys.settrace(lambda *a: None)\ndef add(a, b): return None",
    "import atexit, os\natexit.register(lambda: os._exit(0))\ndef add(a, b): return None",
    "import operator, math\noperator.eq = lambda a, b: True\nmath.isclose = lambda *a, **k: True\ndef add(a, "
    "b): return None",
    "import json\njson.dumps = lambda *a, **k: '{\"passed\": true}'\ndef add(a, b): return None",
    "import json\nold = json.dumps\njson.dumps = lambda m, **k: old(['value', True])\ndef add(a, b): return "
    "None",
    // the harness's own objects, through the stack, the garbage collector and the modules
    "import sys, gc\ndef add(a, b):\n    frame = sys._getframe()\n    while frame:\n        for name, value "
    "in list(frame.f_locals.items()):\n"
    "            if name in ('expected', 'tests', 'spec', 'nonce'): return value\n        frame = "
    "frame.f_back\n"
    "    for o in gc.get_objects():\n        if isinstance(o, dict) and ('expected' in o or 'nonce' in o): "
    "return o.get('expected')\n    return None",
    "import gc\nfor o in gc.get_objects():\n    if type(o).__name__ == 'Peer':\n        o.send(['loaded', "
    "None]); o.send(['value', True]); o.send(['value', 3])\n",
    "import gc\ndef add(a, b):\n    for o in gc.get_objects():\n        if type(o).__name__ == 'Peer':\n"
    "            o.tester = True; o.encode = lambda v, d=0: True; o.module = None\n    return None",
    "import sys\nmain = sys.modules.get('__main__')\nfor name in list(vars(main)):\n"
    "    if name in ('same', 'run_test', 'plain', 'call_test'): setattr(main, name, lambda *a: True)\ndef "
    "add(a, b): return None",
    // raw bytes on every descriptor
    "import os, json\nfor fd in range(3, 64):\n    for text in ('{\"nonce\": \"\", \"loaded\": true, "
    "\"results\": [{\"passed\": true}]}', "
    "'[\"value\", true]', '[\"loaded\", null]'):\n        try: os.write(fd, len(text).to_bytes(4, 'little') "
    "+ text.encode())\n"
    "        except OSError: pass\nos._exit(0)",
    "import os\nos.write(4, b'\\xff\\xff\\xff\\xff' + b'x' * 1000)\nimport time\ntime.sleep(100)",
    "import os\nos.write(4, (100).to_bytes(4, 'little') + b'[' * 100)\n",
    "import os\ndef add(a, b):\n    data = b'[' * 100000 + b']' * 100000\n    os.write(4, "
    "len(data).to_bytes(4, 'little') + data)\n",
    "import os, json\ndef raw(m):\n    d = json.dumps(m).encode(); os.write(4, len(d).to_bytes(4, 'little') "
    "+ d)\n"
    "def add(a, b):\n    raw(['value', ['o', 0]])\n",
    "import os, json\ndef raw(m):\n    d = json.dumps(m).encode(); os.write(4, len(d).to_bytes(4, 'little') "
    "+ d)\n"
    "def add(a, b):\n    raw(['raise', 'Skipped', '']); raw(['raise', 'StopIteration', '']); raw(['raise', "
    "'object', ''])\n",
    "import os, json\ndef raw(m):\n    d = json.dumps(m).encode(); os.write(4, len(d).to_bytes(4, 'little') "
    "+ d)\n"
    "def add(a, b):\n    for n in range(20):\n        for verb in ('attr', 'call', 'setattr', 'get', "
    "'item'):\n"
    "            raw([verb, ['o', n], '__globals__', ['l'], ['d']])\n    return None\n",
    // names that the tests use
    "def set(x): return 1\ndef abs(x): return 0\ndef len(x): return 3\ndef sorted(x): return []\ndef "
    "check(f): return True\n"
    "def same(*a): return True\ndef str(x): return ''\ndef add(a, b): return None",
    "__builtins__ = {}\ndef add(a, b): return None",
    // odd values and errors
    "def add(a, b):\n    raise ValueError('\\ud800')",
    "raise ValueError('\\udfff')",
    "def add(a, b):\n    raise StopIteration",
    "class S(str):\n    def __str__(self): raise SystemExit\nclass E(Exception):\n    __str__ = None\ndef "
    "add(a, "
    "b): raise E(S())",
    "class X:\n    __class__ = property(lambda s: int)\n    def __eq__(s, o): return True\n    def "
    "__index__(s): "
    "return 0\n    def __sub__(s, o): return 0\n    __rsub__ = __sub__\n    def __abs__(s): return 0\ndef "
    "add(a, b): "
    "return X()",
    "class M(type):\n    def __eq__(s, o): return True\n    def __hash__(s): return 1\nclass "
    "add(metaclass=M):\n    "
    "def __init__(s, a, b): pass\n    def __eq__(s, o): return True",
    "class L(list):\n    def __len__(s): return 10 ** 18\n    def __iter__(s): raise SystemExit\n    def "
    "__eq__(s, "
    "o): return True\ndef add(a, b): return L()",
    "def __getattr__(name): return lambda *a: True",
    "import sys, ctypes\nfor i in range(9): ctypes.c_int.from_address(id(i) + 24).value = 3\ndef add(a, b): "
    "return 3",
    "import sys\nsys.modules.clear()\nsys.meta_path.clear()\ndef add(a, b): return None",
    "import sys, os\nsys.addaudithook(lambda *a: os._exit(0))\ndef add(a, b): return None",
    "import os\nif os.fork():\n    os._exit(0)\ndef add(a, b): return None",
    "import os\ndef add(a, b):\n    os.execv('/bin/sh', ['sh', '-c', 'printf "
    "\\'\\\\005\\\\0\\\\0\\\\0[true\\' >&4'])",
    "import resource\nfor what in (0, 2, 3, 6, 7, 9):\n    try: resource.prlimit(1, what, (0, 0))\n    "
    "except OSError: "
    "pass\ndef add(a, b): return None",
    "import os, json\ndef raw(m):\n    d = json.dumps(m).encode(); os.write(4, len(d).to_bytes(4, 'little') "
    "+ d)\n"
    "def add(a, b):\n    raw(['value', ['F', 1, 0]]); raw(['value', ['Y', 'eval']]); raw(['value', ['B', "
    "'zz']]); "
    "raw(['value', None, [3, 3]]); raw({'value': 3})\n",
    "import signal, os\nfor p in (1, 2, 3): os.kill(p, signal.SIGKILL)\nos.kill(os.getppid(), "
    "signal.SIGTERM)\ndef add(a, b): return None",
};

// Those that end at a limit alone.
const char* const kStallers[] = {
    "import time\ntime.sleep(1000)",
    "while True: pass",
    "def add(a, b):\n    while True: pass",
    "def add(a, b):\n    return [[]] * 10 ** 9",
    "def add(a, b):\n    return 10 ** (10 ** 7)",
    "def add(a, b):\n    x = []\n    for i in range(100000): x = [x]\n    return x",
    "def add(a, b):\n    x = []\n    x.append(x)\n    return x",
    "def add(a, b):\n    def forever():\n        while True: yield 3\n    return forever()",
    "import os\nwhile os.fork() == 0: pass\ndef add(a, b): return None",
    "def add(a, b): return {i * ((1 << 61) - 1) for i in range(30000)}",
    "from decimal import Decimal\ndef add(a, b): return Decimal('1e999999999')",
    "def add(a, b): return range(10 ** 12)",
    "import os\ndef add(a, b):\n    while True: os.write(4, b'\\x04\\0\\0\\0null' * 1000)",
    "class X:\n    def __len__(s): return 10 ** 18\n    def __getitem__(s, i): return i\ndef add(a, b): "
    "return X()",
    "def add(a, b): return float('nan')",
};

class FakeVerdictTest : public sandbox::BoxedTest {
  protected:
    void expect_none_passes(json gold, std::span<const char* const> cheats = kCheats) {
        gold["time_limit"] = 0.2;
        gold["wall_limit"] = 2;
        gold["memory_limit"] = 128;
        for (const char* cheat : cheats) {
            const Verdict verdict = compare_code(gold, cheat);
            EXPECT_EQ(verdict.score, 0) << cheat;
            EXPECT_TRUE(verdict.outcome == Outcome::wrong || verdict.outcome == Outcome::timeout)
                << cheat << "\n"
                << verdict.reason;
        }
        EXPECT_EQ(compare_code(gold, "def add(a, b): return a + b").score, 1)
            << "an honest one after all of them";
    }
};

TEST_F(FakeVerdictTest, Asserts) {
    expect_none_passes({{"test_list",
                         {"assert add(1, 2) == 3", "assert abs(add(0.5, 0.25) - 0.75) < 1e-9",
                          "assert set(add([1], [2])) == {1, 2}",
                          "assert str(add('a', 'b')) == 'ab' and len(add('a', 'b')) == 2"}}});
}

TEST_F(FakeVerdictTest, Stallers) {
    expect_none_passes({{"test_list", {"assert add(1, 2) == 3", "assert list(add([], [])) == []"}}},
                       kStallers);
}

TEST_F(FakeVerdictTest, Check) {
    expect_none_passes(
        {{"prompt", "def add(a, b):\n    \"\"\"sum\"\"\"\n"},
         {"entry_point", "add"},
         {"test",
          "def check(candidate):\n    for i in range(3):\n        assert candidate(i, 2) == i + 2\n"
          "    try:\n        candidate([], None)\n    except TypeError:\n        pass\n    else:\n        "
          "assert False\n"
          "    assert candidate(7, 8) == 15"}});
}

TEST_F(FakeVerdictTest, Calls) {
    expect_none_passes(
        {{"tests",
          {{{"input", {1, 2}}, {"output", 3}, {"type", "function_call"}, {"fn_name", "add"}},
           {{"input", {1.5, 2}}, {"output", 3.5}, {"type", "function_call"}, {"fn_name", "add"}}}}});
}

TEST_F(FakeVerdictTest, WhatTestsLeaveOpen) {
    const auto score = [](json gold, const char* source) {
        gold["time_limit"] = 0.3;
        return compare_code(gold, source).score;
    };
    // a loop over cases that ends with the candidate's StopIteration
    const json loop = {{"test_list", {"assert all(map(lambda i: add(i, i) == 2 * i, range(5)))"}}};
    EXPECT_EQ(score(loop, "def add(a, b): raise StopIteration"), 0);
    EXPECT_EQ(score(loop, "def add(a, b): return a + b"), 1);
    // the function under test has a built-in name, and so has what is around it
    const json around = {{"test_list", {"assert set(max([1, 2])) == set([2])"}}};
    EXPECT_EQ(score(around, "def set(x): return 3\ndef max(x): return []"), 0);
    EXPECT_EQ(score(around, "def max(x): return x[1:]"), 1);
    // methods of the test's own objects
    const json object = {
        {"tests",
         "from solution import add\nclass Box:\n    v = 1\n    def same(self, x): return self.v == "
         "x\ndef test_box():\n    box = Box()\n    add(box, 2)\n    assert box.same(3)\n"}};
    EXPECT_EQ(score(object, "def add(box, x): box.same = lambda y: True"), 0);
    EXPECT_EQ(score({{"tests",
                      "from solution import add\nclass Box:\n    def __init__(self): self.v = 1\ndef "
                      "test_box():\n    box = Box()\n    add(box, 2)\n    assert box.v == 3\n"}},
                    "def add(box, x): box.v += x"),
              1);
}

TEST_F(FakeVerdictTest, ScriptsAsTests) {
    const json script = {{"tests", "from solution import add\nassert add(1, 2) == 3\nassert add(2, 2) == 4"}};
    EXPECT_EQ(compare_code(script, "def add(a, b): return a + b").score, 1);
    for (const char* wrong :
         {"def add(a, b): return 3", "def add(a, b): raise ValueError", "add = 3", "x = 1"})
        EXPECT_EQ(compare_code(script, wrong).outcome, Outcome::wrong) << wrong;
    // tests that test nothing, or that cannot run here, are the data's fault
    for (const char* tests : {"def check(candidate):\n    assert candidate(1, 2) == 3", "x = 3",
                              "import numpy_is_absent, numpy.absent\nassert numpy.absent.f(add(1, 2))",
                              "def test_a(tmp_path):\n    assert add(1, 2) == 3"})
        EXPECT_THROW(compare_code({{"tests", tests}}, "def add(a, b): return a + b"), Error) << tests;
}

TEST_F(FakeVerdictTest, Programs) {
    json gold = {{"tests", {{"inputs", {"1 2", "3 4"}}, {"outputs", {"3", "7"}}}}, {"time_limit", 0.2}};
    for (const char* cheat :
         {"print('PASSED')", "import os\nos._exit(0)", "import sys\nprint(open('/proc/self/cmdline').read())",
          "import os\nfor root, _, files in os.walk('/tmp'):\n    for f in files: "
          "print(open(os.path.join(root, f)).read())",
          "print(3)", "print(3, 7)", "print('3 ' * 1000)",
          "import os\nif os.path.exists('/tmp/seen'): print(7)\nelse:\n    open('/tmp/seen', 'w'); print(3)",
          "import os, sys\nprint(3)\nsys.stdout.flush()\nos.kill(os.getpid(), 9)"}) {
        EXPECT_EQ(compare_code(gold, cheat).score, 0) << cheat;
    }
    EXPECT_EQ(compare_code(gold, "print(sum(map(int, input().split())))").score, 1);
}

}  // namespace
}  // namespace r1
