// Jobs in fresh boxes of warm managers.
#include "sandbox/runner.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "core/check.h"
#include "sandbox/boxed_test.h"
#include "sandbox/tree.h"

namespace r1::sandbox {
namespace {

using RunnerTest = BoxedTest;

Job python(const std::string& source, const std::string& input = "") {
    Job job;
    job.mode = Job::Mode::python;
    job.source = source;
    job.input = input;
    job.limits.wall_seconds = 8;
    return job;
}

TEST_F(RunnerTest, PythonReadsAndWrites) {
    const Result result =
        run(python("n = int(input())\nprint(sum(map(int, input().split())) * n)", "2\n1 2 3\n"));
    ASSERT_TRUE(result.ok()) << result.failure << result.errors;
    EXPECT_EQ(result.output, "12\n");
}

TEST_F(RunnerTest, ExitStatusAndErrorsAreKept) {
    Result result = run(python("import sys\nprint('out')\nprint('err', file=sys.stderr)\nsys.exit(3)"));
    EXPECT_EQ(result.status, 3);
    EXPECT_EQ(result.output, "out\n");
    EXPECT_EQ(result.errors, "err\n");
    result = run(python("def f():\n    raise ValueError('no')\nf()"));
    EXPECT_EQ(result.status, 1);
    EXPECT_NE(result.errors.find("line 2, in f"), std::string::npos) << result.errors;
    EXPECT_EQ(result.errors.find("run_main"), std::string::npos) << "frames of the runner";
    result = run(python("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)"));
    EXPECT_EQ(result.signal, SIGSEGV);
}

TEST_F(RunnerTest, BehavesAsAMainProgram) {
    const Result result = run(
        python("import sys, atexit, threading, time\n"
               "atexit.register(lambda: print('atexit'))\n"
               "def late():\n    time.sleep(0.05); print('thread')\n"
               "threading.Thread(target=late).start()\n"
               "import __main__\n"
               "if __name__ == '__main__': print('main', len(sys.argv), __main__.__name__, sys.stdin.read())",
               "input"));
    EXPECT_EQ(result.output, "main 1 __main__ input\nthread\natexit\n") << result.errors;
}

TEST_F(RunnerTest, CompilesAndRunsInTheBox) {
    Job job;
    job.argv = {"/usr/bin/g++", "-std=c++20", "-o", "program", "main.cpp"};
    job.files = {{"main.cpp",
                  "#include <iostream>\nint main() { int a, b; std::cin >> a >> b; std::cout << a + b; }"}};
    job.collect = "program";
    job.limits.wall_seconds = 60;
    job.limits.cpu_seconds = 30;
    job.limits.memory_bytes = size_t{1} << 30;
    const Result compiled = run(job);
    ASSERT_TRUE(compiled.ok()) << compiled.failure << compiled.errors << compiled.status;
    ASSERT_GT(compiled.collected.size(), 1000U);
    Job program;
    program.argv = {"./program"};
    program.files = {{"program", compiled.collected}};
    program.input = "20 22";
    EXPECT_EQ(run(program).output, "42");
}

TEST_F(RunnerTest, LimitsAreNamed) {
    Job job = python("while True: pass");
    job.limits.cpu_seconds = 0.3;
    EXPECT_EQ(run(job).limit, Limit::cpu);
    job = python("import time\ntime.sleep(100)");
    job.limits.wall_seconds = 0.3;
    EXPECT_EQ(run(job).limit, Limit::wall);
    job = python("data = b'x' * (300 << 20)\nimport time\ntime.sleep(5)");
    job.limits.memory_bytes = size_t{200} << 20;
    EXPECT_EQ(run(job).limit, Limit::memory);
    job = python("while True: print('x' * 1000)");
    job.limits.output_bytes = 100000;
    const Result flood = run(job);
    EXPECT_EQ(flood.limit, Limit::output);
    EXPECT_EQ(flood.output.size(), 100000U);
}

TEST_F(RunnerTest, ManyAtOnce) {
    std::vector<std::thread> threads;
    std::atomic<int> right = 0;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 5; ++i)
                right += run(python(cat("print(", t, " * ", i, ")"))).output == cat(t * i, "\n");
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(right, 20);
}

std::string asserts(const std::vector<std::string>& tests) {
    return nlohmann::json{{"nonce", "n"}, {"style", "asserts"}, {"tests", tests}}.dump();
}

nlohmann::json verdict_of(const std::vector<std::string>& tests, const std::string& source) {
    Limits limits;
    limits.cpu_seconds = 2;
    limits.wall_seconds = 5;
    const TestRun done = run_tests(asserts(tests), source, limits);
    EXPECT_EQ(done.tester.failure + done.candidate.failure, "");
    EXPECT_TRUE(done.tester.ok()) << done.tester.errors;
    return nlohmann::json::parse(done.verdict);
}

std::vector<bool> passed(const std::vector<std::string>& tests, const std::string& source) {
    std::vector<bool> results;
    const nlohmann::json verdict = verdict_of(tests, source);
    for (const nlohmann::json& result : verdict["results"]) results.push_back(result["passed"]);
    return results;
}

TEST_F(RunnerTest, ATesterCallsACandidate) {
    EXPECT_EQ(passed({"assert add(1, 2) == 3", "assert add(1, 2) == 4", "assert add([1], [2]) == [1, 2]"},
                     "def add(a, b): return a + b"),
              (std::vector<bool>{true, false, true}));
}

TEST_F(RunnerTest, ValuesPassUnchanged) {
    const std::vector<std::string> tests = {
        "x = [None, True, 1, -2**70, 1.5, float('inf'), 'a\\u1234\\ud800', b'\\x00\\xff', (1, (2,)), {1, 2}, "
        "frozenset([3]),"
        " {1: 'a', (2, 3): [4]}, 1+2j, range(3, 9, 2)]\nassert same(x) == x\n"
        "assert [type(v) for v in same(x)] == [type(v) for v in x]",
        "import collections, fractions, decimal, datetime\n"
        "for x in (collections.Counter('aab'), collections.OrderedDict(a=1), collections.deque([1, 2]), "
        "fractions.Fraction(1, 3), decimal.Decimal('1.50'), datetime.date(2020, 1, 2), "
        "datetime.timedelta(3)):\n"
        "    assert same(x) == x and type(same(x)) is type(x)",
        "x = float('nan')\nassert same(x) != same(x)",
        "assert same([]) is not None and math.isinf(same(math.inf))",
        "f = lambda x: x + 1\nassert same(f) is f",
        "assert list(gen(3)) == [0, 1, 2]",
        "assert same(int) is int and call(len, [1, 2]) == 2",
        "a = [3, 1, [2]]\nassert change(a) is None and a == [1, 3, [2]]",
        "assert call(lambda x: x * 2, 21) == 42",
        "p = Pair(1, 2)\nassert p.a == 1 and p.total() == 3 and swap(p).a == 2",
        "try:\n    fails()\nexcept ValueError as e:\n    assert str(e) == 'no'\nelse:\n    assert False",
    };
    const std::string source =
        "def same(x): return x\ndef gen(n): yield from range(n)\ndef change(a): a[:2] = sorted(a[:2])\n"
        "def call(f, x): return f(x)\ndef fails(): raise ValueError('no')\n"
        "class Pair:\n    def __init__(self, a, b): self.a, self.b = a, b\n    def total(self): return "
        "self.a + self.b\n"
        "def swap(p): return Pair(p.b, p.a)\n";
    const nlohmann::json verdict = verdict_of(tests, source);
    for (size_t i = 0; i < tests.size(); ++i) EXPECT_EQ(verdict["results"][i]["reason"], "") << tests[i];
}

// Without a box, as the user may ask for: limits and the filter are there, and what a job leaves is removed.
TEST_F(RunnerTest, WithoutIsolationByName) {
    stop_managers();
    set_isolation(Isolation::none);
    const Result result = run(python(
        "import os, time\nopen('left', 'w')\nprint(os.getcwd())\n"
        "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0: time.sleep(60)\n    os._exit(0)"));
    EXPECT_TRUE(result.ok()) << result.failure << result.errors;
    EXPECT_FALSE(std::filesystem::exists(result.output.substr(0, result.output.find('\n'))));
    Job job = python("import time\ntime.sleep(60)");
    job.limits.wall_seconds = 0.3;
    EXPECT_EQ(run(job).limit, Limit::wall);
    EXPECT_EQ(run(python("import socket\ntry: socket.socket()\nexcept OSError: print('no')")).output, "no\n");
    EXPECT_EQ(passed({"assert f() == 1"}, "def f(): return 1"), std::vector<bool>{true});
    stop_managers();
    set_isolation(Isolation::bubblewrap);
    EXPECT_LE(tree_usage(::getpid(), false).tasks, 0);
}

TEST_F(RunnerTest, ACandidateThatDoesNotLoadIsSaid) {
    const nlohmann::json verdict = verdict_of({"assert f() == 1"}, "def f(:");
    EXPECT_FALSE(verdict["loaded"]);
    EXPECT_NE(verdict["failure"].get<std::string>().find("SyntaxError"), std::string::npos);
}

}  // namespace
}  // namespace r1::sandbox
