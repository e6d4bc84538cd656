// Right programs, written in the many ways in which people and models write them: none may be refused.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "reward/code.h"
#include "reward/verifier.h"
#include "sandbox/boxed_test.h"

namespace r1 {
namespace {

using nlohmann::json;

class HonestCodeTest : public sandbox::BoxedTest {};

void expect_right(const json& gold, const std::string& source) {
    const Verdict verdict = compare_code(gold, source);
    EXPECT_EQ(verdict.score, 1) << source << "\n" << verdict.reason;
}

// Each prints the sum of two numbers.
const char* const kSums[] = {
    "print(sum(map(int, input().split())))",
    "import sys\nprint(sum(map(int, sys.stdin.read().split())))",
    "import sys\ninput = sys.stdin.readline\nprint(sum(map(int, input().split())))",
    "import sys\nprint(sum(map(int, sys.stdin.buffer.readline().split())))",
    "import sys\nfor line in sys.stdin: print(sum(map(int, line.split())))",
    "print(sum(map(int, open(0).read().split())))",
    "print(sum(map(int, open('/dev/stdin').read().split())))",
    "import os, io\ninput = io.BytesIO(os.read(0, os.fstat(0).st_size)).readline\nprint(sum(map(int, "
    "input().split())))",
    "import fileinput\nfor line in fileinput.input(): print(sum(map(int, line.split())))",
    "import mmap\nprint(sum(map(int, mmap.mmap(0, 0, prot=mmap.PROT_READ).read().split())))",
    "try:\n    while True: print(sum(map(int, input().split())))\nexcept EOFError: pass",
    "def main():\n    print(sum(map(int, input().split())))\nif __name__ == '__main__':\n    main()",
    "print(sum(map(int, input().split())))\nexit()",
    "import sys\nprint(sum(map(int, input().split())))\nsys.exit(0)",
    "import sys\nsys.stdout.write(str(sum(map(int, input().split()))) + '  \\r\\n\\n')",
    "import atexit\na = sum(map(int, input().split()))\natexit.register(lambda: print(a))",
    "import sys, threading\nsys.setrecursionlimit(10 ** 7)\nthreading.stack_size(512 << 20)\n"
    "def f(n): return n and 1 + f(n - 1)\ndef main(): print(f(50000) - 50000 + sum(map(int, "
    "input().split())))\n"
    "threading.Thread(target=main).start()",
    "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(8) as e: "
    "print(sum(e.map(int, "
    "input().split())))",
    "import multiprocessing as mp\ndef f(x): return int(x)\nif __name__ == '__main__':\n    with mp.Pool(2) "
    "as p: "
    "print(sum(p.map(f, input().split())))",
    "import subprocess, sys\na, b = input().split()\nprint(subprocess.run([sys.executable, '-c', "
    "f'print({a}+{b})'], capture_output=True, text=True).stdout)",
    "import asyncio\nasync def main(): print(sum(map(int, input().split())))\nasyncio.run(main())",
    "from __future__ import annotations\nfrom dataclasses import dataclass, field\nfrom typing import List\n"
    "@dataclass(order=True)\nclass P:\n    x: List[int] = field(default_factory=list)\n"
    "print(sum(P(list(map(int, input().split()))).x))",
    "import pickle\nclass A:\n    def __init__(s, v): s.v = "
    "v\nprint(pickle.loads(pickle.dumps(A(sum(map(int, "
    "input().split()))))).v)",
    "import tempfile\nwith tempfile.NamedTemporaryFile('w+') as f:\n    f.write(input()); f.seek(0)\n    "
    "print(sum(map(int, f.read().split())))",
    "#!/usr/bin/env python3\r\n# -*- coding: latin-1 -*-\r\ndef f():\r\n\tprint(sum(map(int, "
    "input().split())))\r\nf()\r\n",
    "\xef\xbb\xbfprint(sum(map(int, input().split())))",
    "import sys, warnings\nwarnings.warn('x')\nprint('log', file=sys.stderr)\nprint(sum(map(int, "
    "input().split())))",
    "import sys\nsys.stdin.reconfigure(encoding='utf-8')\nprint(sum(map(int, input().split())), flush=True)",
};

TEST_F(HonestCodeTest, WaysToReadAndWrite) {
    const json gold = {{"tests", {{"inputs", {"1 2", "30 -4\r\n"}}, {"outputs", {"3\n", "26"}}}}};
    for (const char* source : kSums) expect_right(gold, source);
}

TEST_F(HonestCodeTest, Outputs) {
    const auto printing = [](const std::string& wanted) {
        return json{{"tests", {{"inputs", {""}}, {"outputs", {wanted}}}}};
    };
    std::string lines;
    for (int i = 0; i < 150000; ++i) lines += std::to_string(i) + "\n";
    expect_right(printing(lines), "for i in range(150000): print(i)");
    expect_right(printing(std::string(5 << 20, 'x')), "print('x' * (5 << 20))");
    expect_right(printing("h\xc3\xa9 \xe4\xb8\x96\xe7\x95\x8c"), "print('h\xc3\xa9 \\u4e16\\u754c')");
    expect_right(printing("0.666667"), "print(2 / 3)");
    expect_right(printing("-0.0 3"), "print(0, 3.0)");
    expect_right(printing("YES"), "print('Yes')");
}

TEST_F(HonestCodeTest, Cpp) {
    const json gold = {{"language", "cpp"}, {"tests", {{"inputs", {"1 2\n"}}, {"outputs", {"3"}}}}};
    for (const char* source :
         {"#include <cstdio>\nint main(){int a,b;while(scanf(\"%d%d\",&a,&b)==2)printf(\"%d\\n\",a+b);}",
          "#include <fstream>\n#include <iostream>\n#include <thread>\n#include <vector>\n"
          "int main(){std::ifstream in(\"/dev/stdin\");long a,b;in>>a>>b;std::vector<std::thread> v;"
          "for(int i=0;i<24;i++)v.emplace_back([]{});for(auto&t:v)t.join();std::cout<<a+b;}",
          "#include <iostream>\nint f(int n){return n?1+f(n-1):0;}\n"
          "int main(){volatile int big[8000000];big[1]=0;long "
          "a,b;std::cin>>a>>b;std::cout<<a+b+f(1000000)-1000000+big[1];}"})
        expect_right(gold, source);
}

TEST_F(HonestCodeTest, Functions) {
    const json gold = {{"test_list", {"assert add(1, 2) == 3", "assert add('a', 'b') == 'ab'"}}};
    for (const char* source : {"add = lambda a, b: a + b", "from operator import add",
                               "class S:\n    def go(self, a, b): return a + b\nadd = S().go",
                               "def add(a, b):\n    print('adding')\n    return a + b\nif __name__ == "
                               "'__main__':\n    print(add(1, 2))",
                               "try: input()\nexcept EOFError: pass\ndef add(a, b): return a + b"})
        expect_right(gold, source);
    expect_right({{"tests", {{"inputs", {{{3, 1}, 2}}}, {"outputs", {{1, 2, 3}}}, {"fn_name", "add"}}}},
                 "class Solution:\n    def add(self, a: List[int], b: Optional[int]) -> List[int]:\n        "
                 "heapify(a)\n        return sorted(a + [b])[:pow(2, 3, 5)]");
    expect_right(
        {{"tests",
          "import pytest\n@pytest.fixture\ndef three():\n    yield 3\n@pytest.fixture()\ndef "
          "four(three): return three + 1\n"
          "@pytest.mark.parametrize('a', [1, 2])\ndef test_add(a, four, three):\n    assert add(a, four) == "
          "a + 4 and three == 3\n"
          "class TestAdd:\n    @pytest.mark.parametrize('a,b', [(1, 2)])\n    def test_it(self, a, b, "
          "three): assert add(a, b) == three\n"}},
        "def add(a, b): return a + b");
}

TEST_F(HonestCodeTest, Completions) {
    const json gold = {{"tests", {{"inputs", {"1 2"}}, {"outputs", {"3"}}}}};
    const std::string sum = "print(sum(map(int, input().split())))\n";
    for (const std::string& text :
         {"Sure:\n\n```python\n" + sum + "```\n\nIt adds.", "```py\n" + sum + "```\nOutput:\n```\n3\n```",
          "```python3.11\n" + sum + "```\n```bash\npython a.py\n```", "~~~Python\n" + sum + "~~~",
          "<think>```python\nprint(0)\n```</think>\n<answer>\n```\n" + sum + "```\n</answer>",
          "<think></think><answer>" + sum + "</answer>", "1. It is\n\n   ```python\n   " + sum + "   ```\n",
          "```python\nprint(0)\n```\nBetter:\n```python\n" + sum + "```"})
        EXPECT_EQ(verify_code(gold, text).score, 1) << text;
    const json human_eval = {
        {"prompt", "from typing import List\n\ndef add(a: int, b: int) -> int:\n    \"\"\"sum\"\"\"\n"},
        {"entry_point", "add"},
        {"test", "def check(candidate):\n    assert candidate(1, 2) == 3\n"}};
    for (const std::string source :
         {"    return a + b", "def add(a, b):\n    s: List[int] = [a, b]\n    return sum(s)\n",
          "    return more(a, b)\n\n\ndef more(a, b):\n    return a + b\n",
          "import math\n\ndef add(a, b):\n    return int(math.fsum([a, b]))\n\nif __name__ == '__main__':\n  "
          "  "
          "print(add(1, 2))\n"})
        EXPECT_EQ(verify_code(human_eval, "```python\n" + source + "\n```").score, 1) << source;
    EXPECT_EQ(
        verify_code(human_eval,
                    "```python\ndef add(a, b): return a + b\n```\nUse:\n```python\nprint(add(1, 2))\n```")
            .score,
        1);
}

}  // namespace
}  // namespace r1
