// A long-lived program in a box.
#include "sandbox/process.h"

#include <gtest/gtest.h>

#include "core/check.h"
#include "core/clock.h"
#include "sandbox/boxed_test.h"

namespace r1::sandbox {
namespace {

ProcessSpec python(const std::string& program) {
    ProcessSpec spec;
    spec.command = {"python3", "-c", program};
    spec.limits.wall_seconds = 5;
    spec.limits.processes = 8;
    return spec;
}

using ProcessTest = BoxedTest;

TEST_F(ProcessTest, AnswersLineByLine) {
    Process process(python("import sys\nfor line in sys.stdin: print(line.strip() * 2, flush=True)"));
    for (const char* text : {"a", "bc", ""}) {
        const Process::Reply reply = process.request(text);
        ASSERT_TRUE(reply.answered) << reply.failure;
        EXPECT_EQ(reply.line, std::string(text) + text);
    }
    EXPECT_TRUE(process.running());
}

TEST_F(ProcessTest, LongLinesBothWays) {
    Process process(python("import sys\nfor line in sys.stdin: print(line.strip() * 3, flush=True)"));
    const std::string text(1000000, 'x');
    const Process::Reply reply = process.request(text);
    ASSERT_TRUE(reply.answered) << reply.failure;
    EXPECT_EQ(reply.line.size(), 3 * text.size());
}

TEST_F(ProcessTest, FilesAreGivenByContent) {
    ProcessSpec spec = python("");
    spec.files = {{"/verifier/main.py", "import sys\nfor line in sys.stdin: print('given', flush=True)"}};
    spec.command = {"python3", "/verifier/main.py"};
    Process process(spec);
    EXPECT_EQ(process.request("x").line, "given");
}

TEST_F(ProcessTest, ADeadProgramIsSaid) {
    Process process(python("import sys\nsys.stdin.readline(); raise ValueError('no idea')"));
    const Process::Reply reply = process.request("x");
    EXPECT_FALSE(reply.answered);
    EXPECT_NE(reply.failure.find("no idea"), std::string::npos) << reply.failure;
    EXPECT_FALSE(process.running());
    EXPECT_FALSE(process.request("x").answered);
}

TEST_F(ProcessTest, ASilentProgramIsKilledInTime) {
    Process process(python("import time\ntime.sleep(1000)"));
    EXPECT_EQ(process.request("x", 0.3).limit, Limit::wall);
    EXPECT_FALSE(process.running());
}

TEST_F(ProcessTest, CpuTimeOfEachRequestIsLimited) {
    ProcessSpec spec = python("import sys\nfor line in sys.stdin:\n  while True: pass");
    spec.limits.cpu_seconds = 0.2;
    spec.limits.wall_seconds = 20;
    Process process(spec);
    EXPECT_EQ(process.request("x").limit, Limit::cpu);
}

TEST_F(ProcessTest, MemoryOfTheWholeTreeIsLimited) {
    ProcessSpec spec = python(
        "import os, sys, time\nsys.stdin.readline()\n"
        "for i in range(4):\n  if os.fork() == 0:\n    data = b'x' * (40 << 20); "
        "time.sleep(60)\ntime.sleep(60)");
    spec.limits.memory_bytes = size_t{100} << 20;
    Process process(spec);
    const Process::Reply reply = process.request("x");
    EXPECT_EQ(reply.limit, Limit::memory) << reply.failure;
}

TEST_F(ProcessTest, AnEndlessAnswerIsCut) {
    ProcessSpec spec = python("import sys\nsys.stdin.readline()\nwhile True: sys.stdout.write('x' * 65536)");
    spec.limits.output_bytes = 1 << 20;
    Process process(spec);
    EXPECT_EQ(process.request("x").limit, Limit::output);
}

TEST_F(ProcessTest, NothingUnasked) {
    Process process(python(
        "import sys\nprint('unasked', flush=True)\nfor line in sys.stdin: print('asked', flush=True)"));
    const double begin = seconds_now();  // until it has written, the unasked line may count as the answer
    Process::Reply reply = process.request("x");
    while (reply.answered && reply.line != "asked" && seconds_now() - begin < 5) reply = process.request("x");
    EXPECT_EQ(reply.line, "asked");
}

TEST_F(ProcessTest, AMissingProgramIsAnError) {
    ProcessSpec spec = python("");
    spec.command = {"no-such-program"};
    EXPECT_THROW(Process{spec}, Error);
    spec.command = {"/usr/bin/no-such-program"};
    Process process(spec);
    EXPECT_FALSE(process.request("x").answered);
}

}  // namespace
}  // namespace r1::sandbox
